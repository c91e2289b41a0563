//! The deployment controller: rolls a Pod template out through ReplicaSets, keeps the old ones, and says how far it is.
//! Pods are the replicaset controller's. Source: `pkg/controller/deployment`.

mod progress;
mod proportion;
mod recreate;
mod revision;
mod rolling;
mod rollout;
mod scaling;

use super::{Controller, claim};
use crate::sim::apiserver::registry::kinds::deployment::DEPLOYMENT;
use crate::sim::apiserver::registry::kinds::replicaset::REPLICASET;
use crate::sim::reconciler::{Watched, own};

/// Keeps Deployments. ReplicaSets count their ending Pods, so no Pod need be watched.
pub static DEPLOYMENT_CONTROLLER: Controller = Controller {
    name: "deployment-controller",
    watches: &[
        Watched { resource: &DEPLOYMENT, keys: own },
        Watched { resource: &REPLICASET, keys: |context, set| claim::keys(context, set, &DEPLOYMENT) },
    ],
    reconcile: rollout::reconcile,
};
