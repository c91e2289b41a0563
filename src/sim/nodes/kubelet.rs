//! One kubelet for all simulated nodes: brings each Pod one step further and says when to look again.
//! The steps are beside it: volumes, pulling, containers, probes, stopping. Source: `pkg/kubelet/kubelet.go`, SyncPod.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::halted::Halt;
use super::runtime::Runtime;
use super::static_pods::is_mirror;
use super::{address, admission, conditions, container, eviction, pull, resize, runs, runtime_handler, stop, volumes};
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::recorder::Recorder;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::network::{Resolver, Sockets as _, kernel_name};
use crate::sim::reconciler::{Context, Key, Next, Reconciler, Watched, key};

/// What a kubelet remembers of a Pod beside its status. Losing it costs repeated events, and hooks that run again.
#[derive(Default)]
pub struct Memory {
    /// Image pulls under way or failed, by container.
    pub pulls: HashMap<String, super::pull::Pull>,
    /// When a missing volume was last told.
    pub mount_told: Option<(String, Timestamp)>,
    /// Failed probes in a row, by container and probe.
    pub failures: HashMap<(String, &'static str), u32>,
    /// Probes that succeeded, in a row.
    pub successes: HashMap<(String, &'static str), u32>,
    /// When a probe is due next, by container and probe.
    pub due: HashMap<(String, &'static str), Timestamp>,
    /// Whether the end of the Pod was announced.
    pub killing: bool,
    /// Why it has to go, and when it is killed if it has not.
    pub evicted: Option<(String, Timestamp)>,
    /// When the sandbox is tried again that could not be made.
    pub sandbox_due: Option<Timestamp>,
    /// When missing pull secrets were last told.
    pub secrets_told: Option<Timestamp>,
    /// Containers that must start again to have what they were resized to.
    pub resized: HashSet<String>,
    /// Containers that were told to end, and when they are killed if they have not.
    pub ending: HashMap<String, Timestamp>,
    /// Containers whose hook runs before they are told to end, and when they are.
    pub leaving: HashMap<String, Timestamp>,
    /// Containers that SIGTERM was sent to as their Pod ends.
    pub told: HashSet<String>,
    /// Containers that were started and whose hook still runs.
    pub starting: HashMap<String, container::Starting>,
}

/// One look at a Pod: what is known, and what comes of it.
pub struct Sync<'a> {
    pub context: &'a Context,
    pub events: &'a Recorder,
    pub pod: &'a Object,
    pub memory: &'a mut Memory,
    pub now: Timestamp,
    /// The status to be written.
    pub status: Value,
    /// Whether nothing reaches the API server.
    pub apart: bool,
    wake: Option<Timestamp>,
}

impl<'a> Sync<'a> {
    /// A look at `pod` as it is now.
    pub fn new(
        (context, events): (&'a Context, &'a Recorder),
        pod: &'a Object,
        memory: &'a mut Memory,
        now: Timestamp,
    ) -> Self {
        let status = pod.get("status").cloned().unwrap_or_else(|| json!({}));
        Self { context, events, pod, memory, now, status, apart: false, wake: None }
    }

    /// Looks again after `pause`, if nothing happens before.
    pub fn wake_after(&mut self, pause: Duration) {
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        self.wake_at(self.now.checked_add(pause).unwrap_or(Timestamp::MAX));
    }

    /// Looks again at `then`.
    pub fn wake_at(&mut self, then: Timestamp) {
        self.wake = Some(self.wake.map_or(then, |wake| wake.min(then)));
    }

    /// The node the Pod is on.
    pub fn node(&self) -> &str {
        meta::text(self.pod, "/spec/nodeName")
    }
}

/// The kubelets of all simulated nodes.
pub struct Kubelets {
    pub(super) runtime: Arc<Runtime>,
    memories: Mutex<HashMap<String, Memory>>,
    recorders: Mutex<HashMap<String, Recorder>>,
    pub(super) addresses: Mutex<address::Taken>,
    taken: admission::Taken,
}

/// How soon a Pod is looked at again that waits for the node's network, or for its sandbox.
const LOOK: Duration = Duration::from_secs(10);

static WATCHES: &[Watched] = &[Watched { resource: &POD, keys: on_a_node }];

fn on_a_node(_: &Context, pod: &Object) -> Vec<Key> {
    if meta::text(pod, "/spec/nodeName").is_empty() {
        return Vec::new();
    }
    vec![(meta::namespace(pod).to_owned(), meta::name(pod).to_owned())]
}

impl Kubelets {
    /// Kubelets over this runtime with what runs in it.
    pub fn new(runtime: Arc<Runtime>) -> Self {
        Self {
            runtime,
            memories: Mutex::default(),
            recorders: Mutex::default(),
            addresses: Mutex::default(),
            taken: admission::Taken::default(),
        }
    }
}

impl Reconciler for Kubelets {
    fn name(&self) -> &'static str {
        "kubelet"
    }

    fn watches(&self) -> &'static [Watched] {
        WATCHES
    }

