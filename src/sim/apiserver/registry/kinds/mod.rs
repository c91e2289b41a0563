//! One file a kind: its row of the registry, with defaults, validation and columns.
//! Parts that several kinds share (a Pod's template) stand here too, under the name of the part.

pub mod configmap;
pub mod event;
pub mod namespace;
pub mod pod;
