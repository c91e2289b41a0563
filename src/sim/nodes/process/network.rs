//! What a program may ask of the network: names, and whether somebody answers.
//! Who answers in the cluster is for the nodes to say (`reach.rs`).

use std::net::IpAddr;

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// No such name.
    Unknown,
    /// Nobody listens there.
    Refused,
    /// Nobody says anything.
    Timeout,
}

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub server: String,
    pub body: String,
}

/// The network as a Pod sees it. `host` is a name or an address.
pub trait Network: Send + Sync {
    /// The addresses of a name, with the whole name that was found.
    fn resolve(&self, name: &str) -> Option<(String, Vec<IpAddr>)>;
    /// Opens a connection.
    fn connect(&self, host: &str, port: u16) -> Result<IpAddr, Silence>;
    /// Asks for a path over HTTP.
    fn get(&self, host: &str, port: u16, path: &str) -> Result<Reply, Silence>;
}

/// No network at all.
pub struct Offline;

impl Network for Offline {
    fn resolve(&self, _: &str) -> Option<(String, Vec<IpAddr>)> {
        None
    }

    fn connect(&self, _: &str, _: u16) -> Result<IpAddr, Silence> {
        Err(Silence::Unknown)
    }

    fn get(&self, _: &str, _: u16, _: &str) -> Result<Reply, Silence> {
        Err(Silence::Unknown)
    }
}
