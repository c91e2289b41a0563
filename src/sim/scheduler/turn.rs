//! The scheduler at work: learns what changed, then gives one Pod its turn.
//! Source: `pkg/scheduler/schedule_one.go`, ScheduleOne and handleSchedulingFailure.

use std::time::Duration;

use super::binding::Binder;
use super::cache::{CLAIM, Cache, Happenings, NODE_ADDED};
use super::cycle::{Cycle, Diagnosis, Found};
use super::failure::{self, NO_NODES};
use super::plugins::volume_binding;
use super::pod::PodInfo;
use super::preemption;
use super::queue::Queue;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Next};

/// Everything the scheduler has before it.
pub struct Desk {
    cache: Cache,
    queue: Queue,
    binder: Binder,
}

/// What is to be done for a Pod.
enum Decision {
    Bind(String, Vec<volume_binding::Plan>),
    Refuse { message: String, wakes: Happenings, nominated: Option<String>, victims: Vec<PodInfo> },
}

impl Desk {
    /// Reads the cluster.
    pub fn open(client: &Client) -> Result<Self> {
        let (cache, news) = Cache::open(client)?;
        let mut queue = Queue::default();
        queue.learn(news);
        Ok(Self { cache, queue, binder: Binder::default() })
    }

    /// One Pod's turn, and when the next is due.
    pub fn turn(&mut self, context: &Context) -> Result<Next> {
        self.queue.learn(self.cache.catch_up()?);
        self.binder.look(context, &mut self.cache, &mut self.queue);
        let clock = context.client.clock();
        if let Some(pod) = self.queue.pop(clock.now()) {
            self.schedule(context, &pod);
        }
        if self.queue.is_busy() {
            return Ok(Next::After(Duration::ZERO));
        }
        let due = self.queue.next_due().into_iter().chain(self.binder.next_due()).min();
        Ok(due.map_or(Next::Done, |then| {
            Next::After(Duration::try_from(then.duration_since(clock.now())).unwrap_or_default())
        }))
    }

    fn schedule(&mut self, context: &Context, pod: &PodInfo) {
        match self.decide(pod) {
            Decision::Bind(node, plans) => {
                self.binder.begin(context, (&mut self.cache, &mut self.queue), pod, (&node, &plans));
            }
            Decision::Refuse { message, wakes, nominated, victims } => {
                failure::tell(context, &pod.object, ("Unschedulable", &message), nominated.as_deref());
                self.queue.park(&pod.key(), context.client.clock().now(), wakes);
                if let Some(node) = nominated.filter(|node| !node.is_empty()) {
                    preemption::evict(context, &pod.object, &node, &victims);
                }
            }
        }
    }

    fn decide(&self, pod: &PodInfo) -> Decision {
        let nominated: Vec<(String, PodInfo)> =
            self.queue.nominated().map(|(node, pod)| (node.to_owned(), pod.clone())).collect();
        let cycle = Cycle { pod, nodes: self.cache.nodes().collect(), cache: &self.cache, nominated: &nominated };
        match cycle.find() {
            Found::Node(name) => {
                let node = cycle.nodes.iter().find(|node| node.name() == name);
                let plans = node.map(|node| volume_binding::plan_for(&cycle, node)).unwrap_or_default();
                Decision::Bind(name, plans)
            }
            Found::NoNodes => Decision::Refuse {
                message: NO_NODES.to_owned(),
                wakes: NODE_ADDED,
                nominated: forget_nominee(pod),
                victims: Vec::new(),
            },
            Found::Nothing(diagnosis) => refuse(&cycle, &diagnosis),
        }
    }
}

fn refuse(cycle: &Cycle<'_>, diagnosis: &Diagnosis) -> Decision {
    let attempt = preemption::attempt(cycle, diagnosis);
    let message = failure::message(cycle.nodes.len(), diagnosis, &attempt.message);
    let nominated = attempt.nominated.filter(|node| !node.is_empty() || forget_nominee(cycle.pod).is_some());
    // A claim that comes to be ends the wait of those that were told it is not there.
    let wakes = diagnosis.wakes | if diagnosis.before.is_some() { CLAIM } else { 0 };
    Decision::Refuse { message, wakes, nominated, victims: attempt.victims }
}

/// What clears a Pod's nominated node, when it has one.
fn forget_nominee(pod: &PodInfo) -> Option<String> {
    let nominee = meta::text(&pod.object, "/status/nominatedNodeName");
    (!nominee.is_empty()).then(String::new)
}
