//! Pure functions on Kubernetes objects as trees: path, selector, quantity, schema, partial match, diff, patches.
//! Nothing here does I/O or knows a cluster.

pub mod claim;
pub mod diff;
pub mod duration;
pub mod host_ports;
pub mod matching;
pub mod meta;
pub mod node_affinity;
pub mod patch;
pub mod path;
pub mod pod_resources;
pub mod quantity;
pub mod schema;
pub mod selector;
pub mod taint;
