//! The simulated API server: storage < registry < auth < admission < endpoints < server and in-process client.
//! What happens to objects after they are stored is the controllers'.

pub mod field;
pub mod pki;
pub mod registry;
pub mod status;
pub mod storage;
