//! The embedded cluster against a real one: the same `kubectl` commands, and every line that differs. Scripts, recorded answers and
//! accepted differences are in `tests/parity`, whose README says how they are written and recorded.

mod accepted;
mod compare;
mod normal;
mod script;
mod seat;
mod transcript;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::accepted::accepted;
use self::compare::{Found, Scope, compare};
use self::script::{Script, scripts};
use self::seat::{Cluster, Kubectl};
use self::transcript::{Transcript, minors};

/// What a script answered, and what did not hold.
struct Ran {
    script: Script,
    transcript: Transcript,
    problems: Vec<String>,
}

/// Runs all scripts, several beside each other; on a shared cluster those that want to be alone come last, one by one.
async fn run_all(kubectl: &Kubectl, cluster: Cluster, beside: usize) -> Vec<Ran> {
    let shared = matches!(cluster, Cluster::Context(_));
    let (last, first): (Vec<Script>, Vec<Script>) = scripts().into_iter().partition(|script| shared && script.alone);
    let (cluster, slots) = (Arc::new(cluster), Arc::new(Semaphore::new(beside)));
    let mut tasks = JoinSet::new();
    for script in first {
        let (kubectl, cluster, slots) = (kubectl.clone(), cluster.clone(), slots.clone());
        tasks.spawn(async move {
            let _slot = slots.acquire_owned().await;
            let (transcript, problems) = seat::run(&kubectl, &cluster, &script).await;
            Ran { script, transcript, problems }
        });
    }
    let mut ran = tasks.join_all().await;
    for script in last {
        let (transcript, problems) = seat::run(kubectl, &cluster, &script).await;
        ran.push(Ran { script, transcript, problems });
    }
    ran.sort_by(|a, b| a.script.name.cmp(&b.script.name));
    ran
}

/// kubectl, or `None` where there is none and nobody insists.
fn kubectl() -> Option<Kubectl> {
    let found = Kubectl::find();
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "kubectl is not on the PATH, and in CI it has to be");
    if found.is_none() {
        eprintln!("kubectl is not on the PATH: nothing was compared");
    }
    found
}

/// What expectations did not hold, as one text.
fn problems(ran: &[Ran]) -> String {
    ran.iter().flat_map(|one| one.problems.iter().map(|why| format!("\n{}: {why}", one.script.name))).collect()
}

/// With which kubectl the recorded answers were recorded, and how much of them can be compared with this one's.
fn recorded_with(minor: u32) -> (u32, Scope) {
    let known = minors();
    if known.contains(&minor) {
        return (minor, Scope::Whole);
    }
    let nearest = known.into_iter().min_by_key(|one| one.abs_diff(minor)).expect("there are recorded answers");
    eprintln!(
        "nothing was recorded with kubectl 1.{minor}: only what the server decides is compared, with 1.{nearest}"
    );
    (nearest, Scope::Served)
}

/// The embedded cluster's answers are a real one's: of the context in `KUBEDRILL_PARITY_CONTEXT`, or those recorded.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_answered_as_by_a_real_cluster() {
    let Some(kubectl) = kubectl() else { return };
    let beside = std::thread::available_parallelism().map_or(2, usize::from) * 3;
    let ours = run_all(&kubectl, Cluster::Embedded, beside).await;
    let live = std::env::var("KUBEDRILL_PARITY_CONTEXT").ok().filter(|context| !context.is_empty());
    let (theirs, (minor, scope)) = match live {
        Some(context) => (run_all(&kubectl, Cluster::Context(context), beside).await, (kubectl.minor, Scope::Whole)),
        None => (Vec::new(), recorded_with(kubectl.minor)),
    };
    let accepted = accepted();
    let mut all = Found::default();
    for one in &ours {
        let name = &one.script.name;
        let real = theirs.iter().find(|real| real.script.name == *name).map(|real| real.transcript.clone());
        let real = real.or_else(|| Transcript::recorded(minor, name)).unwrap_or_default();
        let found = compare(name, scope, &real, &one.transcript, &accepted);
        all.compared += found.compared;
        all.accepted += found.accepted;
        all.open.extend(found.open);
    }
    println!("{} commands compared, {} differ as accepted, {} differ", all.compared, all.accepted, all.open.len());
    assert!(all.open.is_empty() && problems(&ours).is_empty(), "{}\n{}", all.open.join("\n"), problems(&ours));
}

/// Writes down what the context in `KUBEDRILL_PARITY_CONTEXT` answers: `just parity-record CONTEXT`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "asks a real cluster and writes down its answers"]
async fn record() {
    let kubectl = kubectl().expect("kubectl is needed to record");
    let context = std::env::var("KUBEDRILL_PARITY_CONTEXT").expect("KUBEDRILL_PARITY_CONTEXT names the context");
    let ran = run_all(&kubectl, Cluster::Context(context), 4).await;
    for one in &ran {
        one.transcript.record(kubectl.minor, &one.script.name);
    }
    assert!(problems(&ran).is_empty(), "{}", problems(&ran));
}
