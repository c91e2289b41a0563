//! What follows from what is on the machines: looked at while somebody is on one, and after each command there.
//! What a unit, a kubelet or a component makes of its files stands with it; here is when they are looked at, and in which order.

mod components;
mod etcd;
mod logs;
mod services;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::apiserver::storage::Object;
use super::control_plane::ControlPlane;
use super::etcd::real::RealEtcd;
use super::machine::etcd::{Real as _, Saved};
use super::machine::services::Systemd;
use super::machine::{Machine, Machines};
use super::nodes::halted::Halt;
use super::nodes::{heartbeat, manifests, static_pods};
use super::reconciler::{Context, Reconciler as _};
use super::shell::call::Control;
use crate::object::meta;

/// How often the files are looked at, by the wall's clock: whoever edits them waits by it.
const LOOK: Duration = Duration::from_millis(200);
/// How long a command waits for what follows from it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was seen at the last look.
#[derive(Default)]
pub struct Seen {
    manifests: HashMap<String, u64>,
    halts: HashMap<String, Option<Halt>>,
    faults: HashMap<String, Option<String>>,
    /// The data directory etcd was last seen to run with.
    etcd: Option<String>,
    /// The number of the cluster's state that runs, and the states that ran before.
    number: u64,
    former: HashMap<u64, Saved>,
    /// The machines on which etcd ran at the last look: one that runs does not mind that its directory was emptied.
    etcds: HashSet<String>,
    logs: logs::Written,
    /// Whether there was a look.
    begun: bool,
}

/// Looks at the machines of one cluster, and has happen what follows.
pub struct Operating {
    plane: Arc<ControlPlane>,
    machines: Arc<Machines>,
    real: Option<Arc<RealEtcd>>,
    kubelet: Context,
    seen: tokio::sync::Mutex<Seen>,
}

/// While this is held nobody looks at the machines, and nothing follows from their files.
pub struct Still<'a>(tokio::sync::MutexGuard<'a, Seen>);

impl Still<'_> {
    /// What was seen counts no more: the machines are others now.
    pub fn forget(&mut self) {
        *self.0 = Seen::default();
    }
}

impl Control for Operating {
    fn settle(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.look().await;
            self.rest().await;
        })
    }
}

impl Operating {
    /// Over a cluster's machines and what runs on them.
    pub fn new(plane: Arc<ControlPlane>, machines: Arc<Machines>, real: Option<Arc<RealEtcd>>) -> Self {
        plane.runtime.attach(machines.clone());
        Self { kubelet: plane.context("kubelet"), plane, machines, real, seen: tokio::sync::Mutex::default() }
    }

    /// Looks before anybody else does, and comes back when what follows has happened; soon, where nobody ever went in.
    pub async fn settle_from(&self, mut still: Still<'_>) {
        self.look_with(&mut still.0).await;
        drop(still);
        if !self.laid().is_empty() {
            self.rest().await;
        }
    }

    /// Waits until the mirrors are as the manifests want them, and looks again.
    async fn rest(&self) {
        let clock = self.plane.api.clock;
        let tick = PATIENCE / 200;
        for _ in 0..200 {
            if self.is_settled() {
                break;
            }
            clock.sleep(tick.mul_f64(clock.speed())).await;
        }
        self.look().await;
    }

