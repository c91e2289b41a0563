//! What the control plane's own programs, and kube-proxy, make of their flags and files when their containers start.
//! That the parts of the cluster then run or do not is `operating`'s. Sources: the programs of 1.35 and etcd 3.6 themselves, run with each fault.

mod api_server;
mod begin;
mod clients;
mod greeting;
pub mod settings;

use serde_json::Value;

pub use begin::{Starting, mounted};

/// The programs that are looked at.
const PROGRAMS: [&str; 5] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"];

/// The program of a container's image.
pub fn program(container: &Value) -> Option<&'static str> {
    let image = crate::object::meta::text(container, "/image");
    let name = image.rsplit('/').next()?.split([':', '@']).next()?;
    PROGRAMS.iter().find(|program| **program == name).copied()
}
