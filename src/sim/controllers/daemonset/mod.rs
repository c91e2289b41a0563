//! The daemonset controller: one Pod on each node that may have one, replaced node by node when the template changes.
//! Binding them is the scheduler's. Source: `pkg/controller/daemon`.

mod daemons;
mod placement;
mod rolling;
mod status;

use super::{Controller, claim};
use crate::sim::apiserver::registry::kinds::controllerrevision::CONTROLLERREVISION;
use crate::sim::apiserver::registry::kinds::daemonset::DAEMONSET;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::reconciler::{Watched, key, own};

/// Keeps DaemonSets. What a node changes concerns them all.
pub static DAEMONSET_CONTROLLER: Controller = Controller {
    name: "daemonset-controller",
    watches: &[
        Watched { resource: &DAEMONSET, keys: own },
        Watched { resource: &POD, keys: |context, pod| claim::keys(context, pod, &DAEMONSET) },
        Watched { resource: &CONTROLLERREVISION, keys: |context, revision| claim::keys(context, revision, &DAEMONSET) },
        Watched { resource: &NODE, keys: |context, _| context.client.list(&DAEMONSET, "").iter().map(key).collect() },
    ],
    reconcile: daemons::reconcile,
};
