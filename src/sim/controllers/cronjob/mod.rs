//! The cronjob controller: makes Jobs when their time comes, lets them run side by side or not, and keeps a few of the finished.
//! Reading schedules is the kind's. Source: `pkg/controller/cronjob`.

mod history;
mod schedule;
mod ticks;

use super::Controller;
use crate::sim::apiserver::registry::kinds::cronjob::CRONJOB;
use crate::sim::apiserver::registry::kinds::job::JOB;
use crate::sim::reconciler::{Watched, controller_key, own};

/// Keeps CronJobs.
pub static CRONJOB_CONTROLLER: Controller = Controller {
    name: "cronjob-controller",
    watches: &[
        Watched { resource: &CRONJOB, keys: own },
        Watched { resource: &JOB, keys: |_, job| controller_key(job, CRONJOB.kind) },
    ],
    reconcile: ticks::reconcile,
};
