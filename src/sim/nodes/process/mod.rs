//! What runs in Pods: programs on simulated time. Nothing is really run; asked for a moment, a sandbox computes what has
//! happened by then. Pods and their states are the kubelet's.

pub mod container;
pub mod engine;
pub mod files;
mod pattern;
mod program;
pub mod programs;
pub mod record;
pub mod replay;
pub mod sandbox;
mod sh;
pub mod stream;
pub mod terminal;
pub mod tree;
