//! Schedulers beside the cluster's own: Pods that run kube-scheduler with a configuration that gives it another name.
//! That they schedule is the scheduler's; which run, `control_plane` hears from here. Source: `pkg/scheduler/apis/config`, `cmd/kube-scheduler/app/options`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch::Sender;

use super::components::{mounted, program};
use super::runtime::Runtime;
use super::startup::flags::{self, Given};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::decoding;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Reconciler, Watched};

/// The scheduler of Pods that name none.
const DEFAULT: &str = "default-scheduler";

/// Tells the names of the schedulers that run beside the cluster's own.
pub struct SecondSchedulers {
    pub runtime: Arc<Runtime>,
    pub tell: Sender<BTreeSet<String>>,
}

static WATCHES: &[Watched] = &[Watched { resource: &POD, keys: of_schedulers }];

fn of_schedulers(_: &Context, pod: &Object) -> Vec<Key> {
    schedulers(pod).next().map(|_| Key::default()).into_iter().collect()
}

fn schedulers(pod: &Value) -> impl Iterator<Item = &Value> {
    meta::list(pod, "/spec/containers").iter().filter(|container| program(container) == Some("kube-scheduler"))
}

impl Reconciler for SecondSchedulers {
    fn name(&self) -> &'static str {
        "second-schedulers"
    }

    fn watches(&self) -> &'static [Watched] {
        WATCHES
    }

    fn reconcile(&self, context: &Context, _: &Key) -> Result<Next> {
        let pods = context.client.list(&POD, "");
        let names = pods.iter().flat_map(|pod| {
            let running = schedulers(pod).filter(|container| runs(pod, container));
            running.flat_map(|container| names(&self.runtime, &context.client, (pod, container))).collect::<Vec<_>>()
        });
        let names: BTreeSet<String> = names.collect();
        self.tell.send_if_modified(|known| {
            let is_new = *known != names;
            *known = names;
            is_new
        });
        Ok(Next::Done)
    }
}

fn runs(pod: &Value, container: &Value) -> bool {
    let statuses = meta::list(pod, "/status/containerStatuses").iter();
    statuses
        .filter(|status| status["name"] == container["name"])
        .any(|status| status.pointer("/state/running").is_some())
}

/// The flags of a scheduler's container.
fn given(container: &Value) -> Given {
    let texts = |list: &str| meta::list(container, list).iter().filter_map(Value::as_str).map(str::to_owned);
    let words: Vec<String> = texts("/command").chain(texts("/args")).collect();
    // The image's own entrypoint stands before arguments that come alone.
    let words = words.iter().skip_while(|word| !word.starts_with('-')).cloned().collect::<Vec<_>>();
    flags::read("kube-scheduler", &words).unwrap_or_default()
}

/// The configuration a scheduler's container was given, if it was and reads.
pub fn configuration(runtime: &Runtime, client: &Client, (pod, container): (&Value, &Value)) -> Option<Value> {
    let path = given(container).get("config")?.to_owned();
    let (volume, rest) = mounted(pod, container, &path)?;
    let text = match meta::text(volume, "/configMap/name") {
        "" => {
            let folder = meta::text(volume, "/hostPath/path").trim_end_matches('/');
            let machine = runtime.laid(meta::text(pod, "/spec/nodeName"))?;
            machine.files()?.text(&format!("{folder}{rest}")).ok()?
        }
        name => {
            let map = client.find(&CONFIGMAP, meta::namespace(pod), name)?;
            let item = rest.trim_start_matches('/');
            let items = meta::list(volume, "/configMap/items");
            let key = items.iter().find(|one| one["path"] == item).map_or(item, |one| meta::text(one, "/key"));
            map["data"][key].as_str()?.to_owned()
        }
    };
    decoding::tree(text.as_bytes(), "application/yaml").ok()
}

/// The names by which a scheduler's container schedules beside the cluster's own. One that waits for that one's lease has none.
pub fn names(runtime: &Runtime, client: &Client, of: (&Value, &Value)) -> Vec<String> {
    let (pod, container) = of;
    let Some(config) = configuration(runtime, client, of) else { return Vec::new() };
    let given = given(container);
    let said = |flag: &str, pointer: &str| match given.get(flag) {
        Some(value) => value.to_owned(),
        None => config
            .pointer(pointer)
            .map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
            .unwrap_or_default(),
    };
    let elects = said("leader-elect", "/leaderElection/leaderElect") != "false";
    let lease = said("leader-elect-resource-name", "/leaderElection/resourceName");
    let namespace = said("leader-elect-resource-namespace", "/leaderElection/resourceNamespace");
    let same = matches!(lease.as_str(), "" | "kube-scheduler") && matches!(namespace.as_str(), "" | "kube-system");
    if (elects && same) || runtime.is_idle(meta::uid(pod)) {
        return Vec::new();
    }
    let profiles = meta::list(&config, "/profiles").iter().map(|profile| meta::text(profile, "/schedulerName"));
    profiles.filter(|name| !matches!(*name, "" | DEFAULT)).map(str::to_owned).collect()
}

/// Whether a container is a scheduler of other names only.
pub fn is_second(runtime: &Runtime, client: &Client, of: (&Value, &Value)) -> bool {
    let Some(config) = configuration(runtime, client, of) else { return false };
    let profiles = meta::list(&config, "/profiles");
    !profiles.is_empty()
        && profiles.iter().all(|profile| !matches!(meta::text(profile, "/schedulerName"), "" | DEFAULT))
}
