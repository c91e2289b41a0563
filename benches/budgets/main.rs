//! Holds the program against its budgets: boot, reset, grading an exam; the screen (`screen.rs`), the API (`api.rs`) and large clusters
//! (`large.rs`) stand beside. `cargo bench --bench budgets -- api` runs only what is named: boot, reset, exam, frame, key, flood, api,
//! idle, saving, large.
//! What the budgets are and how the figures were taken stands in `docs/performance.md`.
#![allow(clippy::disallowed_methods, reason = "a bench measures the wall's time")]

mod api;
mod large;
mod screen;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use kubedrill::base::clock::Clock;
use kubedrill::base::seed::Seed;
use kubedrill::base::topology::Topology;
use kubedrill::cluster::{self, Origin, Wish};
use kubedrill::grading::{Grader, Patience, grade};
use kubedrill::lab::Lab;
use kubedrill::scenario::catalogue::Catalogue;
use kubedrill::scenario::variant::Variant;

type Done<T> = Result<T, Box<dyn Error>>;

/// How many tasks a mock exam has.
const TASKS: usize = 17;

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
    Wish {
        name: name.to_owned(),
        dir: dir.join(name),
        topology: Topology::workers(2),
        port: 0,
        keep: false,
        clock: Clock::system(),
    }
}

#[tokio::main]
async fn main() -> Done<()> {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|known| known == name);
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    println!("{:<52} {:>12}   budget", "what", "median");
    if wanted("boot") {
        boot(dir).await?;
    }
    if wanted("reset") {
        reset(dir).await?;
    }
    if wanted("exam") {
        exam(dir).await?;
    }
    if wanted("frame") {
        screen::first_frame(dir).await?;
    }
    if wanted("key") {
        screen::key(dir).await?;
    }
    if wanted("flood") {
        screen::flood(dir).await?;
    }
    if wanted("api") {
        api::measure(dir).await?;
    }
    if wanted("idle") {
        large::idle(dir).await?;
    }
    if wanted("saving") {
        large::saving(dir).await?;
    }
    if wanted("large") {
        large::measure(dir).await?;
    }
    Ok(())
}

/// Resident memory of a process (`self` or its id), in kB.
fn resident(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
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
    println!("{:<52} {:>9} kB", "memory with their clusters just graded", resident("self"));
    // What was graded is kept as text again once nobody has worked with it for half a minute, and between two looks.
    tokio::time::sleep(Duration::from_secs(65)).await;
    println!("{:<52} {:>9} kB   <= 102400 kB", "memory with their clusters open", resident("self"));
    for lab in labs {
        lab.cluster.close().await?;
    }
    Ok(())
}
