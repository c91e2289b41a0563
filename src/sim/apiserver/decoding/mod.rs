//! From the bytes of a request to an object as Kubernetes would store it: JSON, YAML and protobuf; strict decoding; kinds and versions.
//! Defaults and validation come later, in the registry's strategies; patches are applied in the endpoints, and re-read here.

mod bare;
mod errors;
pub mod protobuf;
mod read;
mod walk;
mod words;

pub use errors::{DecodeError, Unfit};
pub use read::{FieldValidation, decode, document, refit, repeated, tree};
pub use words::{Dialect, go_map};
