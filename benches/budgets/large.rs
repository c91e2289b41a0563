//! Clusters at rest and large ones: what an idle cluster costs, how long thousands of Pods take, and saving a busy cluster.
//! The API alone is measured in `api.rs`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, PostParams};
use kubedrill::base::topology::Topology;
use kubedrill::cluster::{self, Cluster, Origin, Wish};
use serde_json::json;

use super::api::client;
use super::{Done, median, resident, row, wish};

/// How long an idle cluster is looked at.
const IDLE: Duration = Duration::from_secs(30);

fn deployment(replicas: i32) -> Done<Deployment> {
    let labels = json!({ "app": "load" });
    let spec = json!({ "containers": [{ "name": "web", "image": "nginx:1.29" }] });
    Ok(serde_json::from_value(json!({
        "metadata": { "name": "load" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": spec },
        },
    }))?)
}

/// Makes so many Pods and waits until all of them are ready.
async fn settle(cluster: &Arc<dyn Cluster>, replicas: i32) -> Done<Duration> {
    let deployments: Api<Deployment> = Api::default_namespaced(client(cluster.kubeconfig()).await?);
    let began = Instant::now();
    deployments.create(&PostParams::default(), &deployment(replicas)?).await?;
    loop {
        let status = deployments.get("load").await?.status.unwrap_or_default();
        if status.ready_replicas == Some(replicas) {
            return Ok(began.elapsed());
        }
        if began.elapsed() > Duration::from_secs(300) {
            return Err(format!("only {:?} of {replicas} Pods are ready", status.ready_replicas).into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn open(dir: &Path, name: &str, workers: u8) -> Done<Arc<dyn Cluster>> {
    // Kept, as an exam's clusters are: every change is written down.
    let wish = Wish { topology: Topology::workers(workers), keep: true, ..wish(dir, name) };
    Ok(cluster::open(&Origin::Embedded, &wish).await?)
}

/// Time this process has computed, in all its threads; the kernel counts in hundredths of a second.
fn computed() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

pub async fn idle(dir: &Path) -> Done<()> {
    let cluster = open(dir, "idle", 2).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = computed();
    tokio::time::sleep(IDLE).await;
    row("an idle cluster's computing in 30 s", computed() - before, "<= 30 ms");
    Ok(cluster.close().await?)
}

pub async fn saving(dir: &Path) -> Done<()> {
    let cluster = open(dir, "busy", 10).await?;
    settle(&cluster, 500).await?;
    let checkpoints = cluster.checkpoints().ok_or("it keeps no checkpoints")?;
    let (mut taking, mut restoring) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let began = Instant::now();
        checkpoints.take("busy").await?;
        taking.push(began.elapsed());
        let began = Instant::now();
        checkpoints.restore("busy").await?;
        restoring.push(began.elapsed());
        // The components find their cluster again.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    row("checkpoint of a cluster with 500 Pods", median(taking), "<= 20 ms");
    row("restore of a cluster with 500 Pods", median(restoring), "<= 20 ms");
    Ok(cluster.close().await?)
}

pub async fn measure(dir: &Path) -> Done<()> {
    let before = resident("self");
    let cluster = open(dir, "large", 100).await?;
    row("5,000 Pods on 100 nodes until all are ready", settle(&cluster, 5000).await?, "<= 10000 ms");
    println!("{:<52} {:>9} kB", "memory they added", resident("self").saturating_sub(before));
    Ok(cluster.close().await?)
}
