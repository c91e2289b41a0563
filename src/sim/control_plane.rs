//! The parts of a cluster that run: each started and stopped by itself, and the API server's door to the outside.
//! Which of them are to run stands in `operating`; that all of them do, in a cluster nobody broke.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use super::apiserver::client::Client;
use super::apiserver::endpoints::ApiServer;
use super::apiserver::pki::{Authority, Issued};
use super::apiserver::registry::kinds::node::NODE;
use super::apiserver::tls::{Serving, ServingError, ServingOptions};
use super::controllers::CONTROLLERS;
use super::nodes::callers::Watching;
use super::nodes::keeping::{self, Keeper};
use super::nodes::runtime::Runtime;
use super::nodes::{Kubelets, heartbeat, metrics_server, static_pods};
use super::reconciler::{self, Context};
use super::scheduler::Scheduler;
use crate::object::meta;

/// How often the storage lets go of what nobody wanted since. Longer than the periods of those who look at everything by habit.
const SETTLE: Duration = Duration::from_secs(30);
/// How soon after a checkpoint it does: a restore at once wants everything that was there.
const SOON: Duration = Duration::from_secs(1);

/// How long requests under way may take when the door is shut.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is to run. The kubelets stand by themselves: each knows whether it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Whether the API server answers; what follows reaches nothing without it.
    pub api: bool,
    pub controllers: bool,
    pub scheduler: bool,
}

/// Makes text of what nobody works with any more: now and then, and when a checkpoint marks a pause.
async fn settling(api: Arc<ApiServer>, pause: Arc<Notify>) {
    loop {
        tokio::select! {
            () = api.clock.sleep(SETTLE) => {}
            () = pause.notified() => {
                api.storage.settle();
                api.clock.sleep(SOON).await;
            }
        }
        api.storage.settle();
    }
}

/// Runs schedulers of these names, and ends those that are no longer among them.
async fn second_schedulers(mut told: watch::Receiver<BTreeSet<String>>, context: Context) {
    let (mut all, mut running) = (JoinSet::new(), BTreeMap::new());
    loop {
        let names = told.borrow_and_update().clone();
        running.retain(|name: &String, task: &mut AbortHandle| {
            let stays = names.contains(name);
            if !stays {
                task.abort();
            }
            stays
        });
        for name in names {
            running.entry(name).or_insert_with_key(|name| {
                // A component's name lives as long as the program; few ever have one of their own.
                let name: &'static str = String::leak(name.clone());
                let context = context.clone().as_source(name);
                all.spawn(async move { reconciler::run(&Scheduler::named(name), context).await })
            });
        }
        if told.changed().await.is_err() {
            return;
        }
    }
}

/// Everything.
pub const WHOLE: Running = Running { api: true, controllers: true, scheduler: true };

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Controllers,
    Scheduler,
    Nodes,
    Storage,
}

/// The running parts of one cluster.
pub struct ControlPlane {
    pub api: Arc<ApiServer>,
    pub runtime: Arc<Runtime>,
    /// The cluster's authority; another one after a `kubeadm init`.
    authority: Mutex<Arc<Authority>>,
    /// The certificate of the API server by the authority the practice was born with.
    own: Issued,
    /// A checkpoint was taken.
    pub pause: Arc<Notify>,
    /// Writes down what Pods have written, where the cluster is kept.
    keeper: Option<Arc<Keeper>>,
    router: Router,
    address: SocketAddr,
    door: tokio::sync::Mutex<Option<Serving>>,
    /// Whether the authority is the one the practice was born with.
    is_own: Mutex<bool>,
    /// The certificate the door shows, DER; empty while nobody has looked.
    shown: Mutex<Vec<u8>>,
    wanted: Mutex<Running>,
    parts: Mutex<BTreeMap<Part, Vec<JoinHandle<()>>>>,
}

