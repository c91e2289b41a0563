//! The PodSpec, which Pods and every workload share: its defaults, QoS class and validation.
//! The Pod's own row, table and status stand in `pod.rs` and `pod_cells.rs`.

pub mod affinity;
pub mod app_armor;
pub mod containers;
pub mod defaults;
pub mod env;
pub mod gated;
pub mod handlers;
pub mod label_keys;
pub mod mounts;
pub mod overlaps;
pub mod qos;
pub mod resources;
pub mod security;
pub mod spread;
pub mod sysctls;
pub mod update;
pub mod validation;
pub mod volumes;
pub mod warnings;
