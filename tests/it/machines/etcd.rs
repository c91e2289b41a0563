//! What `etcdctl` and `etcdutl` do on a control plane: whom etcd lets in, what it holds, and its backups.
//! The words were taken from the real tools of etcd 3.6.5.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use kubedrill::base::clock::Clock;
use kubedrill::base::topology::{Etcd, Topology};
use kubedrill::sim::etcd;
use kubedrill::sim::etcd::real::Programs;
use kubedrill::sim::machine::etcd::data::{self, Holds};

use super::typing::Seat;

const PKI: &str = "/etc/kubernetes/pki/etcd";

fn with_files(ca: &str, client: &str) -> String {
    format!("etcdctl --endpoints=https://127.0.0.1:2379 --cacert={ca} --cert={client}.crt --key={client}.key")
}

fn rightly() -> String {
    with_files(&format!("{PKI}/ca.crt"), &format!("{PKI}/server"))
}

#[tokio::test]
async fn etcd_lets_in_who_its_authority_vouches_for() {
    let seat = Seat::take(Topology::workers(1)).await;
    let refused = |line: String| {
        let seat = &seat;
        async move { seat.fails("controlplane", &line).await }
    };
    let plain = refused("etcdctl get foo".to_owned()).await;
    assert!(plain.contains("error reading server preface: EOF"), "{plain}");
    assert!(plain.ends_with("Error: context deadline exceeded\n"), "{plain}");
    let other = with_files("/etc/kubernetes/pki/ca.crt", &format!("{PKI}/server"));
    assert!(refused(format!("{other} get foo")).await.contains("x509: certificate signed by unknown authority"));
    let bare = format!("etcdctl --endpoints=https://127.0.0.1:2379 --cacert={PKI}/ca.crt get foo");
    assert!(refused(bare).await.contains("remote error: tls: certificate required"));
    let alien = with_files(&format!("{PKI}/ca.crt"), "/etc/kubernetes/pki/apiserver-kubelet-client");
    assert!(refused(format!("{alien} get foo")).await.contains("tls: unknown certificate authority"));
    let missing = refused(with_files("/nope.crt", &format!("{PKI}/server")) + " get foo").await;
    assert_eq!(missing, "Error: open /nope.crt: no such file or directory\n");
    let elsewhere = rightly().replace("2379", "2399") + " endpoint health";
    let elsewhere = refused(elsewhere).await;
    assert!(elsewhere.contains("dial tcp 127.0.0.1:2399: connect: connection refused"), "{elsewhere}");
    assert!(elsewhere.ends_with("Error: unhealthy cluster\n"), "{elsewhere}");
    let from_worker = seat.fails("node01", "etcdctl get foo").await;
    assert!(from_worker.contains("connect: connection refused"), "{from_worker}");

    let health = seat.prints("controlplane", &(rightly() + " endpoint health")).await;
    assert!(
        health.starts_with("https://127.0.0.1:2379 is healthy: successfully committed proposal: took = "),
        "{health}"
    );
    let members = seat.prints("controlplane", &(rightly() + " member list")).await;
    assert_eq!(
        members,
        "8e9e05c52164694d, started, controlplane, https://192.168.56.10:2380, https://192.168.56.10:2379, false\n"
    );
}

