//! Use cases, and the one driver that runs their effects.
//! No terminal here: the faces are tui and cli.

pub mod control;
pub mod diagnosis;
pub mod driver;
pub mod error;
pub mod home;
pub mod host;
pub mod ledger;
pub mod machine;
pub mod offers;
pub mod own;
pub mod place;
pub mod records;
pub mod sessions;
pub mod sittings;
pub mod solution;
pub mod verify;

pub use crate::cluster::Origin;
pub use crate::lab::Shell;
