//! Stories of what runs in Pods: scripts on simulated time, and Pods from beginning to end in a whole cluster.
//! The scheduler's stories are `scheduling`.

mod lives;
mod scripts;
