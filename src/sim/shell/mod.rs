//! The inside of nodes: how one goes in, the commands that answer there, and what they say to the cluster.
//! The node's files, services and packages are `machine`'s; what follows from them is the control plane's and the kubelets'.

pub mod call;
pub mod client;
pub mod commands;
pub mod enter;
pub mod flags;
pub mod processes;
pub mod protocol;
pub mod server;
pub mod table;
pub mod whole;
