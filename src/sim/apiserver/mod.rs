//! The simulated API server: storage < registry < auth < admission < endpoints < server and in-process client.
//! What happens to objects after they are stored is the controllers'.

pub mod admission;
pub mod auth;
pub mod client;
pub mod decoding;
pub mod endpoints;
pub mod field;
pub mod openapi;
pub mod pki;
pub mod recorder;
pub mod registry;
pub mod server;
pub mod status;
pub mod storage;
pub mod tls;
