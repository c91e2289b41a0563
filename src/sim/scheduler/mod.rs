//! The scheduler: gives each Pod that has none a node, or says why there is none for it.
//! The order of things is upstream's: queue, cycle (plugins), preemption, binding. Source: `pkg/scheduler/schedule_one.go`.

mod binding;
mod cache;
mod claims;
mod cycle;
mod failure;
mod happened;
mod node;
mod node_affinity;
mod plugins;
mod pod;
mod preemption;
mod queue;
mod resources;
mod term;
mod turn;

use std::sync::{Mutex, PoisonError};

use crate::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::storageclass::STORAGECLASS;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Reconciler, Watched};
use turn::Desk;

/// The scheduler of Pods that name none.
const DEFAULT: &str = "default-scheduler";

/// A scheduler: of the Pods that name it.
pub struct Scheduler {
    name: &'static str,
    desk: Mutex<Option<Desk>>,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self::named(DEFAULT)
    }
}

impl Scheduler {
    /// One of another name.
    pub fn named(name: &'static str) -> Self {
        Self { name, desk: Mutex::default() }
    }
}

/// There is one queue, so there is one key: every change leads to the next Pod's turn.
fn any(_: &Context, _: &Object) -> Vec<Key> {
    vec![Key::default()]
}

static WATCHES: &[Watched] = &[
    Watched { resource: &POD, keys: any },
    Watched { resource: &NODE, keys: any },
    Watched { resource: &PERSISTENTVOLUMECLAIM, keys: any },
    Watched { resource: &PERSISTENTVOLUME, keys: any },
    Watched { resource: &STORAGECLASS, keys: any },
    Watched { resource: &NAMESPACE, keys: any },
];

impl Reconciler for Scheduler {
    fn name(&self) -> &'static str {
        self.name
    }

    fn watches(&self) -> &'static [Watched] {
        WATCHES
    }

    fn reconcile(&self, context: &Context, _: &Key) -> Result<Next> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = match desk.take() {
            Some(open) => open,
            None => Desk::open(&context.client, self.name)?,
        };
        // What fell too far behind is opened anew.
        let next = open.turn(context)?;
        *desk = Some(open);
        Ok(next)
    }
}
