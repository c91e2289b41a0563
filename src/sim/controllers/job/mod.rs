//! The job controller: Pods that run to their end, as many as asked for, tried again when they fail, each counted once.
//! Taking finished Jobs away is `ttl_after_finished`'s. Source: `pkg/controller/job`.

mod backoff;
mod finish;
mod indexes;
mod manage;
mod orphan;
mod per_index;
mod policy;
mod tracking;
mod work;

use super::Controller;
use crate::sim::apiserver::registry::kinds::job::JOB;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::reconciler::{Watched, own};

/// Keeps Jobs.
pub static JOB_CONTROLLER: Controller = Controller {
    name: "job-controller",
    watches: &[Watched { resource: &JOB, keys: own }, Watched { resource: &POD, keys: orphan::keys }],
    reconcile: work::reconcile,
};
