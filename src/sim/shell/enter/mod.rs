//! Going into a node: its folder becomes the root of a shell, with the host's own programs read-only around it, and without being root.
//! What the commands there do is the cluster's; how it is asked, `client`'s.

mod host;
mod login;
mod namespaces;
pub mod place;
mod portable;
pub mod probe;
mod proot;

use std::io;

use crate::base::program;
pub use namespaces::stage;
pub use place::Visit;
pub use probe::{Found, Mode, found};

/// Goes in: this process becomes what runs there. It returns only where that fails.
pub fn enter(visit: &Visit) -> io::Error {
    let Some(program) = program::file() else { return io::ErrorKind::NotFound.into() };
    match &found().mode {
        Mode::Namespaces => namespaces::enter(visit, program),
        Mode::Proot(proot) => proot::enter(visit, program, proot),
        Mode::Portable => portable::enter(visit, program),
    }
}
