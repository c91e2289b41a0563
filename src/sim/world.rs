//! One simulated cluster whole: its API server, controllers, scheduler and kubelets, and the doors to it.
//! What a cluster is to the rest of Kubedrill stands in `cluster`.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::task::JoinHandle;

use super::apiserver::auth::{Authenticator, TokenKey, User};
use super::apiserver::client::Client;
use super::apiserver::endpoints::ApiServer;
use super::apiserver::pki::{AlternativeNames, Authority, Issued, KeyPair, Kubeconfig, PkiError};
use super::apiserver::registry::kinds::node::NODE;
use super::apiserver::registry::kinds::pod::POD;
use super::apiserver::server::{self, Command, Connector as _, Outcome, Server, Trusted};
use super::apiserver::status::Status;
use super::apiserver::storage::{Journal, JournalError, Storage};
use super::apiserver::tls::{Serving, ServingError, ServingOptions};
use super::bootstrap;
pub use super::checkpoint::{Checkpoint, CheckpointError};
use super::control_plane::ControlPlane;
use super::etcd::real::{NoProgram, Programs};
use super::listen;
use super::machine::etcd::Real as _;
use super::machine::{Birth, Machines};
use super::machinery::{FolderError, Machinery, folder_error};
use super::network::{API_ADDRESS, Network, Sockets};
use super::nodes::Kubelet;
use super::nodes::heartbeat::{self, Plan};
use super::nodes::keeping::Keeper;
use super::nodes::runtime::Runtime;
use super::nodes::snapshot::SnapshotError;
use super::operating::{Operating, Still};
use super::reconciler::Context;
use super::shell::call::{Control as _, Inside};
use crate::base::clock::Clock;
use crate::base::files;
use crate::base::topology::{Etcd, Topology};
use crate::object::meta;

/// How a cluster is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its machines and its version.
    pub topology: Topology,
    pub clock: Clock,
    /// The port wanted; 0 for any that is free.
    pub port: u16,
    /// Where the cluster keeps its authority and journal; without one it is gone with the process.
    pub dir: Option<PathBuf>,
}

