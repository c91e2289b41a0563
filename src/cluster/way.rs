//! The way into a cluster's nodes, as it is handed from one process to another: as text, in a variable or in JSON.
//! Going in is the faces'.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the text of a cluster of kind begins with; a socket's is an absolute path.
const KIND: &str = "kind:";

/// Where one goes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Way {
    /// At the socket that answers for the nodes of a simulated cluster.
    Socket(PathBuf),
    /// Into the containers of the cluster that kind knows by this name.
    Kind(String),
}

impl From<String> for Way {
    fn from(text: String) -> Self {
        match text.strip_prefix(KIND) {
            Some(name) => Self::Kind(name.to_owned()),
            None => Self::Socket(text.into()),
        }
    }
}

impl From<Way> for String {
    fn from(way: Way) -> Self {
        match way {
            Way::Socket(path) => path.to_string_lossy().into_owned(),
            Way::Kind(name) => format!("{KIND}{name}"),
        }
    }
}
