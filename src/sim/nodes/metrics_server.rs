//! metrics-server: measures every 15 seconds what the containers of all nodes use, while a Pod of it is ready.
//! What a program takes is its own; an image's idle use is data. Source: `pkg/scraper` and `pkg/storage` of kubernetes-sigs/metrics-server.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::images;
use super::process::container::Container;
use super::runtime::Runtime;
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::storage::Object;

/// How often it measures (`--metric-resolution`).
const RESOLUTION: Duration = Duration::from_secs(15);
/// A container this young is measured from its start, once it is older than this.
const FRESH: SignedDuration = SignedDuration::from_secs(10);
/// What a node takes beside its Pods: kubelet, runtime, system. Thousandths of a CPU, and bytes.
const SYSTEM: Usage = Usage { nanocores: 38_000_000, bytes: 410 << 20 };

/// What is used: billionths of a CPU, and bytes of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    nanocores: u64,
    bytes: u64,
}

impl Usage {
    fn plus(self, other: Self) -> Self {
        Self { nanocores: self.nanocores + other.nanocores, bytes: self.bytes + other.bytes }
    }

    /// As metrics-server writes it.
    fn shown(self) -> Value {
        json!({ "cpu": format!("{}n", self.nanocores), "memory": format!("{}Ki", self.bytes >> 10) })
    }
}

/// When a run was measured last, and the CPU it had taken by then.
type Points = HashMap<String, (Timestamp, Duration)>;

/// Measures until the task is stopped.
pub async fn run(client: Client, runtime: Arc<Runtime>) {
    let mut points = Points::new();
    loop {
        client.clock().sleep(RESOLUTION).await;
        let mut scrape = Scrape { runtime: &runtime, now: client.clock().now(), points: &points, seen: Points::new() };
        let (mut nodes, mut pods) = (Vec::new(), Vec::new());
        if serves(&client) {
            scrape.all(&client, &mut nodes, &mut pods);
        }
        points = scrape.seen;
        client.server().measured.tell(nodes, pods);
    }
}

/// Whether a Pod of the metrics server is ready.
fn serves(client: &Client) -> bool {
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    client.list(&POD, "kube-system").iter().any(|pod| {
        meta::label(pod, "k8s-app") == Some("metrics-server") && meta::list(pod, "/status/conditions").iter().any(ready)
    })
}

/// One look at everything.
struct Scrape<'a> {
    runtime: &'a Runtime,
    now: Timestamp,
    points: &'a Points,
    seen: Points,
}

