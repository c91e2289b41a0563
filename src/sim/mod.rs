//! The simulated cluster, in Kubernetes' own words.
//! Inside: `apiserver` < `controllers`, `scheduler`, `nodes` < the composition root. Everyone here reaches objects through the API.

pub mod apiserver;
pub mod controllers;
pub mod nodes;
pub mod reconciler;