#[tokio::test]
async fn keys_are_where_a_real_etcd_has_them() {
    let seat = Seat::take(Topology::workers(1)).await;
    let types = |rest: &'static str| {
        let seat = &seat;
        async move { seat.prints("controlplane", &format!("{} {rest}", rightly())).await }
    };
    let keys = types("get /registry --prefix --keys-only").await;
    let lines: Vec<&str> = keys.lines().filter(|line| !line.is_empty()).collect();
    for key in [
        "/registry/minions/node01",
        "/registry/pods/kube-system/etcd-controlplane",
        "/registry/services/specs/default/kubernetes",
        "/registry/services/endpoints/default/kubernetes",
        "/registry/apiregistration.k8s.io/apiservices/v1.apps",
    ] {
        assert!(lines.contains(&key), "{key} in {keys}");
    }
    assert!(lines.is_sorted());
    let pod = types("get /registry/namespaces/default --print-value-only").await;
    assert!(pod.starts_with("k8s\0{"), "{pod}");
    assert_eq!(types("put drill yes").await, "OK\n");
    assert_eq!(types("get drill").await, "drill\nyes\n");
    assert!(types("get drill -w json").await.contains(r#""kvs":[{"key":"ZHJpbGw=""#));
    assert_eq!(types("get dr --prefix --print-value-only").await, "yes\n");
    assert_eq!(types("del drill").await, "1\n");
    assert_eq!(types("get drill").await, "");
    let few = types("get /registry --prefix --keys-only --limit 2").await;
    assert_eq!(few.lines().filter(|line| !line.is_empty()).count(), 2);
    let counted = types("get /registry/minions --prefix --count-only -w fields").await;
    assert!(counted.ends_with("\"Count\" : 2\n"), "{counted}");
}

#[tokio::test]
async fn a_backup_is_saved_looked_at_and_restored_once() {
    let seat = Seat::take(Topology::workers(1)).await;
    let saved = seat.prints("controlplane", &(rightly() + " snapshot save /opt/backup.db")).await;
    assert_eq!(saved, "Snapshot saved at /opt/backup.db\nServer version 3.6.0\n");
    let (mode, size) = seat.files("controlplane", |files| {
        let stat = files.stat("/opt/backup.db").unwrap();
        (stat.st_mode & 0o777, stat.st_size)
    });
    assert_eq!((mode, size % 4096), (0o600, 32));

    let json = seat.prints("controlplane", "etcdutl snapshot status /opt/backup.db -w json").await;
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["totalSize"], size - 32);
    let table = seat.prints("controlplane", "etcdctl snapshot status /opt/backup.db --write-out=table").await;
    assert!(table.contains(&format!("| {:x} |", status["hash"].as_u64().unwrap())), "{table}");
    assert!(table.contains(" HASH ") && table.contains("| REVISION | TOTAL KEYS | TOTAL SIZE | VERSION |"), "{table}");

    let restore = "etcdutl snapshot restore /opt/backup.db --data-dir /var/lib/etcd-restored";
    seat.prints("controlplane", restore).await;
    let holds = seat.files("controlplane", |files| data::find(files, "/var/lib/etcd-restored"));
    let Holds::State(state) = holds else { panic!("{holds:?}") };
    assert_eq!(state.revision, status["revision"]);
    let checkpoint = etcd::checkpoint(&state).unwrap();
    assert_eq!(checkpoint.revision(), state.revision);
    assert!(checkpoint.len() as u64 >= state.keys && state.keys > 100);
    assert_eq!(
        seat.fails("controlplane", restore).await,
        "Error: data-dir \"/var/lib/etcd-restored\" not empty or could not be read\n"
    );
    let deprecated = "etcdctl snapshot restore /opt/backup.db --data-dir=/var/lib/other";
    let said = seat.types("controlplane", deprecated, "").await;
    assert!(
        said.code == 0 && said.errors.starts_with("Deprecated: Use `etcdutl snapshot restore` instead.\n"),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_is_no_backup_is_refused() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.prints("controlplane", &(rightly() + " snapshot save /opt/backup.db")).await;
    seat.files("controlplane", |files| {
        let mut bytes = files.read("/opt/backup.db").unwrap();
        bytes[9000] ^= 1;
        files.write("/opt/damaged.db", &bytes, 0o600).unwrap();
        files.write("/opt/text.db", &[b'x'; 5000], 0o600).unwrap();
    });
    let refused = |line: &'static str| {
        let seat = &seat;
        async move { seat.fails("controlplane", line).await }
    };
    let damaged = refused("etcdutl snapshot restore /opt/damaged.db --data-dir /var/lib/new").await;
    assert!(damaged.contains("Error: expected sha256 [") && damaged.contains("], got ["), "{damaged}");
    assert_eq!(refused("etcdutl snapshot status /opt/text.db").await, "Error: invalid database\n");
    let text = refused("etcdutl snapshot restore /opt/text.db --data-dir /var/lib/new").await;
    assert!(text.ends_with("Error: snapshot missing hash but --skip-hash-check=false\n"), "{text}");
    assert_eq!(
        refused("etcdutl snapshot status /opt/none.db").await,
        "Error: stat /opt/none.db: no such file or directory\n"
    );
    let folder = rightly() + " snapshot save /opt/none/backup.db";
    let folder = seat.fails("controlplane", &folder).await;
    assert!(folder.starts_with("Error: could not open /opt/none/backup.db.part (open"), "{folder}");
    assert!(!seat.files("controlplane", |files| files.exists("/var/lib/new")));
}