/// Why a cluster did not start.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("the cluster's keys: {0}")]
    Pki(#[from] PkiError),
    #[error(transparent)]
    Serving(#[from] ServingError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("the cluster could not be filled: {0}")]
    Bootstrap(Status),
    #[error("the client to the cluster: {0}")]
    Client(String),
    #[error(transparent)]
    Etcd(#[from] NoProgram),
    #[error("etcd does not run; it says: {0}")]
    EtcdSilent(String),
    #[error(transparent)]
    Version(#[from] heartbeat::UnknownVersion),
}

impl WorldError {
    /// What the system said about a folder of the cluster's.
    pub fn folder(path: &Path, source: std::io::Error) -> Self {
        folder_error(path)(source).into()
    }
}

/// The keys of a cluster.
struct Keys {
    authority: Arc<Authority>,
    tokens: KeyPair,
    admin: Issued,
}

/// Opens the door to the API server, and says with which certificate.
async fn serve(
    dir: &Option<PathBuf>,
    port: u16,
    (keys, now): (&Keys, jiff::Timestamp),
    router: &Router,
) -> Result<(Serving, Issued), WorldError> {
    let mut refused = None;
    for address in listen::candidates(dir.as_deref(), port) {
        let issued = keys.authority.issue_serving("kube-apiserver", serving_names(address.ip()), now)?;
        let options = ServingOptions { address, serving: &issued, by_address: None, authority: &keys.authority };
        match Serving::start(options, router.clone()).await {
            Ok(serving) => {
                if let Some(dir) = dir {
                    listen::remember(dir, serving.address()).map_err(folder_error(dir))?;
                }
                return Ok((serving, issued));
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.map_or_else(|| WorldError::Client("no address to listen on".to_owned()), WorldError::from))
}

/// A running cluster. It stops when it is dropped.
pub struct World {
    api: Arc<ApiServer>,
    plane: Arc<ControlPlane>,
    kubelet: Arc<Kubelet>,
    router: Router,
    keys: Keys,
    machinery: Machinery,
    operating: Arc<Operating>,
    looking: JoinHandle<()>,
}

impl World {
    /// Starts a cluster: from nothing, or as its folder's journal left it.
    pub async fn start(options: Options) -> Result<Self, WorldError> {
        let now = options.clock.now();
        let programs = (options.topology.etcd == Etcd::Real).then(Programs::find).transpose()?;
        let keys = Keys::of(options.dir.as_deref(), now)?;
        let journal = options.dir.as_ref().map(|dir| dir.join("cluster.jsonl"));
        let known = match &journal {
            Some(path) => Checkpoint::load(path)?,
            None => None,
        };
        let fresh = known.is_none();
        let known = known.unwrap_or_default();
        let storage = Storage::from_checkpoint(known.stored);
        let authenticator = Authenticator::new(keys.authority.certificate(), TokenKey::new(&keys.tokens)?);
        let api = ApiServer::new(storage, options.clock, authenticator);
        let client = Client::of_component(api.clone(), "kubeadm");
        let plans = Plan::cluster(&options.topology)?;
        if fresh {
            bootstrap::fill(&client, &plans, &keys.authority.certificate_pem()).map_err(WorldError::Bootstrap)?;
        }
        let runtime = Arc::new(Runtime::default());
        runtime.restore(&known.runtime);
        runtime.forget_others(&pods(&api));
        let mut keeper = None;
        if let Some(path) = journal {
            keeper = Some(Arc::new(Keeper::begin(Checkpoint::beside(&path), runtime.snapshot())?));
            api.storage.keep(Journal::at(path))?;
        }
        let kubelet = Context::new(api.clone(), "kubelet", keys.authority.clone());
        let kubelet = Arc::new(Kubelet::new(kubelet, runtime.clone()));
        let connector = kubelet.clone();
        let address = API_ADDRESS.to_owned();
        let router = server::router(Server { api: api.clone(), connector, address });
        let (serving, issued) = serve(&options.dir, options.port, (&keys, now), &router).await?;
        let address = serving.address();
        let authority = keys.authority.clone();
        let serving_pem = (issued.certificate_pem(), issued.key.to_pem());
        let plane = ControlPlane::new((api.clone(), runtime), (authority, issued), (router.clone(), serving), keeper);
        let plane = Arc::new(plane);
        let birth = |version| Birth {
            version,
            now,
            api: address,
            authority: keys.authority.clone(),
            serving: serving_pem,
            tokens: (keys.tokens.to_pem(), keys.tokens.public_pem()),
        };
        let mut operating = None;
        let machinery = Machinery::start(
            (options.dir.as_deref(), &plans),
            (Client::of_component(api.clone(), "kubelet"), kubelet.clone()),
            (birth, programs),
            |machines, real| operating.insert(Arc::new(Operating::new(plane.clone(), machines.clone(), real))).clone(),
        )?;
        let operating = operating.ok_or_else(|| WorldError::Client("nobody looks at the machines".to_owned()))?;
        operating.authority().await;
        let looking = tokio::spawn(operating.clone().run());
        plane.resume();
        Ok(Self { api, plane, kubelet, router, keys, machinery, operating, looking })
    }

    /// Where the API server listens: `https://ADDRESS:PORT`, on loopback.
    pub fn url(&self) -> String {
        format!("https://{}", self.plane.address())
    }

    /// The machines below its nodes.
    pub fn machines(&self) -> &Arc<Machines> {
        &self.machinery.machines
    }

    /// What the commands of its nodes reach.
    pub fn inside(&self) -> &Inside {
        &self.machinery.inside
    }

    /// The socket at which the cluster answers for its nodes.
    pub fn nodes_socket(&self) -> &Path {
        self.machinery.listening.path()
    }

    /// The cluster's clock.
    pub fn clock(&self) -> Clock {
        self.api.clock
    }

    /// Who reaches whom in it.
    pub fn network(&self) -> Arc<Network> {
        let client = Client::of_component(self.api.clone(), "kube-proxy");
        let sockets: Arc<dyn Sockets> = self.kubelet.clone();
        Arc::new(Network::new(client, Arc::downgrade(&sockets)))
    }

    /// A client for this process, as the cluster's administrator, without a socket.
    pub fn client(&self) -> Result<kube::Client, WorldError> {
        let groups = ["kubeadm:cluster-admins", "system:masters", "system:authenticated"].map(str::to_owned);
        let user = Arc::new(User { name: "kubernetes-admin".to_owned(), groups: groups.to_vec(), ..User::default() });
        let router = self.router.clone();
        let trusting = tower::service_fn(move |mut request: axum::extract::Request<kube::client::Body>| {
            request.extensions_mut().insert(Trusted(user.clone()));
            let router = router.clone();
            async move { Ok::<_, Infallible>(server::inside(router, request.map(axum::body::Body::new)).await) }
        });
        Ok(kube::Client::new(trusting, "default"))
    }

    /// Runs a command in a running container, as `kubectl exec` does, and waits for its end. Errors in the kubelet's words.
    pub async fn exec(
        &self,
        (namespace, pod, container): (&str, &str, &str),
        words: &[&str],
        input: &[u8],
    ) -> Result<Outcome, Status> {
        let pod = Client::of_component(self.api.clone(), "kubelet").get(&POD, namespace, pod)?;
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let (container, stdin) = (container.to_owned(), !input.is_empty());
        let command = Command { container, words, stdin, stdout: true, stderr: true, tty: false };
        self.kubelet.session(&pod, command)?.whole(input).await
    }

    /// Writes the administrator's kubeconfig, mode 0600.
    pub fn write_kubeconfig(&self, path: &Path) -> std::io::Result<()> {
        let (server, authority) = (self.url(), self.keys.authority.certificate_pem());
        let (certificate, key) = (self.keys.admin.certificate_pem(), self.keys.admin.key.to_pem());
        let kubeconfig = Kubeconfig {
            server: &server,
            authority: &authority,
            user: "kubernetes-admin",
            certificate: &certificate,
            key: &key,
            namespace: None,
        };
        kubeconfig.write(path)
    }

    /// Has a real etcd, where there is to be one, take what the cluster holds. It has its files on the control plane's machines.
    pub async fn begin_etcd(&self) -> Result<(), WorldError> {
        let Some(real) = &self.machinery.real else { return Ok(()) };
        let machines = self.machines();
        for machine in machines.all().iter().filter(|machine| machine.control_plane) {
            machines.files(machine).map_err(folder_error(machines.folder()))?;
        }
        self.operating.settle().await;
        match real.address().await {
            Some(_) => Ok(()),
            None => Err(WorldError::EtcdSilent(real.last())),
        }
    }

    /// Waits until every node is Ready and every Pod runs that has a place; false when that takes longer than `patience`
    /// by the wall's clock: on one that is fast the work takes as long.
    pub async fn ready(&self, patience: Duration) -> bool {
        let clock = Clock::system();
        let end = clock.now() + jiff::SignedDuration::try_from(patience).unwrap_or(jiff::SignedDuration::MAX);
        while clock.now() < end {
            if self.is_ready() {
                // What it was born with takes less room until somebody wants it.
                self.api.storage.settle();
                self.api.storage.settle();
                return true;
            }
            clock.sleep(Duration::from_millis(2)).await;
        }
        self.is_ready()
    }

    fn is_ready(&self) -> bool {
        let client = Client::of_component(self.api.clone(), "kubeadm");
        let has = |object: &serde_json::Value| {
            meta::list(object, "/status/conditions")
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        };
        let waits = |pod: &serde_json::Value| {
            let mut conditions = meta::list(pod, "/status/conditions").iter();
            conditions.any(|condition| condition["reason"] == "Unschedulable")
        };
        let (nodes, pods) = (client.list(&NODE, ""), client.list(&POD, ""));
        // The control plane's four, a DNS server, a proxy and a network on each node: fewer means that some are still to come.
        let expected = 4 + 1 + 2 * nodes.len();
        pods.len() >= expected && nodes.iter().all(|node| has(node)) && pods.iter().all(|pod| has(pod) || waits(pod))
    }

    /// Everything stored, and what Pods have written.
    pub fn checkpoint(&self) -> Checkpoint {
        self.plane.pause.notify_one();
        Checkpoint { runtime: self.plane.runtime.snapshot(), stored: self.api.storage.checkpoint() }
    }

    /// Brings the cluster back to `checkpoint`. Components stop meanwhile, as in a control plane that is restored from a backup.
    pub async fn restore(&self, checkpoint: &Checkpoint) {
        self.plane.halt().await;
        self.plane.runtime.restore(&checkpoint.runtime);
        self.api.storage.restore(&checkpoint.stored);
        self.plane.runtime.forget_others(&pods(&self.api));
        self.operating.authority().await;
        self.plane.keep();
        if let Some(real) = &self.machinery.real {
            real.begin_anew().await;
        }
        self.plane.resume();
    }

    /// Holds still what follows from the machines' files, until the answer is dropped: while they are copied or replaced.
    pub async fn still(&self) -> Still<'_> {
        self.operating.still().await
    }

    /// Looks at the machines' files now, and comes back when what follows from them has happened.
    pub async fn settle(&self) {
        self.operating.settle().await;
    }

    /// The same for one who has held them still: nobody gets to look in between.
    pub async fn settle_from(&self, still: Still<'_>) {
        self.operating.settle_from(still).await;
    }

    /// Stops everything and frees the port.
    pub async fn stop(self) {
        self.looking.abort();
        self.plane.halt().await;
        self.plane.keep();
        self.plane.shut().await;
        if let Some(real) = &self.machinery.real {
            real.stop().await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.looking.abort();
        self.plane.abandon();
    }
}

/// The uids of all Pods.
fn pods(api: &Arc<ApiServer>) -> HashSet<String> {
    let client = Client::of_component(api.clone(), "kubelet");
    client.list(&POD, "").iter().map(|pod| meta::uid(pod).to_owned()).collect()
}

fn serving_names(address: IpAddr) -> AlternativeNames {
    let dns = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "controlplane",
    ];
    let ips = [Ipv4Addr::new(10, 96, 0, 1), Ipv4Addr::new(192, 168, 56, 10), Ipv4Addr::LOCALHOST].map(IpAddr::V4);
    let own = (address != IpAddr::V4(Ipv4Addr::LOCALHOST)).then_some(address);
    AlternativeNames {
        dns: dns.map(str::to_owned).to_vec(),
        ips: ips.into_iter().chain(own).collect(),
        ..AlternativeNames::default()
    }
}

impl Keys {
    /// The keys in a folder, or new ones, written there.
    fn of(dir: Option<&Path>, now: jiff::Timestamp) -> Result<Self, WorldError> {
        let kept = |name: &str| dir.and_then(|dir| std::fs::read_to_string(dir.join(name)).ok());
        let (authority, tokens) = match (kept("ca.crt"), kept("ca.key"), kept("sa.key")) {
            (Some(certificate), Some(key), Some(tokens)) => {
                (Authority::from_pem(&certificate, &key)?, KeyPair::from_pem(&tokens)?)
            }
            _ => (Authority::generate("kubernetes", now)?, KeyPair::generate()?),
        };
        if let Some(dir) = dir {
            let write = |name: &str, text: &str| files::write_atomic(&dir.join(name), text.as_bytes(), 0o600);
            let written = files::private_dir(dir)
                .and_then(|()| write("ca.crt", &authority.certificate_pem()))
                .and_then(|()| write("ca.key", &authority.key_pem()))
                .and_then(|()| write("sa.key", &tokens.to_pem()));
            written.map_err(folder_error(dir))?;
        }
        let admin = authority.issue_client("kubernetes-admin", &["kubeadm:cluster-admins"], now)?;
        Ok(Self { authority: Arc::new(authority), tokens, admin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cluster_that_is_stopped_leaves_nothing_in_memory() {
        let world =
            World::start(Options { topology: Topology::workers(1), clock: Clock::system(), port: 0, dir: None })
                .await
                .unwrap();
        assert!(world.ready(Duration::from_secs(30)).await);
        let client = world.client().unwrap();
        client.apiserver_version().await.unwrap();
        let storage = Arc::downgrade(&world.api);
        drop(client);
        world.stop().await;
        tokio::task::yield_now().await;
        assert_eq!(storage.strong_count(), 0);
    }
}
