//! The statefulset controller: Pods with lasting names and claims, made, updated and taken away in their order.
//! Binding claims to volumes is the volume controller's. Source: `pkg/controller/statefulset`.

mod claims;
mod control;
mod identity;
mod order;
mod status;

use super::{Controller, claim};
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::statefulset::STATEFULSET;
use crate::sim::reconciler::{Watched, own};

/// Keeps StatefulSets.
pub static STATEFULSET_CONTROLLER: Controller = Controller {
    name: "statefulset-controller",
    watches: &[
        Watched { resource: &STATEFULSET, keys: own },
        Watched { resource: &POD, keys: |context, pod| claim::keys(context, pod, &STATEFULSET) },
    ],
    reconcile: control::reconcile,
};