fn map(name: &str) -> ConfigMap {
    ConfigMap { metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }, ..ConfigMap::default() }
}

/// Waits until a ConfigMap of the default namespace is there, or gone, with the API server listening.
async fn becomes(seat: &Seat, name: &str, there: bool) {
    let maps: Api<ConfigMap> = Api::default_namespaced(seat.world.client().unwrap());
    for _ in 0..3000 {
        let open = tokio::net::TcpStream::connect(seat.world.url().trim_start_matches("https://")).await.is_ok();
        if open && maps.get_opt(name).await.unwrap().is_some() == there {
            return;
        }
        seat.world.clock().sleep(Duration::from_secs(1)).await;
    }
    panic!("{name} is not as it should be");
}

/// Has etcd run with another directory.
fn moved(seat: &Seat, from: &str, to: &str) {
    let manifest = "/etc/kubernetes/manifests/etcd.yaml";
    seat.files("controlplane", |root| {
        let text = root.text(manifest).unwrap().replace(&format!("path: {from}\n"), &format!("path: {to}\n"));
        root.write(manifest, text.as_bytes(), 0o600).unwrap();
    });
}

/// The cluster before, restored from a snapshot; then what it was after that again.
async fn back_and_forth(seat: &Seat) {
    let maps: Api<ConfigMap> = Api::default_namespaced(seat.world.client().unwrap());
    maps.create(&PostParams::default(), &map("before")).await.unwrap();
    seat.prints("controlplane", &(rightly() + " snapshot save /opt/backup.db")).await;
    maps.delete("before", &DeleteParams::default()).await.unwrap();
    maps.create(&PostParams::default(), &map("after")).await.unwrap();

    let restore = "etcdutl snapshot restore /opt/backup.db --data-dir /var/lib/etcd-restored";
    seat.prints("controlplane", restore).await;
    becomes(seat, "after", true).await;
    moved(seat, "/var/lib/etcd", "/var/lib/etcd-restored");
    becomes(seat, "before", true).await;
    becomes(seat, "after", false).await;
    assert!(seat.world.ready(Duration::from_secs(1000)).await, "nodes and Pods are well again");
    moved(seat, "/var/lib/etcd-restored", "/var/lib/etcd");
    becomes(seat, "after", true).await;
    becomes(seat, "before", false).await;
}

#[tokio::test]
async fn a_restored_directory_is_what_the_cluster_becomes() {
    let seat = Seat::take(Topology::workers(1)).await;
    back_and_forth(&seat).await;
    let live = seat.files("controlplane", |root| data::find(root, "/var/lib/etcd"));
    assert!(matches!(live, Holds::Live(_)), "{live:?}");
    let kept = seat.files("controlplane", |root| data::find(root, "/var/lib/etcd-restored"));
    assert!(matches!(kept, Holds::State(_)), "what was is kept where it was: {kept:?}");

    moved(&seat, "/var/lib/etcd", "/var/lib/nothing");
    becomes(&seat, "after", false).await;
}