    /// Stands still until the answer is dropped.
    pub async fn still(&self) -> Still<'_> {
        Still(self.seen.lock().await)
    }

    fn laid(&self) -> Vec<Arc<Machine>> {
        self.machines.all().into_iter().filter(|machine| machine.files().is_some()).collect()
    }

    /// Looks again and again, until the task is stopped. Where nobody ever went in, there is nothing to look at.
    pub async fn run(self: Arc<Self>) {
        let clock = self.plane.api.clock;
        loop {
            let laid = self.laid();
            if laid.is_empty() {
                self.machines.touched.notified().await;
            } else {
                let pause =
                    clock.now() + jiff::SignedDuration::try_from(LOOK.mul_f64(clock.speed())).unwrap_or_default();
                let due = laid.iter().filter_map(|machine| machine.services().due()).min();
                tokio::select! {
                    () = self.machines.touched.notified() => {}
                    () = clock.sleep_until(due.map_or(pause, |due| due.min(pause))) => {}
                }
            }
            self.look().await;
        }
    }

    /// One look at everything.
    async fn look(&self) {
        let mut seen = self.seen.lock().await;
        self.look_with(&mut seen).await;
    }

    async fn look_with(&self, seen: &mut Seen) {
        if let Some(real) = &self.real {
            real.level().await;
        }
        self.authority().await;
        let begun = std::mem::replace(&mut seen.begun, !self.laid().is_empty());
        for machine in self.laid() {
            self.look_at(&machine, seen);
            if !begun {
                self.look_into(&machine);
            }
        }
        self.components(seen).await;
        for machine in self.laid() {
            self.logs(&machine, &mut seen.logs);
            self.plane.runtime.level(&machine);
        }
    }

    fn look_at(&self, machine: &Machine, seen: &mut Seen) {
        let Some(root) = machine.files() else { return };
        let client = &self.kubelet.client;
        let systemd = Systemd { machine, root, now: client.clock().now() };
        systemd.tick();
        services::containerd(systemd);
        services::kubelet(&self.machines, systemd, (client, &self.plane.runtime));
        self.manifests(machine, seen);
        let (name, runtime) = (machine.name.as_str(), &self.plane.runtime);
        let (halt, fault) = (runtime.halt(name), runtime.not_ready(name));
        let halted = seen.halts.insert(name.to_owned(), halt).flatten();
        let faulty = seen.faults.insert(name.to_owned(), fault.clone()).flatten();
        if halt.is_none() && (halted.is_some() || fault != faulty) {
            heartbeat::beat_all(client, runtime);
        }
        if halted != halt || fault != faulty {
            runtime.wake(client, name);
        }
    }

    /// Has the mirrors follow the manifests of a machine, when those changed.
    fn manifests(&self, machine: &Machine, seen: &mut Seen) {
        let Some(files) = manifests::files(&self.plane.runtime, &machine.name) else { return };
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        let hash = hasher.finish();
        if seen.manifests.insert(machine.name.clone(), hash) == Some(hash) {
            return;
        }
        let pid = machine.services().unit(super::machine::services::KUBELET).map_or(0, |unit| unit.pid);
        for (path, why) in manifests::faults(&files) {
            services::kubelet_says(
                machine,
                (self.kubelet.client.clock().now(), pid),
                ('E', "file.go:187"),
                &format!("\"Could not process manifest file\" err={why:?} path={path:?}"),
            );
        }
        let mirrors = static_pods::Mirrors(self.plane.runtime.clone());
        if let Err(status) = mirrors.reconcile(&self.kubelet, &(String::new(), machine.name.clone())) {
            services::kubelet_says(
                machine,
                (self.kubelet.client.clock().now(), pid),
                ('E', "kubelet.go:3334"),
                &format!("\"Failed creating a mirror pod\" err={:?}", status.to_string()),
            );
        }
    }

    /// Whether all containers are there again that were brought back on a node; its kubelet is asked for those that are not.
    fn is_awake(&self, node: &str) -> bool {
        let runtime = &self.plane.runtime;
        if runtime.halt(node).is_some() {
            return true;
        }
        let sleeps = |pod: &&Object| {
            matches!(meta::text(pod, "/status/phase"), "Running" | "Pending")
                && logs::has_run(pod)
                && runtime.front(meta::uid(pod)).is_none()
        };
        let pods = runtime.pods_of(&self.kubelet.client, node);
        let asleep: Vec<&Object> = pods.iter().filter(sleeps).collect();
        asleep.iter().for_each(|pod| runtime.wakes.push((meta::namespace(pod).to_owned(), meta::name(pod).to_owned())));
        asleep.is_empty()
    }

    /// Whether the mirrors are what the manifests ask for, and each has come as far as it does at once.
    fn is_settled(&self) -> bool {
        let client = &self.kubelet.client;
        self.laid().iter().all(|machine| {
            if !self.is_awake(&machine.name) {
                return false;
            }
            let Some(files) = manifests::files(&self.plane.runtime, &machine.name) else {
                return !machine.services().is_fresh(super::machine::services::KUBELET);
            };
            let Some(node) = client.find(&super::apiserver::registry::kinds::node::NODE, "", &machine.name) else {
                return true;
            };
            let wanted = manifests::static_pods(&node, &files);
            let mirrors = static_pods::mirrors(client, &machine.name);
            wanted.len() <= mirrors.len() && mirrors.iter().all(|pod| !meta::is_terminating(pod) && has_begun(pod))
        })
    }
}

/// Whether every container of a Pod runs, has ended, or waits for more than a moment.
fn has_begun(pod: &serde_json::Value) -> bool {
    let statuses = meta::list(pod, "/status/containerStatuses");
    let begun = |status: &serde_json::Value| meta::text(status, "/state/waiting/reason") != "ContainerCreating";
    !statuses.is_empty() && statuses.iter().all(begun)
}
