//! Holds the program against its budgets: boot, reset, grading an exam, first frame, the API; beside a peer where one is given.
//! `KUBEDRILL_PEER` names a kubeconfig of a real cluster; its API is asked the same in the same run, and ratios are printed.
//! What the budgets are and how the figures were taken stands in `docs/performance.md`.
#![allow(clippy::disallowed_methods, reason = "a bench measures the wall's time")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kubedrill::base::clock::Clock;
use kubedrill::base::seed::Seed;
use kubedrill::cluster::{self, Cluster, Origin, Wish};
use kubedrill::grading::{Grader, Patience, grade};
use kubedrill::lab::Lab;
use kubedrill::pty::{ShellSpec, Size, Terminal};
use kubedrill::scenario::catalogue::Catalogue;
use kubedrill::scenario::variant::Variant;

type Done<T> = Result<T, Box<dyn Error>>;

/// How many tasks a mock exam has.
const TASKS: usize = 17;
/// How many objects a long list has.
const MANY: usize = 1000;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

fn row(what: &str, measured: Duration, budget: &str) {
    println!("{what:<52} {:>12}   {budget}", millis(measured));
}

fn wish(dir: &Path, name: &str) -> Wish {
    Wish { name: name.to_owned(), dir: dir.join(name), workers: 2, port: 0, keep: false, clock: Clock::system() }
}

#[tokio::main]
async fn main() -> Done<()> {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    println!("{:<52} {:>12}   budget", "what", "median");
    boot(folder.path()).await?;
    reset(folder.path()).await?;
    exam(folder.path()).await?;
    first_frame(folder.path()).await?;
    api(folder.path()).await
}

async fn boot(dir: &Path) -> Done<()> {
    let mut times = Vec::new();
    for number in 0..11 {
        let wish = wish(dir, &format!("boot-{number}"));
        let began = Instant::now();
        let cluster = cluster::open(&Origin::Embedded, &wish).await?;
        times.push(began.elapsed());
        cluster.close().await?;
    }
    row("cluster from nothing to nodes and Pods ready", median(times), "<= 150 ms");
    Ok(())
}

fn variants(seed: Seed) -> Done<Vec<Variant>> {
    let catalogue = Catalogue::embedded()?;
    let drawn = catalogue.scenarios().take(TASKS).map(|scenario| scenario.variant(seed));
    Ok(drawn.collect::<Result<_, _>>()?)
}

async fn reset(dir: &Path) -> Done<()> {
    let variant = variants(Seed(1))?.remove(0);
    let cluster = cluster::open(&Origin::Embedded, &wish(dir, "reset")).await?;
    let mut lab = Lab::lay(variant, cluster.clone(), &dir.join("reset-lab")).await?;
    let mut times = Vec::new();
    for _ in 0..21 {
        let began = Instant::now();
        lab.reset().await?;
        times.push(began.elapsed());
    }
    row("reset of a task", median(times), "<= 20 ms");
    Ok(cluster.close().await?)
}

async fn exam(dir: &Path) -> Done<()> {
    let mut labs = Vec::new();
    for (number, mut variant) in variants(Seed(1))?.into_iter().enumerate() {
        // What is measured is looking, not waiting for a learner who did nothing.
        variant.checks.iter_mut().for_each(|check| check.within = None);
        let cluster = cluster::open(&Origin::Embedded, &wish(dir, &format!("exam-{number}"))).await?;
        labs.push(Lab::lay(variant, cluster, &dir.join(format!("exam-lab-{number}"))).await?);
    }
    let mut times = Vec::new();
    for _ in 0..11 {
        let began = Instant::now();
        let graded = labs.iter().map(|lab| async move {
            let grader = Grader {
                objects: lab.objects.clone(),
                clock: lab.cluster.clock(),
                answers: lab.work(),
                patience: Patience::default(),
            };
            grade(&grader, &lab.variant, |_, _| {}).await
        });
        futures::future::join_all(graded).await;
        times.push(began.elapsed());
    }
    row(&format!("grading an exam of {} tasks", labs.len()), median(times), "<= 100 ms");
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = memory.lines().find_map(|line| line.strip_prefix("VmRSS:")) {
        println!("{:<52} {:>12}   <= 102400 kB", "memory with their clusters open", peak.trim());
    }
    for lab in labs {
        lab.cluster.close().await?;
    }
    Ok(())
}