/// A seat at a cluster that a real etcd holds, where this machine has one.
async fn with_real_etcd() -> Option<Seat> {
    if let Err(missing) = Programs::find() {
        assert!(std::env::var_os("CI").is_none(), "{missing}, and in CI it has to be");
        eprintln!("{missing}: not tried");
        return None;
    }
    Some(Seat::take(Topology { etcd: Etcd::Real, ..Topology::workers(1) }).await)
}

#[tokio::test]
async fn a_real_etcd_holds_the_cluster_and_goes_back_with_it() {
    let Some(seat) = with_real_etcd().await else { return };
    back_and_forth(&seat).await;
}

/// etcd begins anew after a reset; who has restored a snapshot by then is not to lose it.
#[tokio::test]
async fn what_is_restored_right_after_going_back_is_what_the_cluster_becomes() {
    let Some(seat) = with_real_etcd().await else { return };
    let maps: Api<ConfigMap> = Api::default_namespaced(seat.world.client().unwrap());
    maps.create(&PostParams::default(), &map("before")).await.unwrap();
    seat.prints("controlplane", &(rightly() + " snapshot save /opt/backup.db")).await;
    seat.prints("controlplane", "etcdutl snapshot restore /opt/backup.db --data-dir /var/lib/etcd-restored").await;
    maps.delete("before", &DeleteParams::default()).await.unwrap();
    seat.world.machines().keep("begin").unwrap();
    let begin = seat.world.checkpoint();

    let mut still = seat.world.still().await;
    seat.world.machines().bring_back("begin").unwrap();
    seat.world.restore(&begin).await;
    still.forget();
    let now = Clock::system().now();
    // As old as if it had been restored now.
    seat.files("controlplane", |root| {
        let member = root.place("/var/lib/etcd-restored/member").unwrap();
        while Timestamp::try_from(std::fs::metadata(&member).unwrap().modified().unwrap()).unwrap() <= now {
            root.write("/var/lib/etcd-restored/member/touched", b"", 0o600).unwrap();
            root.remove("/var/lib/etcd-restored/member/touched").unwrap();
        }
    });
    moved(&seat, "/var/lib/etcd", "/var/lib/etcd-restored");
    drop(still);
    becomes(&seat, "before", true).await;
}

#[tokio::test]
async fn a_real_etcd_and_the_cluster_say_the_same() {
    let Some(seat) = with_real_etcd().await else { return };
    let types = |rest: String| {
        let seat = &seat;
        async move { seat.prints("controlplane", &format!("{} {rest}", rightly())).await }
    };
    let maps: Api<ConfigMap> = Api::default_namespaced(seat.world.client().unwrap());
    maps.create(&PostParams::default(), &map("seen")).await.unwrap();
    let key = "/registry/configmaps/default/seen";
    assert!(types(format!("get {key} --print-value-only")).await.starts_with("k8s\0{"));
    assert_eq!(types(format!("del {key}")).await, "1\n");
    assert!(maps.get_opt("seen").await.unwrap().is_none(), "what etcd has lost the cluster has lost");
    assert_eq!(seat.types("controlplane", &(rightly() + " put drill"), "piped").await.out, "OK\n");
    assert_eq!(types("get drill".to_owned()).await, "drill\npiped\n");
    let table = types("endpoint status -w table".to_owned()).await;
    assert!(table.contains("| https://127.0.0.1:2379 |"), "{table}");
    let bare = seat.fails("controlplane", "etcdctl --dial-timeout=200ms --command-timeout=200ms get drill").await;
    assert!(bare.contains("context deadline exceeded"), "without certificates nobody gets in: {bare}");
    let worker = rightly() + " --dial-timeout=200ms --command-timeout=200ms get drill";
    let worker = seat.fails("node01", &worker).await;
    assert!(worker.contains("no such file or directory"), "a worker has no certificates of etcd's: {worker}");
}

