//! The real kubectl against a cluster in this process, over TLS: what a learner types and what it answers.
//! Needs `kubectl` on the PATH: without it these tests fail in CI (`CI` set), and say so elsewhere.

use std::process::{Output, Stdio};
use std::time::Duration;

use kubedrill::base::clock::Clock;
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
    let options = Options { workers: 1, clock: Clock::system(), port: 0, dir: None };
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

#[tokio::test(flavor = "multi_thread")]
async fn fields_have_owners_and_conflicts_are_told() {
    let Some(cluster) = cluster().await else { return };
    cluster.prints_for(CONFIG, "apply --server-side -f -").await;
    cluster.prints_for(&CONFIG.replace(", b: '2'", ""), "apply --server-side -f -").await;
    assert_eq!(cluster.prints("get cm c -o jsonpath={.data}").await, r#"{"a":"1"}"#, "what is no longer applied goes");
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
