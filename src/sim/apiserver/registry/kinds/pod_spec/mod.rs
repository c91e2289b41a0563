//! The PodSpec, which Pods and every workload share: its defaults, QoS class and validation.
//! The Pod's own row, table and status stand in `pod.rs` and `pod_cells.rs`.

pub mod defaults;
pub mod qos;