#[tokio::test]
async fn the_tools_of_a_real_etcd_stay_on_the_machine() {
    let Some(seat) = with_real_etcd().await else { return };
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "the host's").unwrap();
    let secret = secret.to_str().unwrap();
    seat.files("controlplane", |root| {
        root.link(secret, "/opt/out.db").unwrap();
        root.link(secret, "/opt/out.db.part").unwrap();
        root.link(outside.path().to_str().unwrap(), "/var/lib/out").unwrap();
    });
    seat.prints("controlplane", &(rightly() + " snapshot save /opt/out.db")).await;
    assert_eq!(std::fs::read_to_string(secret).unwrap(), "the host's");
    seat.prints("controlplane", "etcdutl snapshot status /opt/out.db").await;
    let elsewhere =
        seat.types("controlplane", "etcdutl snapshot restore /opt/out.db --data-dir /var/lib/out/etcd", "").await;
    assert!(!outside.path().join("etcd").exists(), "{elsewhere:?}");
    let up = format!("../../../../../../../..{secret}");
    for line in [
        format!("{} snapshot save {up}", rightly()),
        format!("etcdutl snapshot restore /opt/out.db --data-dir {up}-folder"),
    ] {
        seat.types("controlplane", &line, "").await;
        assert_eq!(std::fs::read_to_string(secret).unwrap(), "the host's", "{line}");
        assert!(!Path::new(&format!("{secret}-folder")).exists(), "{line}");
    }
    for line in ["watch foo -- touch", "lock mine touch"] {
        let refused = seat.fails("controlplane", &format!("{} {line} {secret}-made", rightly())).await;
        assert!(refused.contains("is not to be had on a node"), "{refused}");
    }
    assert!(!Path::new(&format!("{secret}-made")).exists());
    let read = seat.fails("controlplane", &format!("etcdutl snapshot status {secret}")).await;
    assert!(read.contains("no such file or directory"), "{read}");
}

#[tokio::test]
async fn an_object_that_is_put_back_is_there_again() {
    let seat = Seat::take(Topology::workers(1)).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(seat.world.client().unwrap());
    maps.create(&PostParams::default(), &map("kept")).await.unwrap();
    let key = "/registry/configmaps/default/kept";
    let value = seat.prints("controlplane", &format!("{} get {key} --print-value-only", rightly())).await;
    seat.prints("controlplane", &format!("{} del {key}", rightly())).await;
    assert!(maps.get_opt("kept").await.unwrap().is_none());
    let put = seat.types("controlplane", &format!("{} put {key}", rightly()), &value).await;
    assert_eq!((put.code, put.out.as_str()), (0, "OK\n"));
    assert!(maps.get_opt("kept").await.unwrap().is_some(), "{value}");
}

#[tokio::test]
async fn data_that_is_moved_away_and_back_is_the_cluster_again() {
    let seat = Seat::take(Topology::workers(1)).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(seat.world.client().unwrap());
    maps.create(&PostParams::default(), &map("kept")).await.unwrap();
    let manifest = ("/etc/kubernetes/manifests/etcd.yaml", "/root/etcd.yaml");
    let moves = |(from, to): (&str, &str)| seat.files("controlplane", |root| root.rename(from, to).unwrap());
    let back = |(there, here)| (here, there);
    let open =
        || async { tokio::net::TcpStream::connect(seat.world.url().trim_start_matches("https://")).await.is_ok() };
    let stopped = || async { !open().await };
    seat.world.settle().await;
    moves(manifest);
    seat.until("etcd stops, and the API server with it", stopped).await;
    moves(("/var/lib/etcd", "/var/lib/etcd.bak"));
    moves(back(manifest));
    seat.until("a new cluster begins in nothing", open).await;
    assert!(maps.get_opt("kept").await.unwrap().is_none());
    moves(manifest);
    seat.until("etcd stops once more", stopped).await;
    moves(("/var/lib/etcd", "/var/lib/etcd.new"));
    moves(("/var/lib/etcd.bak", "/var/lib/etcd"));
    moves(back(manifest));
    becomes(&seat, "kept", true).await;
}
