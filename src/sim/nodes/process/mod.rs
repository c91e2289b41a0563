//! What runs in Pods: programs on simulated time. Nothing is really run; asked for a moment, a sandbox computes what has
//! happened by then. Pods and their states are the kubelet's.

pub mod container;
pub mod engine;
mod expression;
pub mod files;
mod pattern;
mod ports;
pub mod processes;
mod program;
pub mod programs;
pub mod record;
pub mod replay;
pub mod sandbox;
pub mod script;
mod sh;
pub mod signals;
pub mod stream;
pub mod terminal;
pub mod tree;
