//! A real etcd below the cluster: it holds each object under its key, and what is changed there by its own tools becomes the cluster's.
//! The storage answers the API as ever, as an API server's watch cache does; the two are brought level after every change.
//! When it runs follows from its static Pod, which is `operating`'s; how the learner's `etcdctl` gets to it, `shell`'s.

mod gateway;
mod process;
mod programs;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::Mutex;

use self::gateway::{Change, Gateway, GatewayError};
use self::process::Process;
pub use self::programs::{NoProgram, Programs};
use super::{Held, Keys, object};
use crate::base::clock::Clock;
use crate::object::meta;
use crate::sim::apiserver::endpoints::ApiServer;
use crate::sim::machine::etcd::{Member, Pair, Real, Store as _, keys};
use crate::sim::machine::root::Root;

/// The API server's own certificate for etcd, and the authority of etcd's.
const CLIENT: &str = "/etc/kubernetes/pki/apiserver-etcd-client";
const AUTHORITY: &str = "/etc/kubernetes/pki/etcd/ca.crt";
/// How often an etcd that begins is asked whether it answers, and how often at most (10 s).
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: u32 = 200;

/// Why etcd does not run.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    #[error("etcd cannot be started: {0}")]
    Start(#[from] std::io::Error),
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error("etcd ended at once; it says: {0}")]
    Ended(String),
    #[error("etcd holds what is no object: {0}")]
    Held(String),
}

/// What an etcd that began is to the cluster.
pub enum Began {
    /// It holds what the cluster holds.
    Level,
    /// Its directory was another's: the cluster has to become this, and this is the answer until it `became` it.
    Other(Arc<Held>),
    /// Its directory was empty.
    Empty,
}

struct Running {
    process: Process,
    gateway: Gateway,
    directory: String,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    /// Revision of the storage and of etcd for each key, as of when they were level.
    level: BTreeMap<String, (u64, u64)>,
    /// The storage's revision then.
    stored: u64,
    /// etcd's revision then. `None` where it is to begin anew with what the cluster holds.
    revision: Option<u64>,
    /// Since when it is to begin anew, where that is so from a moment on: what is in a directory since then somebody has put there.
    anew: Option<Timestamp>,
    /// What the cluster has to become before the two can be level: whoever was to see to it may have been stopped on the way.
    owed: Option<Arc<Held>>,
}

/// The real etcd of one cluster.
pub struct RealEtcd {
    programs: Programs,
    api: Arc<ApiServer>,
    log: PathBuf,
    state: Mutex<State>,
}

impl RealEtcd {
    /// Of a cluster, with these programs; what etcd says goes to the file `log`.
    pub fn new(programs: Programs, api: Arc<ApiServer>, log: PathBuf) -> Self {
        Self { programs, api, log, state: Mutex::default() }
    }

    /// Has it run as the member a machine's manifest describes; one that does already is left alone.
    pub async fn run(&self, (root, member): (&Root, &Member)) -> Result<Began, RealError> {
        let mut state = self.state.lock().await;
        if let Some(running) = &mut state.running
            && running.directory == member.data
            && running.process.runs()
        {
            return Ok(owed(&state));
        }
        stop(&mut state).await;
        let begins = state.revision.is_none() && cleared(root, member, state.anew)?;
        let (running, revision) = self.start(root, member).await?;
        let began = match state.revision {
            None if begins => Began::Level,
            Some(known) if known == revision => owed(&state),
            _ => self.other(&running.gateway, &mut state).await?,
        };
        if matches!(began, Began::Empty) {
            running.process.stop().await;
            return Ok(began);
        }
        state.revision.get_or_insert(revision);
        state.running = Some(running);
        if matches!(began, Began::Level) {
            self.push(&mut state).await?;
        }
        Ok(began)
    }

    async fn start(&self, root: &Root, member: &Member) -> Result<(Running, u64), RealError> {
        let mut process = Process::start(&self.programs, (root, member), &self.log)?;
        let (certificate, key) = (root.text(&format!("{CLIENT}.crt"))?, root.text(&format!("{CLIENT}.key"))?);
        let url = format!("https://{}", process.address);
        let gateway = Gateway::open(&url, &root.text(AUTHORITY)?, (&certificate, &key)).await?;
        let mut looks = 0;
        let revision = loop {
            match gateway.revision().await {
                Ok(revision) => break revision,
                Err(error) if looks == LOOKS => return Err(error.into()),
                Err(_) if !process.runs() => return Err(RealError::Ended(self.last())),
                Err(_) => looks += 1,
            }
            Clock::system().sleep(LOOK).await;
        };
        Ok((Running { process, gateway, directory: member.data.clone() }, revision))
    }

    /// The last that etcd said.
    pub fn last(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        said.lines().last().unwrap_or_default().to_owned()
    }

    /// What an etcd holds that is not what it was.
    async fn other(&self, gateway: &Gateway, state: &mut State) -> Result<Began, RealError> {
        let (revision, pairs) = gateway.pairs().await?;
        if pairs.is_empty() {
            // Nobody put it there where it is to begin anew: it began before, and failed before it had taken anything.
            return Ok(if state.revision.is_none() { Began::Level } else { Began::Empty });
        }
        let (mut lines, mut level) = (Vec::new(), BTreeMap::new());
        for pair in &pairs {
            let (resource, object) = object(&pair.key, &pair.value);
            let known = meta::revision(&object);
            let line = json!({ "revision": known, "resource": resource, "put": object });
            lines.extend_from_slice(format!("{line}\n").as_bytes());
            level.insert(pair.key.clone(), (known, pair.revision));
        }
        let held = Held::from_lines(lines.as_slice(), Path::new("etcd"));
        let held = held.map_err(|error| RealError::Held(error.to_string()))?;
        let held = Arc::new(held);
        (state.level, state.revision, state.owed) = (level, Some(revision), Some(held.clone()));
        Ok(Began::Other(held))
    }

