//! Stories of the network: which traffic policies let through, who answers whom, what the tools in Pods print, and checks by traffic.
//! What listens in a Pod is `nodes`.

mod calls;
mod policies;