async fn first_frame(dir: &Path) -> Done<()> {
    let mut times = Vec::new();
    for number in 0..11 {
        let home = dir.join(format!("home-{number}")).to_string_lossy().into_owned();
        let spec = ShellSpec {
            program: env!("CARGO_BIN_EXE_kubedrill").to_owned(),
            args: Vec::new(),
            env: vec![("KUBEDRILL_HOME".to_owned(), home)],
            cwd: dir.to_owned(),
        };
        let began = Instant::now();
        let terminal = Terminal::spawn(&spec, Size { columns: 80, rows: 24 })?;
        let mut changes = terminal.changes();
        while terminal.screen().text().trim().is_empty() {
            tokio::time::timeout(Duration::from_secs(5), changes.changed()).await??;
        }
        times.push(began.elapsed());
    }
    row("the program to its first frame", median(times), "<= 50 ms");
    Ok(())
}

/// The same questions to one API server.
struct Asked {
    get: Duration,
    create: Duration,
    list: Duration,
    watch: Duration,
}

async fn client(kubeconfig: &Path) -> Done<kube::Client> {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

fn config_map(name: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.to_owned());
    map.data = Some([("key".to_owned(), "value".repeat(20))].into());
    map
}

async fn ask(client: kube::Client) -> Done<Asked> {
    let namespace = format!("bench-{}", std::process::id());
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    let mut made = k8s_openapi::api::core::v1::Namespace::default();
    made.metadata.name = Some(namespace.clone());
    namespaces.create(&PostParams::default(), &made).await?;
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let mut creates = Vec::new();
    for number in 0..MANY {
        let began = Instant::now();
        maps.create(&PostParams::default(), &config_map(&format!("map-{number}"))).await?;
        creates.push(began.elapsed());
    }
    let (mut gets, mut lists, mut watches) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..201 {
        let began = Instant::now();
        maps.get(&format!("map-{number}")).await?;
        gets.push(began.elapsed());
    }
    let mut revision = String::new();
    for _ in 0..11 {
        let began = Instant::now();
        let list = maps.list(&ListParams::default()).await?;
        lists.push(began.elapsed());
        revision = list.metadata.resource_version.unwrap_or_default();
    }
    let mut events = maps.watch(&WatchParams::default(), &revision).await?.boxed();
    for number in 0..51 {
        let began = Instant::now();
        maps.create(&PostParams::default(), &config_map(&format!("watched-{number}"))).await?;
        while !matches!(events.next().await, Some(Ok(WatchEvent::Added(_)))) {}
        watches.push(began.elapsed());
    }
    namespaces.delete(&namespace, &DeleteParams::default()).await?;
    Ok(Asked { get: median(gets), create: median(creates), list: median(lists), watch: median(watches) })
}

async fn api(dir: &Path) -> Done<()> {
    let cluster: Arc<dyn Cluster> = cluster::open(&Origin::Embedded, &wish(dir, "api")).await?;
    let ours = ask(client(cluster.kubeconfig()).await?).await?;
    let peer = match std::env::var_os("KUBEDRILL_PEER").map(PathBuf::from) {
        Some(kubeconfig) => Some(ask(client(&kubeconfig).await?).await?),
        None => None,
    };
    let rows = [
        ("GET of one object, over TLS", ours.get, peer.as_ref().map(|peer| peer.get)),
        ("POST of one object", ours.create, peer.as_ref().map(|peer| peer.create)),
        ("LIST of 1,000 objects", ours.list, peer.as_ref().map(|peer| peer.list)),
        ("POST until a watch tells of it", ours.watch, peer.as_ref().map(|peer| peer.watch)),
    ];
    for (what, ours, peer) in rows {
        let beside = match peer {
            Some(peer) => format!("peer {}, {:.1} times ours", millis(peer), peer.as_secs_f64() / ours.as_secs_f64()),
            None => "no peer (KUBEDRILL_PEER)".to_owned(),
        };
        row(what, ours, &beside);
    }
    Ok(cluster.close().await?)
}
