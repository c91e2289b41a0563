//! Going into nodes, and programs there: what the faces and labs need of the simulated cluster's.
//! How it is done is the simulator's.

pub use super::kind::containers::Containers;
pub use crate::sim::machine::root::Root;
pub use crate::sim::shell::client::{ClientError, entrance, nodes, run};
pub use crate::sim::shell::enter::place::{NODES, Place};
pub use crate::sim::shell::enter::probe::remedy;
pub use crate::sim::shell::enter::{Found, Mode, Visit, enter, found, stage};
pub use crate::sim::shell::protocol::Entrance;
