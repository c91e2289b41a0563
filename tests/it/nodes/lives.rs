//! Pods from beginning to end in a whole cluster.
//! Scripts alone are `scripts.rs`.
