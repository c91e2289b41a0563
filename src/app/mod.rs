//! Use cases, and the one driver that runs their effects.
//! No terminal here: the faces are tui and cli.

pub mod error;
pub mod verify;
