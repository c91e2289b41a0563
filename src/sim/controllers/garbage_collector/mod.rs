//! The garbage collector: what nobody owns any more goes; owners wait for what they own, or let it go, as they were asked.
//! Setting the finalizers that ask is the API's. Source: `pkg/controller/garbagecollector`.

mod graph;
mod sweep;
mod trigger;

use super::Controller;

/// Collects garbage of every kind but events.
pub static GARBAGE_COLLECTOR: Controller =
    Controller { name: "generic-garbage-collector", watches: &trigger::WATCHES, reconcile: trigger::reconcile };
