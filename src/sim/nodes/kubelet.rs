//! One kubelet for all simulated nodes: brings each Pod one step further and says when to look again.
//! The steps are beside it: volumes, pulling, containers, probes, stopping. Source: `pkg/kubelet/kubelet.go`, SyncPod.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::halted::Halt;
use super::runtime::Runtime;
use super::{address, conditions, container, deadline, runs, stop, volumes};
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::recorder::Recorder;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Reconciler, Watched};

/// What a kubelet remembers of a Pod beside its status. Losing it costs a repeated event, no more.
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
    /// Containers that were told to end, and when they are killed if they have not.
    pub ending: HashMap<String, Timestamp>,
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
        Self { context, events, pod, memory, now, status, wake: None }
    }

    /// Looks again after `pause`, if nothing happens before.
    pub fn wake_after(&mut self, pause: Duration) {
        let pause = jiff::SignedDuration::try_from(pause).unwrap_or(jiff::SignedDuration::MAX);
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
    /// The uid of each Pod that was last seen, so that what is kept of its forerunner can go.
    uids: Mutex<HashMap<Key, String>>,
    recorders: Mutex<HashMap<String, Recorder>>,
    pub(super) addresses: Mutex<address::Taken>,
    pub(super) present: Mutex<super::pull::Present>,
}

/// How soon a Pod is looked at again that waits for the node's network.
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
            uids: Mutex::default(),
            recorders: Mutex::default(),
            addresses: Mutex::default(),
            present: Mutex::new(super::pull::Present::with_system_images()),
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
        let Some(pod) = context.client.find(&POD, namespace, name) else {
            self.forget(&(namespace.clone(), name.clone()), "");
            return Ok(Next::Done);
        };
        self.forget(&(namespace.clone(), name.clone()), meta::uid(&pod));
        let Some(node) = context.client.find(&NODE, "", meta::text(&pod, "/spec/nodeName")) else {
            return Ok(Next::Done);
        };
        match self.runtime.halt(meta::name(&node)) {
            Some(Halt::Stopped) => return Ok(Next::Done),
            Some(Halt::Deaf) if !super::static_pods::is_mirror(&pod) => return Ok(Next::Done),
            // "Skipping pod synchronization" until the runtime is back.
            _ if self.runtime.has_no_containers(meta::name(&node)) => return Ok(Next::Done),
            _ => {}
        }
        let mut memory = self.take_memory(meta::uid(&pod));
        let result = self.sync(context, &pod, &node, &mut memory);
        if !matches!(result, Ok(None)) {
            self.memories.lock().unwrap_or_else(PoisonError::into_inner).insert(meta::uid(&pod).to_owned(), memory);
        }
        Ok(result?.unwrap_or(Next::Done))
    }
}

impl Kubelets {
    /// Forgets the Pod that had this name before the one that has it now, if any.
    fn forget(&self, key: &Key, uid: &str) {
        let mut uids = self.uids.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match uid {
            "" => uids.remove(key),
            uid if uids.get(key).is_some_and(|known| known == uid) => return,
            uid => uids.insert(key.clone(), uid.to_owned()),
        };
        drop(uids);
        if let Some(before) = before {
            self.runtime.forget(&before);
            self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(&before);
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
    fn sync(&self, context: &Context, pod: &Object, node: &Object, memory: &mut Memory) -> Result<Option<Next>> {
        let events = self.recorder(context, meta::name(node));
        let mut sync = Sync::new((context, &events), pod, memory, context.client.clock().now());
        if meta::is_terminating(pod) {
            if stop::stop(self, &mut sync)? {
                return Ok(None);
            }
        } else if !matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed") && !stop::overdue(self, &mut sync)
        {
            self.bring_up(&mut sync, node);
        }
        let (status, wake, now) = (sync.status, sync.wake, sync.now);
        if pod.get("status") != Some(&status) {
            let written = context.client.modify_status(&POD, meta::namespace(pod), meta::name(pod), |fresh| {
                if meta::uid(fresh) == meta::uid(pod) {
                    fresh["status"] = status.clone();
                }
            });
            match written {
                Err(error) if error.is_not_found() => return Ok(None),
                written => drop(written?),
            }
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

    fn bring_up(&self, sync: &mut Sync, node: &Value) {
        if sync.status.get("startTime").is_none() {
            sync.status["startTime"] = json!(timestamp(sync.now));
            let host = meta::list(node, "/status/addresses").iter().find(|address| address["type"] == "InternalIP");
            let host = host.map_or("", |address| meta::text(address, "/address"));
            sync.status["hostIP"] = json!(host);
            sync.status["hostIPs"] = json!([{ "ip": host }]);
        }
        if deadline::exceeded(self, sync) {
            conditions::update(sync);
            return deadline::tell(sync);
        }
        let mounted = !self.lacks_network(sync, node) && volumes::mounted(sync);
        if mounted {
            address::assign(self, sync, node);
        }
        container::step(self, sync, mounted);
        runs::wake_with_sandbox(self, sync);
        conditions::update(sync);
    }
}