impl ControlPlane {
    /// Over an API server whose door is open; nothing else runs yet.
    pub fn new(
        (api, runtime): (Arc<ApiServer>, Arc<Runtime>),
        (authority, own): (Arc<Authority>, Issued),
        (router, door): (Router, Serving),
        keeper: Option<Arc<Keeper>>,
    ) -> Self {
        let address = door.address();
        let door = tokio::sync::Mutex::new(Some(door));
        Self {
            api,
            runtime,
            authority: Mutex::new(authority),
            own,
            pause: Arc::default(),
            keeper,
            router,
            address,
            door,
            is_own: Mutex::new(true),
            shown: Mutex::default(),
            wanted: Mutex::new(WHOLE),
            parts: Mutex::default(),
        }
    }

    /// Where the API server listens, when it does.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a component works with.
    pub fn context(&self, component: &'static str) -> Context {
        Context::new(self.api.clone(), component, self.authority())
    }

    fn authority(&self) -> Arc<Authority> {
        self.authority.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on the cluster's authority is this one, and the door has to show another certificate. What the practice itself was born with is believed all the same: its kubeconfig leads to whatever
    /// cluster there is.
    pub async fn set_authority(&self, authority: Arc<Authority>, is_own: bool) {
        self.api.authenticator.believe((!is_own).then(|| authority.certificate().to_vec()));
        *self.authority.lock().unwrap_or_else(PoisonError::into_inner) = authority;
        *self.is_own.lock().unwrap_or_else(PoisonError::into_inner) = is_own;
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if self.parts().contains_key(&Part::Controllers) {
            self.stop_part(Part::Controllers).await;
            self.start(Part::Controllers);
        }
    }

    /// Where and as whom the API server listens with a certificate.
    fn options<'a>(&'a self, serving: &'a Issued, authority: &'a Authority) -> ServingOptions<'a> {
        let is_own = *self.is_own.lock().unwrap_or_else(PoisonError::into_inner);
        ServingOptions { address: self.address, serving, by_address: (!is_own).then_some(&self.own), authority }
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<Part, Vec<JoinHandle<()>>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, part: Part) {
        let mut parts = self.parts();
        if parts.contains_key(&part) {
            return;
        }
        let tasks = match part {
            Part::Controllers => self.controllers(),
            Part::Scheduler => self.scheduler(),
            Part::Nodes => self.nodes(),
            Part::Storage => self.storage(),
        };
        parts.insert(part, tasks);
    }

    /// Stops a part and waits until it has: it may write nothing after this.
    async fn stop_part(&self, part: Part) {
        let stopping = self.parts().remove(&part).unwrap_or_default();
        stopping.iter().for_each(JoinHandle::abort);
        for task in stopping {
            // It was told to stop; that it did is all there is to know.
            let _ = task.await;
        }
    }

    fn controllers(&self) -> Vec<JoinHandle<()>> {
        let run = |controller: &'static super::controllers::Controller| {
            let context = self.context(controller.name);
            tokio::spawn(async move { reconciler::run(controller, context).await })
        };
        CONTROLLERS.iter().copied().map(run).collect()
    }

    fn scheduler(&self) -> Vec<JoinHandle<()>> {
        let context = self.context("default-scheduler");
        vec![tokio::spawn(async move { reconciler::run(&Scheduler::default(), context).await })]
    }

    fn nodes(&self) -> Vec<JoinHandle<()>> {
        let kubelet = self.context("kubelet");
        let beating = heartbeat::run(kubelet.client.clone(), self.runtime.clone());
        let measuring = metrics_server::run(kubelet.client.clone(), self.runtime.clone());
        let (mirrors, of_mirrors) = (static_pods::Mirrors(self.runtime.clone()), kubelet.clone());
        let kubelets = Kubelets::new(self.runtime.clone());
        let (tell, told) = watch::channel(BTreeSet::new());
        let (callers, of_callers) = (Watching { runtime: self.runtime.clone(), tell }, kubelet.clone());
        vec![
            tokio::spawn(async move { reconciler::run(&callers, of_callers).await }),
            tokio::spawn(second_schedulers(told, self.context("default-scheduler"))),
            tokio::spawn(beating),
            tokio::spawn(measuring),
            tokio::spawn(async move { reconciler::run(&mirrors, of_mirrors).await }),
            tokio::spawn(async move { reconciler::run(&kubelets, kubelet).await }),
        ]
    }

    fn storage(&self) -> Vec<JoinHandle<()>> {
        let keeping = self.keeper.clone().map(|keeper| keeping::run(keeper, self.runtime.clone(), self.api.clock));
        let settling = tokio::spawn(settling(self.api.clone(), self.pause.clone()));
        keeping.map(tokio::spawn).into_iter().chain([settling]).collect()
    }

    /// Writes down what Pods have written.
    pub fn keep(&self) {
        self.keeper.iter().for_each(|keeper| keeper.write(&self.runtime));
    }

    /// Stops every part and waits until it has.
    pub async fn halt(&self) {
        for part in [Part::Controllers, Part::Scheduler, Part::Nodes, Part::Storage] {
            self.stop_part(part).await;
        }
    }

    /// Starts every part that is to run.
    pub fn resume(&self) {
        self.start(Part::Nodes);
        self.start(Part::Storage);
        let wanted = self.running();
        if wanted.api && wanted.controllers {
            self.start(Part::Controllers);
        }
        if wanted.api && wanted.scheduler {
            self.start(Part::Scheduler);
        }
    }

    /// What is to run now.
    pub fn running(&self) -> Running {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts and stops parts until what runs is `wanted`. The door opens with the certificate given, at the same address.
    pub async fn bring_to(
        &self,
        wanted: Running,
        certificate: impl FnOnce() -> Option<Issued>,
    ) -> Result<(), ServingError> {
        let before = std::mem::replace(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner), wanted);
        if before == wanted {
            return Ok(());
        }
        if !(wanted.api && wanted.controllers) {
            self.stop_part(Part::Controllers).await;
        }
        if !(wanted.api && wanted.scheduler) {
            self.stop_part(Part::Scheduler).await;
        }
        if !wanted.api {
            self.runtime.set_api(false);
            self.shut().await;
        } else if !before.api {
            let opened = self.open(certificate()).await;
            if !matches!(opened, Ok(true)) {
                // It is tried again at the next look.
                *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Running { api: false, ..wanted };
                return opened.map(drop);
            }
        }
        self.resume();
        Ok(())
    }

    /// Whether the door shows this certificate, DER.
    pub fn shows(&self, certificate: &[u8]) -> bool {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) == certificate
    }

    /// Has the door, where it is open, show a certificate from now on.
    pub async fn show(&self, certificate: Issued) -> Result<(), ServingError> {
        if let Some(door) = &*self.door.lock().await {
            door.show(self.options(&certificate, &self.authority()))?;
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = certificate.certificate;
        }
        Ok(())
    }

    /// Opens the door with this certificate; whether it did: nobody serves without one.
    async fn open(&self, certificate: Option<Issued>) -> Result<bool, ServingError> {
        let Some(certificate) = certificate else { return Ok(false) };
        let authority = self.authority();
        let options = self.options(&certificate, &authority);
        *self.door.lock().await = Some(Serving::start(options, self.router.clone()).await?);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = certificate.certificate;
        self.runtime.set_api(true);
        // Kubelets speak up before anybody asks whether they are still there.
        let client = Client::of_component(self.api.clone(), "kubelet");
        heartbeat::beat_all(&client, &self.runtime);
        client.list(&NODE, "").iter().for_each(|node| self.runtime.wake(&client, meta::name(node)));
        Ok(true)
    }

    /// Closes the door: connecting is refused from here on.
    pub async fn shut(&self) {
        if let Some(serving) = self.door.lock().await.take() {
            serving.stop(PATIENCE).await;
        }
    }

    /// Stops everything without waiting for it.
    pub fn abandon(&self) {
        self.parts().values().flatten().for_each(JoinHandle::abort);
        if let Ok(mut door) = self.door.try_lock() {
            *door = None;
        }
        // What runs in containers reaches other Pods through the runtime that holds it.
        self.runtime.clear();
    }
}
