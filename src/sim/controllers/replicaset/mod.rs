//! The replicaset and replication controllers: as many Pods of a template as asked for.
//! Rolling from one template to the next is the deployment controller's. Source: `pkg/controller/replicaset/replica_set.go`.

mod replicas;
mod status;

use super::{Controller, claim};
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::replicaset::REPLICASET;
use crate::sim::apiserver::registry::kinds::replicationcontroller::REPLICATIONCONTROLLER;
use crate::sim::reconciler::{Watched, own};

/// Keeps ReplicaSets.
pub static REPLICASET_CONTROLLER: Controller = Controller {
    name: "replicaset-controller",
    watches: &[
        Watched { resource: &REPLICASET, keys: own },
        Watched { resource: &POD, keys: |context, pod| claim::keys(context, pod, &REPLICASET) },
    ],
    reconcile: |context, key| replicas::reconcile(context, &REPLICASET, key),
};

/// Keeps ReplicationControllers, in the same way.
pub static REPLICATION_CONTROLLER: Controller = Controller {
    name: "replication-controller",
    watches: &[
        Watched { resource: &REPLICATIONCONTROLLER, keys: own },
        Watched { resource: &POD, keys: |context, pod| claim::keys(context, pod, &REPLICATIONCONTROLLER) },
    ],
    reconcile: |context, key| replicas::reconcile(context, &REPLICATIONCONTROLLER, key),
};