    fn pushed(&self) -> BoxFuture<'_, Key> {
        Box::pin(self.runtime.wakes.next())
    }

    fn reconcile(&self, context: &Context, (namespace, name): &Key) -> Result<Next> {
        let told = context.client.find(&POD, namespace, name);
        self.forget_former(context, (namespace, name), told.as_ref().map_or("", |pod| meta::uid(pod)));
        let Some(told) = told else { return Ok(Next::Done) };
        let Some(node) = context.client.find(&NODE, "", meta::text(&told, "/spec/nodeName")) else {
            return Ok(Next::Done);
        };
        let is_mirror = is_mirror(&told);
        let halt = self.runtime.halt(meta::name(&node));
        self.recorder(context, meta::name(&node)).hold(halt.is_some());
        let (pod, apart) = match halt {
            Some(halt) if halt == Halt::Stopped || !is_mirror => (self.runtime.known.apart(&told), true),
            _ => (told, false),
        };
        // "Skipping pod synchronization" until the runtime is back.
        let skips = self.runtime.has_no_containers(meta::name(&node));
        if skips || apart && halt != Some(Halt::Deaf) {
            return Ok(Next::Done);
        }
        let mut memory = self.take_memory(meta::uid(&pod));
        let result = self.sync(context, (&pod, apart), &node, &mut memory);
        if !matches!(result, Ok(None)) {
            self.memories.lock().unwrap_or_else(PoisonError::into_inner).insert(meta::uid(&pod).to_owned(), memory);
        }
        Ok(result?.unwrap_or(Next::Done))
    }
}

impl Kubelets {
    /// Forgets the Pods that had this name before the one that has it now, where their kubelets hear of it.
    fn forget_former(&self, context: &Context, (namespace, name): (&str, &str), uid: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        let hears = |node: &str| self.runtime.halt(node).is_none() || context.client.find(&NODE, "", node).is_none();
        for uid in self.runtime.known.forget_former(&key, uid, hears) {
            self.runtime.forget(&uid);
            self.taken.forget(&uid);
            self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(&uid);
        }
    }

    fn take_memory(&self, uid: &str) -> Memory {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(uid).unwrap_or_default()
    }

    fn recorder(&self, context: &Context, node: &str) -> Recorder {
        let mut recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        recorders
            .entry(node.to_owned())
            .or_insert_with(|| Recorder::new(context.client.clone(), "kubelet", node))
            .clone()
    }

