//! The nodes: a kubelet for each runs Pods as their images and commands say, on the cluster's clock.
//! Which node a Pod goes to is the scheduler's. What a kubelet knows follows from the Pod's status, so a restart loses nothing.

mod address;
pub mod components;
mod conditions;
mod container;
mod deadline;
mod dial;
pub mod halted;
pub mod heartbeat;
mod hooks;
pub mod images;
pub mod keeping;
mod kubelet;
mod logs;
pub mod manifests;
mod message;
pub mod metrics_server;
mod mounts;
mod probes;
pub mod process;
mod pull;
mod runs;
pub mod runtime;
pub mod second_schedulers;
mod server;
mod session;
pub mod snapshot;
mod starting;
pub mod startup;
pub mod static_pods;
mod stop;
mod volumes;

pub use container::hash;
pub use kubelet::Kubelets;
pub use server::Kubelet;
