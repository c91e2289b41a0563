//! The API of an embedded cluster over TLS, and of a peer where there is one.
//! `KUBEDRILL_PEER` names a kubeconfig of a real cluster; it is asked the same in the same run, and ratios are printed.
//! `KUBEDRILL_PEER_PIDS` names its API server's and etcd's processes, for their memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kubedrill::cluster::{self, Cluster, Origin};
use serde_json::json;

use super::{Done, median, resident, row, wish};

/// How many objects a long list has.
const MANY: usize = 1000;
/// How many clients create at once.
const AT_ONCE: usize = 16;

/// The same questions to one API server.
struct Asked {
    get: Duration,
    create: Duration,
    /// Each of many created at once: what one takes of the whole.
    create_at_once: Duration,
    list: Duration,
    watch: Duration,
}

pub async fn client(kubeconfig: &Path) -> Done<kube::Client> {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// A Pod that no scheduler takes, so that what is measured is the API.
fn pod(name: &str) -> Done<Pod> {
    let container = json!({
        "name": "web",
        "image": "nginx:1.29",
        "ports": [{ "containerPort": 80 }],
        "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } },
        "readinessProbe": { "httpGet": { "path": "/", "port": 80 } },
    });
    let spec = json!({ "schedulerName": "nobody", "terminationGracePeriodSeconds": 0, "containers": [container] });
    Ok(serde_json::from_value(json!({ "metadata": { "name": name, "labels": { "app": "web" } }, "spec": spec }))?)
}

async fn begin(client: &kube::Client) -> Done<(Api<Namespace>, String)> {
    let namespace = format!("bench-{}", std::process::id());
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut made = Namespace::default();
    made.metadata.name = Some(namespace.clone());
    namespaces.create(&PostParams::default(), &made).await?;
    let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = Api::namespaced(client.clone(), &namespace);
    while accounts.get_opt("default").await?.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok((namespaces, namespace))
}

async fn create_many(pods: &Api<Pod>) -> Done<(Duration, Duration)> {
    let post = PostParams::default();
    let mut one_by_one = Vec::new();
    for number in 0..MANY / 2 {
        let pod = pod(&format!("pod-{number}"))?;
        let began = Instant::now();
        pods.create(&post, &pod).await?;
        one_by_one.push(began.elapsed());
    }
    let rest: Vec<Pod> = (MANY / 2..MANY).map(|number| pod(&format!("pod-{number}"))).collect::<Done<_>>()?;
    let count = u32::try_from(rest.len())?;
    let began = Instant::now();
    futures::stream::iter(rest.iter().map(|pod| pods.create(&post, pod)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok((median(one_by_one), began.elapsed() / count))
}

async fn ask(client: kube::Client) -> Done<Asked> {
    let (namespaces, namespace) = begin(&client).await?;
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    let (create, create_at_once) = create_many(&pods).await?;
    let (mut gets, mut lists, mut watches) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..201 {
        let began = Instant::now();
        pods.get(&format!("pod-{number}")).await?;
        gets.push(began.elapsed());
    }
    let mut revision = String::new();
    for _ in 0..11 {
        let began = Instant::now();
        let list = pods.list(&ListParams::default()).await?;
        lists.push(began.elapsed());
        revision = list.metadata.resource_version.unwrap_or_default();
    }
    let mut events = pods.watch(&WatchParams::default(), &revision).await?.boxed();
    for number in 0..51 {
        let pod = pod(&format!("watched-{number}"))?;
        let began = Instant::now();
        pods.create(&PostParams::default(), &pod).await?;
        while !matches!(events.next().await, Some(Ok(WatchEvent::Added(_)))) {}
        watches.push(began.elapsed());
    }
    namespaces.delete(&namespace, &DeleteParams::default()).await?;
    Ok(Asked { get: median(gets), create, create_at_once, list: median(lists), watch: median(watches) })
}

pub async fn measure(dir: &Path) -> Done<()> {
    let before = resident("self");
    let cluster: Arc<dyn Cluster> = cluster::open(&Origin::Embedded, &wish(dir, "api")).await?;
    let ours = ask(client(cluster.kubeconfig()).await?).await?;
    let memory = resident("self").saturating_sub(before);
    let peer = match std::env::var_os("KUBEDRILL_PEER").map(PathBuf::from) {
        Some(kubeconfig) => Some(ask(client(&kubeconfig).await?).await?),
        None => None,
    };
    let rows = [
        ("GET of one Pod, over TLS", ours.get, peer.as_ref().map(|peer| peer.get)),
        ("POST of one Pod", ours.create, peer.as_ref().map(|peer| peer.create)),
        ("POST of a Pod, 16 at once, each", ours.create_at_once, peer.as_ref().map(|peer| peer.create_at_once)),
        ("LIST of 1,000 Pods", ours.list, peer.as_ref().map(|peer| peer.list)),
        ("POST until a watch tells of it", ours.watch, peer.as_ref().map(|peer| peer.watch)),
    ];
    for (what, ours, peer) in rows {
        let beside = match peer {
            Some(peer) => {
                let times = peer.as_secs_f64() / ours.as_secs_f64();
                format!("peer {:.2} ms, {times:.1} times ours", peer.as_secs_f64() * 1000.0)
            }
            None => "no peer (KUBEDRILL_PEER)".to_owned(),
        };
        row(what, ours, &beside);
    }
    let pids = std::env::var("KUBEDRILL_PEER_PIDS").unwrap_or_default();
    let peer: u64 = pids.split_whitespace().map(resident).sum();
    let beside = if peer > 0 { format!("peer {peer} kB") } else { "no peer (KUBEDRILL_PEER_PIDS)".to_owned() };
    println!("{:<52} {memory:>9} kB   {beside}", "memory that cluster added");
    Ok(cluster.close().await?)
}
