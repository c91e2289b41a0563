//! Horizontal autoscaling: how many Pods a load needs, how fast their number may change, and what the autoscaler says of it.
//! One file a part; the load itself is what the metrics server measured.

pub mod controller;
pub mod limits;
pub mod load;
pub mod metrics;

pub use controller::HORIZONTAL_POD_AUTOSCALER;
