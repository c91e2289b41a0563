//! Volumes: claims and volumes are paired, volumes made for claims, and neither vanishes while it is in use.
//! One file a part; choosing a node for a claim is the scheduler's, mounting the kubelets'.

pub mod binder;
pub mod claims;
pub mod ephemeral;
pub mod expansion;
pub mod local_path;
pub mod protection;
pub mod reclaim;

pub use binder::PERSISTENT_VOLUME_BINDER;
pub use ephemeral::EPHEMERAL_VOLUME_CONTROLLER;
pub use expansion::EXPANSION_CONTROLLER;
pub use local_path::LOCAL_PATH_PROVISIONER;
pub use protection::{CLAIM_PROTECTION, CLASS_PROTECTION, VOLUME_PROTECTION};

/// The claim has been given its volume.
pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// The pairing was the binder's idea, not a person's.
pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// Who made the volume.
pub const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// Who is to make the claim's volume.
pub const STORAGE_PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
/// The node the scheduler chose for the claim's first Pod.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
