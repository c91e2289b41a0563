//! The simulated cluster, in Kubernetes' own words.
//! Inside: `apiserver` < `controllers`, `scheduler`, `nodes` < `shell` < the composition root. Everyone here reaches objects through the API.

pub mod apiserver;
mod bootstrap;
pub mod checkpoint;
mod control_plane;
pub mod controllers;
pub mod etcd;
mod listen;
pub mod machine;
mod machinery;
pub mod network;
pub mod nodes;
mod operating;
pub mod reconciler;
pub mod scheduler;
pub mod shell;
pub mod world;