impl Scrape<'_> {
    fn all(&mut self, client: &Client, nodes: &mut Vec<Object>, pods: &mut Vec<Object>) {
        let all = client.list(&POD, "");
        for node in client.list(&NODE, "") {
            // A kubelet that is stopped tells nothing.
            if self.runtime.halt(meta::name(&node)).is_some() {
                continue;
            }
            let mut sum = SYSTEM;
            for pod in all.iter().filter(|pod| meta::text(pod, "/spec/nodeName") == meta::name(&node)) {
                if let Some((used, window)) = self.pod(pod) {
                    sum = used.iter().fold(sum, |sum, (_, usage)| sum.plus(*usage));
                    let shown = |(name, usage): &(String, Usage)| json!({ "name": name, "usage": usage.shown() });
                    let containers: Vec<Value> = used.iter().map(shown).collect();
                    pods.push(Arc::new(self.told("PodMetrics", pod, (window, "containers", json!(containers)))));
                }
            }
            let most = node.pointer("/status/capacity/cpu").and_then(|cpu| Quantity::of(cpu).ok());
            let most = most.and_then(|cpu| u64::try_from(cpu.milli_value()).ok()).unwrap_or(u64::MAX);
            sum.nanocores = sum.nanocores.min(most.saturating_mul(1_000_000));
            let window = SignedDuration::try_from(RESOLUTION).unwrap_or_default();
            nodes.push(Arc::new(self.told("NodeMetrics", &node, (window, "usage", sum.shown()))));
        }
        pods.sort_by(|a, b| (meta::namespace(a), meta::name(a)).cmp(&(meta::namespace(b), meta::name(b))));
    }

    /// The metrics of an object: its name and labels, and what was measured.
    fn told(&self, kind: &str, object: &Value, (window, key, used): (SignedDuration, &str, Value)) -> Value {
        let mut metadata = json!({ "name": meta::name(object), "creationTimestamp": timestamp(self.now) });
        if !meta::namespace(object).is_empty() {
            metadata["namespace"] = json!(meta::namespace(object));
        }
        if let Some(labels) = object.pointer("/metadata/labels") {
            metadata["labels"] = labels.clone();
        }
        let window = format!("{}.{:03}s", window.as_secs(), window.subsec_millis());
        let mut told = json!({
            "kind": kind,
            "apiVersion": "metrics.k8s.io/v1beta1",
            "metadata": metadata,
            "timestamp": timestamp(self.now),
            "window": window,
        });
        told[key] = used;
        told
    }

    /// What the containers of a Pod use, and over what time; `None` while one of them is too young.
    fn pod(&mut self, pod: &Value) -> Option<(Vec<(String, Usage)>, SignedDuration)> {
        if meta::text(pod, "/status/phase") != "Running" {
            return None;
        }
        let specs = || meta::list(pod, "/spec/containers").iter().chain(meta::list(pod, "/spec/initContainers"));
        let statuses = ["/status/containerStatuses", "/status/initContainerStatuses"];
        let running = statuses
            .iter()
            .flat_map(|list| meta::list(pod, list))
            .filter(|status| status.pointer("/state/running").is_some());
        let (mut used, mut widest) = (Vec::new(), SignedDuration::ZERO);
        for status in running {
            let name = meta::text(status, "/name");
            let spec = specs().find(|spec| meta::text(spec, "/name") == name)?;
            let (usage, window) = self.container(pod, spec, status)?;
            widest = widest.max(window);
            used.push((name.to_owned(), usage));
        }
        (!used.is_empty()).then_some((used, widest))
    }

    fn container(&mut self, pod: &Value, spec: &Value, status: &Value) -> Option<(Usage, SignedDuration)> {
        let id = meta::text(status, "/containerID");
        let run = self.run(meta::uid(pod), id);
        let taken = run.as_ref().map(|run| run.cpu()).unwrap_or_default();
        self.seen.insert(id.to_owned(), (self.now, taken));
        let (then, before) = match self.points.get(id) {
            Some(point) => *point,
            None => {
                let started: Timestamp = meta::text(status, "/state/running/startedAt").parse().ok()?;
                if self.now.duration_since(started) < FRESH {
                    return None;
                }
                let awake = run.as_ref().map_or(self.now.duration_since(started), |run| run.went_on());
                (self.now - awake, Duration::ZERO)
            }
        };
        let window = self.now.duration_since(then);
        let image = images::resolve(meta::text(spec, "/image")).ok()?;
        let (millicores, idle) = image.idle();
        let nanos = taken.saturating_sub(before).as_nanos() * 1_000_000_000 / window.as_nanos().unsigned_abs().max(1);
        let busy = u64::try_from(nanos).unwrap_or(u64::MAX / 2);
        let bytes = run.map_or(idle, |run| run.bytes());
        let own = u64::from(trait_of(&[meta::uid(pod), meta::text(spec, "/name")]));
        let limit = |resource: &str| {
            let limit = spec.pointer("/resources/limits")?.get(resource)?;
            Quantity::of(limit).ok()
        };
        let most = limit("cpu").and_then(|cpu| u64::try_from(cpu.milli_value()).ok()).unwrap_or(u64::MAX / 2_000_000);
        // No two containers are quite alike: up to an eighth more than the image's own, always the same for one Pod.
        let nanocores = busy + millicores * 1_000_000 * (1000 + own / 8) / 1000 + own * 50;
        let room = limit("memory").and_then(|room| u64::try_from(room.value()).ok()).unwrap_or(u64::MAX);
        let bytes = (bytes + idle * own / 8000).min(room);
        Some((Usage { nanocores: nanocores.min(most * 1_000_000), bytes }, window))
    }

    /// A run, brought to now.
    fn run(&self, uid: &str, id: &str) -> Option<Arc<Container>> {
        self.runtime.front(uid)?;
        self.runtime.with(uid, (self.now, self.now), |sandbox| sandbox.run(id))
    }
}

/// A number below 1000 that belongs to these words.
fn trait_of(words: &[&str]) -> u16 {
    let digest = Sha256::digest(words.join("/"));
    u16::from_be_bytes([digest[0], digest[1]]) % 1000
}
