//! The nodes: a kubelet for each runs Pods as their images and commands say, on the cluster's clock.
//! Which node a Pod goes to is the scheduler's. What a kubelet knows follows from the Pod's status, so a restart loses nothing
//! but what the API server could not be told yet (`known`).

mod accounts;
mod address;
mod admission;
mod asking;
pub mod callers;
mod cgroup;
pub mod components;
mod conditions;
mod container;
mod dial;
mod downward;
mod env_file;
pub mod errand;
mod eviction;
pub mod flannel;
pub mod halted;
pub mod heartbeat;
mod hooks;
mod host_paths;
pub mod images;
pub mod keeping;
mod known;
mod kube_proxy;
mod kubelet;
mod logs;
pub mod manifests;
mod message;
pub mod metrics_server;
mod missing_image;
mod mounts;
pub mod present;
mod probes;
mod proc;
pub mod process;
mod pull;
mod reference;
mod resize;
mod restarts;
mod runs;
pub mod runtime;
mod server;
mod session;
pub mod snapshot;
mod starting;
pub mod startup;
pub mod static_pods;
mod statuses;
mod stop;
mod sysctls;
mod volumes;

pub use container::hash;
pub use kubelet::Kubelets;
pub use server::Kubelet;
