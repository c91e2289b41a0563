//! The real kubectl against a cluster in this process, over TLS: what a learner types and what it answers.
//! Needs `kubectl` on the PATH: without it these tests fail in CI (`CI` set), and say so elsewhere.

use std::process::{Output, Stdio};
use std::time::Duration;

use kubedrill::base::clock::Clock;
use kubedrill::base::topology::Topology;
use kubedrill::sim::world::{Options, World};

struct Cluster {
    world: World,
    home: tempfile::TempDir,
}

/// A cluster, or `None` where there is no kubectl and nobody insists.
async fn cluster() -> Option<Cluster> {
    let there = tokio::process::Command::new("kubectl").args(["version", "--client"]).output().await;
    if there.is_err() {
        assert!(std::env::var_os("CI").is_none(), "kubectl is not on the PATH, and in CI it has to be");
        eprintln!("kubectl is not on the PATH: nothing was tried");
        return None;
    }
    let home = tempfile::tempdir().unwrap();
    let options = Options { topology: Topology::workers(1), clock: Clock::system(), port: 0, dir: None };
    let world = World::start(options).await.unwrap();
    world.write_kubeconfig(&home.path().join("config")).unwrap();
    Some(Cluster { world, home })
}

impl Cluster {
    /// Runs kubectl with a file on its standard input.
    async fn with_input(&self, input: &str, args: &str) -> Output {
        let file = self.home.path().join("input");
        std::fs::write(&file, input).unwrap();
        let mut command = tokio::process::Command::new("kubectl");
        command.args(args.split_whitespace()).stdin(Stdio::from(std::fs::File::open(&file).unwrap()));
        command.env("KUBECONFIG", self.home.path().join("config")).env("HOME", self.home.path()).kill_on_drop(true);
        tokio::time::timeout(Duration::from_secs(60), command.output()).await.expect("kubectl answers in time").unwrap()
    }

    /// What a command that succeeds prints.
    async fn prints(&self, args: &str) -> String {
        self.prints_for("", args).await
    }

    async fn prints_for(&self, input: &str, args: &str) -> String {
        let ended = self.with_input(input, args).await;
        assert!(ended.status.success(), "{args}: {ended:?}");
        String::from_utf8(ended.stdout).unwrap()
    }

    /// Waits until a namespace has the ServiceAccount without which no Pod is made there.
    async fn takes_pods(&self, namespace: &str) {
        let look = format!("-n {namespace} get serviceaccount default");
        for _ in 0..600 {
            if self.with_input("", &look).await.status.success() {
                return;
            }
        }
        panic!("{namespace} takes no Pods");
    }

    /// What a command that fails says.
    async fn refused(&self, input: &str, args: &str) -> String {
        let ended = self.with_input(input, args).await;
        assert!(!ended.status.success(), "{args}: {ended:?}");
        String::from_utf8(ended.stderr).unwrap()
    }
}

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1', b: '2'}\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_twice_is_unchanged() {
    let Some(cluster) = cluster().await else { return };
    assert_eq!(cluster.prints_for(CONFIG, "apply -f -").await, "configmap/c created\n");
    assert_eq!(cluster.prints_for(CONFIG, "apply -f -").await, "configmap/c unchanged\n");
    assert_eq!(
        cluster.prints_for(CONFIG, "apply --dry-run=server -f -").await,
        "configmap/c unchanged (server dry run)\n"
    );
    assert_eq!(cluster.prints_for(CONFIG, "diff -f -").await, "");
    cluster.world.stop().await;
}

/// The least manifest of every kind, without what a kubelet or a controller would change at once.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_created_shown_applied_and_deleted() {
    let Some(cluster) = cluster().await else { return };
    let all = include_str!("../fixtures/kinds/minimal.yaml");
    cluster.prints("create ns kinds-all").await;
    cluster.takes_pods("kinds-all").await;
    let created = cluster.prints_for(all, "-n kinds-all create -f -").await;
    assert_eq!(created.lines().count(), all.matches("\nkind: ").count(), "{created}");
    for shown in ["get -f -", "get -o wide -f -", "get -o yaml -f -"] {
        cluster.prints_for(all, &format!("-n kinds-all {shown}")).await;
    }
    // Older kubectl describe these in versions that 1.35 no longer serves.
    let odd = ["kind: ServiceCIDR", "kind: IPAddress", "kind: VolumeAttributesClass"];
    let gone = |manifest: &&str| !odd.iter().any(|kind| manifest.contains(kind));
    let described: Vec<&str> = all.split("\n---\n").filter(gone).collect();
    cluster.prints_for(&described.join("\n---\n"), "-n kinds-all describe -f -").await;
    cluster.prints_for(all, "-n kinds-all apply -f -").await;
    // Some versions of kubectl say `configured` where their patch changes nothing: what is stored decides.
    let stored = "-n kinds-all get -f - -o custom-columns=K:.kind,N:.metadata.name,R:.metadata.resourceVersion";
    let mut seen = Vec::new();
    // Pods and what they belong to come further meanwhile; an apply that changes something does so every time.
    while seen.len() < 20 {
        let before = cluster.prints_for(all, stored).await;
        cluster.prints_for(all, "-n kinds-all apply -f -").await;
        let after = cluster.prints_for(all, stored).await;
        let same = before == after;
        seen.push((before, after));
        if same {
            break;
        }
    }
    let (before, after) = seen.pop().unwrap();
    assert_eq!(after, before);
    cluster.prints_for(all, "-n kinds-all delete --wait=false -f -").await;
    cluster.world.stop().await;
}