    /// The cluster is what etcd held when it began.
    pub async fn became(&self) {
        self.state.lock().await.owed = None;
    }

    /// Ends it, as its container does.
    pub async fn stop(&self) {
        let mut state = self.state.lock().await;
        if let Err(error) = self.bring_level(&mut state).await {
            tracing::warn!(%error, "etcd ends before it has taken everything");
        }
        stop(&mut state).await;
    }

    /// Ends it; when it begins again it is with what the cluster holds then, whatever is in its directory.
    pub async fn begin_anew(&self) {
        let mut state = self.state.lock().await;
        stop(&mut state).await;
        *state = State { anew: Some(Clock::system().now()), ..State::default() };
    }

    async fn bring_level(&self, state: &mut State) -> Result<(), RealError> {
        let Some(running) = state.running.as_ref().filter(|_| state.owed.is_none()) else { return Ok(()) };
        if Some(running.gateway.revision().await?) != state.revision {
            self.pull(state).await?;
        }
        self.push(state).await
    }

    /// Takes over what others have written to etcd.
    async fn pull(&self, state: &mut State) -> Result<(), RealError> {
        let Some(running) = &state.running else { return Ok(()) };
        let (revision, pairs) = running.gateway.pairs().await?;
        let cluster = Keys(self.api.clone());
        let mut gone: BTreeSet<String> = state.level.keys().cloned().collect();
        for Pair { key, value, revision } in pairs {
            gone.remove(&key);
            if state.level.get(&key).is_none_or(|(_, known)| *known != revision) {
                let stored = cluster.put(&key, &value);
                state.level.insert(key, (stored, revision));
            }
        }
        for key in gone {
            cluster.delete(&key);
            state.level.remove(&key);
        }
        state.revision = Some(revision);
        Ok(())
    }

    /// Gives etcd what has changed in the cluster.
    async fn push(&self, state: &mut State) -> Result<(), RealError> {
        let Some(running) = &state.running else { return Ok(()) };
        let checkpoint = self.api.storage.checkpoint();
        if checkpoint.revision() == state.stored {
            return Ok(());
        }
        let (mut changes, mut stored) = (Vec::<Change>::new(), BTreeMap::new());
        for (resource, (namespace, name), revision, text) in checkpoint.each() {
            let Some(key) = keys::key(resource, (namespace, name)) else { continue };
            if state.level.get(&key).is_none_or(|(known, _)| *known != revision) {
                changes.push((key.clone(), Some(super::value(resource, text))));
            }
            stored.insert(key, revision);
        }
        changes.extend(state.level.keys().filter(|key| !stored.contains_key(*key)).map(|key| (key.clone(), None)));
        let after = running.gateway.change(&changes).await?;
        for ((key, _), etcd) in changes.iter().zip(&after) {
            match stored.get(key) {
                Some(revision) => drop(state.level.insert(key.clone(), (*revision, *etcd))),
                None => drop(state.level.remove(key)),
            }
            state.revision = Some(*etcd);
        }
        state.stored = checkpoint.revision();
        Ok(())
    }
}

/// What an etcd that went on where it was is to the cluster.
fn owed(state: &State) -> Began {
    state.owed.clone().map_or(Began::Level, Began::Other)
}

/// Takes away what a data directory holds; false where somebody has put it there since `anew`.
fn cleared(root: &Root, member: &Member, anew: Option<Timestamp>) -> std::io::Result<bool> {
    let data = format!("{}/member", member.data);
    let put = root.place(&data).and_then(std::fs::metadata).and_then(|there| there.modified());
    let put = put.ok().and_then(|put| Timestamp::try_from(put).ok());
    if anew.is_some_and(|anew| put > Some(anew)) {
        return Ok(false);
    }
    root.remove(&data)?;
    Ok(true)
}

async fn stop(state: &mut State) {
    if let Some(running) = state.running.take() {
        running.process.stop().await;
    }
}

impl Real for RealEtcd {
    fn program(&self, name: &str) -> &Path {
        match (name, &self.programs.etcdutl) {
            ("etcdutl", Some(etcdutl)) => etcdutl,
            _ => &self.programs.etcdctl,
        }
    }

    fn address(&self) -> BoxFuture<'_, Option<SocketAddr>> {
        async { self.state.lock().await.running.as_ref().map(|running| running.process.address) }.boxed()
    }

    fn level(&self) -> BoxFuture<'_, ()> {
        async {
            let mut state = self.state.lock().await;
            let Err(error) = self.bring_level(&mut state).await else { return };
            tracing::warn!(%error, "etcd and the cluster are not level");
            if state.running.as_mut().is_some_and(|running| !running.process.runs()) {
                stop(&mut state).await;
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn only_what_was_there_before_the_new_beginning_is_cleared() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Root::open(folder.path()).expect("a root");
        let member = Member { data: "/var/lib/restored".to_owned(), ..Member::default() };
        root.make_dir("/var/lib/restored/member", 0o700).expect("a directory");
        let now = Clock::system().now();
        let (before, after) = (now - SignedDuration::from_secs(60), now + SignedDuration::from_secs(60));
        assert!(!cleared(&root, &member, Some(before)).expect("it is looked at"));
        assert!(root.is_dir("/var/lib/restored/member"));
        assert!(cleared(&root, &member, Some(after)).expect("it is taken away"));
        assert!(!root.is_dir("/var/lib/restored/member"));
        assert!(cleared(&root, &member, None).expect("nothing is there"));
    }
}
