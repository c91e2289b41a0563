//! Looks at a cluster and says what holds, what does not, and why.
//! Nothing here changes the cluster.

pub mod report;
