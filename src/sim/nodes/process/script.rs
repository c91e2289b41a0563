//! What a program does that follows from what is outside its container: what it says, how long it serves, and how it ends.
//! Who finds that out is the program's own file; that it comes to pass is `programs/server.rs`.

use std::time::Duration;

use crate::sim::nodes::callers::Caller;

/// What a program says and how it ends, when that follows from what is outside the container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    pub lines: Vec<String>,
    /// How long until its last words.
    pub after: Duration,
    pub last: Vec<String>,
    /// With what it ends; it serves without one.
    pub code: Option<i32>,
    /// Whether it runs and does nothing.
    pub idle: bool,
    /// The ports it opens, where these are not its image's.
    pub ports: Option<Vec<u16>>,
    /// How it stands with the API server, if it lives by that.
    pub caller: Option<Box<Caller>>,
}
