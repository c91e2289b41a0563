//! Stories of what runs in Pods: scripts on simulated time, and the lives of Pods on a node.
//! The scheduler's stories are `scheduling`.

mod at_hand;
mod exec;
mod keeping;
mod lasting;
mod lives;
mod scripts;
mod shells;
mod telling;