const CRON: &str =
    "apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: {name: c}\nspec: {cronSpec: '* * * * *'}\n";

#[tokio::test(flavor = "multi_thread")]
async fn custom_resources_are_served_by_their_definitions() {
    let Some(cluster) = cluster().await else { return };
    let definition = include_str!("../fixtures/kinds/crontab.yaml");
    cluster.prints_for(definition, "create -f -").await;
    cluster.prints("wait --for condition=established --timeout=60s crd/crontabs.stable.example.com").await;
    assert_eq!(cluster.prints_for(CRON, "apply -f -").await, "crontab.stable.example.com/c created\n");
    assert_eq!(cluster.prints_for(CRON, "apply -f -").await, "crontab.stable.example.com/c unchanged\n");
    let shown = cluster.prints("get ct").await;
    let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, [["NAME", "SPEC", "REPLICAS"].to_vec(), ["c", "*", "*", "*", "*", "*", "1"].to_vec()], "{shown}");
    let many = cluster
        .refused(&CRON.replace("name: c", "name: d").replace("spec: {", "spec: {replicas: 11, "), "create -f -")
        .await;
    assert!(many.contains("spec: Invalid value: that is too many"), "{many}");
    let odd = cluster.refused(&CRON.replace("spec: {", "spec: {foo: 1, "), "apply -f -").await;
    assert!(odd.contains("strict decoding error: unknown field \"spec.foo\""), "{odd}");
    assert!(cluster.prints("explain crontab.spec.cronSpec").await.contains("When it runs."));
    cluster.prints(r#"patch ct c --type=merge -p {"spec":{"replicas":3}}"#).await;
    assert_eq!(cluster.prints("get ct c -o jsonpath={.spec.replicas},{.metadata.generation}").await, "3,2");
    cluster.prints("delete crd crontabs.stable.example.com").await;
    assert!(cluster.refused("", "get --raw /apis/stable.example.com/v1/crontabs").await.contains("NotFound"));
    cluster.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_have_owners_and_conflicts_are_told() {
    let Some(cluster) = cluster().await else { return };
    cluster.prints_for(CONFIG, "apply --server-side -f -").await;
    cluster.prints_for(&CONFIG.replace(", b: '2'", ""), "apply --server-side -f -").await;
    assert_eq!(cluster.prints("get cm c -o jsonpath={.data}").await, r#"{"a":"1"}"#, "what is no longer applied goes");
    let labelled = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: l, labels: {a: b}}\ndata: {a: b}\n";
    cluster.prints_for(labelled, "apply --server-side -f -").await;
    cluster.prints_for(&labelled.replace(", labels: {a: b}", ""), "apply --server-side -f -").await;
    assert_eq!(
        cluster.prints("get cm l -o jsonpath={.metadata.labels}{.data}").await,
        r#"{"a":"b"}"#,
        "the last label goes"
    );
    cluster.prints(r#"patch cm c -p {"data":{"a":"9"}}"#).await;
    let conflict = cluster.refused(CONFIG, "apply --server-side -f -").await;
    let told = r#"Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: .data.a"#;
    assert!(conflict.contains(told), "{conflict}");
    cluster.prints_for(CONFIG, "apply --server-side --force-conflicts -f -").await;
    assert_eq!(cluster.prints("get cm c -o jsonpath={.data.a}").await, "1");
    cluster.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_in_kubernetes_words() {
    let Some(cluster) = cluster().await else { return };
    let nope = "apiVersion: v1\nkind: Nope\nmetadata: {name: x}\n";
    assert!(cluster.refused(nope, "apply -f -").await.contains(r#"no matches for kind "Nope" in version "v1""#));
    assert!(cluster.refused("", "get pods --as jane").await.contains(r#"User "jane" cannot list resource "pods""#));
    assert!(cluster.refused("", "get cs nope").await.contains("Warning: v1 ComponentStatus is deprecated in v1.19+"));
    assert!(cluster.refused("", "top nodes").await.contains("metrics not available yet"));
    let pages = cluster.refused("", "get --raw /api/v1/configmaps?resourceVersion=x").await;
    assert!(pages.contains("invalid resource version"), "{pages}");
    let late = cluster.refused("", "get --raw /version?timeout=3x").await;
    let unit = "invalid timeout specified in the request URL - time: unknown unit \"x\" in duration \"3x\"";
    assert!(late.contains(unit), "{late}");
    let health = cluster.prints("get --raw /livez?verbose&exclude=etcd&exclude=moon").await;
    assert!(health.contains("[+]etcd excluded: ok\n") && health.contains("no matches for \"moon\"\nlivez"), "{health}");
    cluster.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_lists_come_in_pages() {
    let Some(cluster) = cluster().await else { return };
    let many: Vec<String> = (0..7).map(|at| CONFIG.replace("name: c", &format!("name: c{at}"))).collect();
    cluster.prints_for(&many.join("---\n"), "create -f -").await;
    let listed = cluster.prints("get cm --chunk-size=2 -o name").await;
    assert_eq!(listed.lines().filter(|line| line.starts_with("configmap/c")).count(), 7, "{listed}");
    cluster.world.stop().await;
}