    /// `None` when the Pod is gone.
    fn sync(
        &self,
        context: &Context,
        (pod, apart): (&Object, bool),
        node: &Object,
        memory: &mut Memory,
    ) -> Result<Option<Next>> {
        let events = self.recorder(context, meta::name(node));
        let mut sync = Sync::new((context, &events), pod, memory, context.client.clock().now());
        sync.apart = apart;
        if let Some(status) = self.runtime.known.unsent(pod).filter(|_| !apart) {
            sync.status = status;
        }
        if meta::is_terminating(pod) {
            if stop::stop(self, &mut sync)? {
                return Ok(None);
            }
        } else if !matches!(meta::text(&sync.status, "/phase"), "Succeeded" | "Failed")
            && !stop::overdue(self, &mut sync)
            && !eviction::evicts(self, &mut sync)
            && !stop::done(self, &mut sync)
        {
            self.bring_up(&mut sync, node);
        }
        self.taken.note(&sync);
        let (status, wake, now) = (sync.status, sync.wake, sync.now);
        let same = pod.get("status") == Some(&status);
        if apart && !same {
            let mut pod = pod.clone();
            Arc::make_mut(&mut pod)["status"] = status;
            self.runtime.wakes.push(key(&pod));
            self.runtime.known.becomes(pod);
        } else if !same {
            let written = context.client.modify_status(&POD, meta::namespace(pod), meta::name(pod), |fresh| {
                if meta::uid(fresh) == meta::uid(pod) {
                    let mut status = status.clone();
                    conditions::keep_others(&mut status, &fresh["status"]);
                    fresh["status"] = status;
                }
            });
            match written {
                Err(error) if error.is_not_found() => return Ok(None),
                written => self.runtime.known.hears(&written?),
            }
        } else if !apart {
            self.runtime.known.hears(pod);
        }
        Ok(Some(
            wake.map_or(Next::Done, |then| {
                Next::After(Duration::try_from(then.duration_since(now)).unwrap_or_default())
            }),
        ))
    }

    /// Whether a Pod has to wait for the node's network, which it then is told (`pkg/kubelet/kubelet.go`, SyncPod).
    fn lacks_network(&self, sync: &mut Sync, node: &Value) -> bool {
        let has = !meta::text(&sync.status, "/podIP").is_empty() || sync.pod["spec"]["hostNetwork"] == true;
        let Some(why) = (!has).then(|| self.runtime.no_network(meta::name(node))).flatten() else { return false };
        let message = format!("network is not ready: container runtime network not ready: {why}");
        sync.events.warning(sync.pod, "NetworkNotReady", &message);
        sync.wake_after(LOOK);
        true
    }

    /// Makes a Pod's sandbox, once: an address, a name that its kernel takes, and a container runtime
    /// (`pkg/kubelet/kuberuntime/kuberuntime_sandbox.go`, createPodSandbox).
    fn has_sandbox(&self, sync: &mut Sync, node: &Value) -> bool {
        if sync.status.get("podIP").is_some() {
            return true;
        }
        // Every other look before then, such as that after the status was written, has nothing to add.
        if let Some(due) = sync.memory.sandbox_due.filter(|due| sync.now < *due) {
            sync.wake_at(due);
            return false;
        }
        let dns = self.runtime.cluster_dns(sync.node());
        for told in &Resolver::of(sync.pod, ("", ""), &dns).omitted {
            sync.events.warning(sync.pod, "DNSConfigForming", told);
        }
        let on_host = meta::truth(sync.pod, "/spec/hostNetwork");
        let unnamed = if on_host { None } else { kernel_name(sync.pod, &dns).err() };
        if let Some(why) = unnamed.or_else(|| runtime_handler::missing(&self.runtime, sync)) {
            let message = format!("Failed to create pod sandbox: {why}");
            sync.events.warning(sync.pod, "FailedCreatePodSandBox", &message);
            let due = sync.now + SignedDuration::try_from(LOOK).unwrap_or_default();
            sync.memory.sandbox_due = Some(due);
            sync.wake_at(due);
            return false;
        }
        address::assign(self, sync, node);
        true
    }

    fn bring_up(&self, sync: &mut Sync, node: &Value) {
        if admission::refuses(&self.taken, (&self.runtime, sync), node) {
            return;
        }
        if sync.status.get("startTime").is_none() {
            sync.status["startTime"] = json!(timestamp(sync.now));
            let host = meta::list(node, "/status/addresses").iter().find(|address| address["type"] == "InternalIP");
            let host = host.map_or("", |address| meta::text(address, "/address"));
            sync.status["hostIP"] = json!(host);
            sync.status["hostIPs"] = json!([{ "ip": host }]);
        }
        let mounted =
            !self.lacks_network(sync, node) && volumes::mounted(&self.runtime, sync) && self.has_sandbox(sync, node);
        if mounted {
            pull::tell_missing_secrets(sync);
        }
        resize::step(&self.taken, sync, node);
        container::step(self, sync, mounted);
        runs::wake_with_sandbox(self, sync);
        conditions::update(sync);
    }
}
