//! The scheduler at work: learns what changed, then gives one Pod its turn.
//! Source: `pkg/scheduler/schedule_one.go`, ScheduleOne and handleSchedulingFailure.

use std::time::Duration;

use super::binding::Binder;
use super::cache::Cache;
use super::cycle::{Cycle, Diagnosis, Found};
use super::failure::{self, NO_NODES};
use super::plugins::{Rejectors, volume_binding};
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

/// What dynamic resource allocation, asked before preemption, says of a Pod without resource claims.
const NO_CLAIMS: &str = "no new claims to deallocate";
/// What it says of one whose claims could not be allocated.
const STILL_NOT: &str = "still not schedulable";
/// And what it says when it was not asked before a Pod was kept from every node; preemption is not asked any more then.
const NO_STATE: &str = "not found";

/// What is to be done for a Pod.
enum Decision {
    Bind(String, Vec<volume_binding::Plan>),
    Refuse { message: String, rejectors: Rejectors, nominated: Option<String>, victims: Vec<PodInfo> },
}

impl Desk {
    /// Reads the cluster, for the scheduler of this name.
    pub fn open(client: &Client, name: &'static str) -> Result<Self> {
        let (cache, news) = Cache::open(client, name)?;
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
            Decision::Refuse { message, rejectors, nominated, victims } => {
                failure::tell(context, &pod.object, ("Unschedulable", &message), nominated.as_deref());
                self.queue.park(&pod.key(), context.client.clock().now(), rejectors);
                if let Some(node) = nominated.filter(|node| !node.is_empty()) {
                    let others = self.queue.nominated().filter(|(there, _)| *there == node);
                    preemption::disappoint(context, pod, others.map(|(_, other)| other.clone()));
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
                // Whoever is asked first would have asked for a node.
                rejectors: Rejectors::MAX,
                nominated: forget_nominee(pod),
                victims: Vec::new(),
            },
            Found::Nothing(diagnosis) => refuse(&cycle, &diagnosis),
        }
    }
}

fn refuse(cycle: &Cycle<'_>, diagnosis: &Diagnosis) -> Decision {
    let total = cycle.nodes.len();
    if diagnosis.before.is_some() {
        let message = failure::message(total, diagnosis, NO_STATE);
        return Decision::Refuse { message, rejectors: diagnosis.rejectors, nominated: None, victims: Vec::new() };
    }
    let attempt = preemption::attempt(cycle, diagnosis);
    let afterwards = match attempt.message.as_str() {
        "" => String::new(),
        why if meta::list(&cycle.pod.object, "/spec/resourceClaims").is_empty() => format!("{NO_CLAIMS}, {why}"),
        why => format!("{STILL_NOT}, {why}"),
    };
    let message = failure::message(total, diagnosis, &afterwards);
    let nominated = attempt.nominated.filter(|node| !node.is_empty() || forget_nominee(cycle.pod).is_some());
    Decision::Refuse { message, rejectors: diagnosis.rejectors, nominated, victims: attempt.victims }
}

/// What clears a Pod's nominated node, when it has one.
fn forget_nominee(pod: &PodInfo) -> Option<String> {
    let nominee = meta::text(&pod.object, "/status/nominatedNodeName");
    (!nominee.is_empty()).then(String::new)
}
