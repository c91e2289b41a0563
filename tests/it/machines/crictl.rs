//! What the runtime of a node tells of its containers, and what is done to them behind the kubelet's back.
//! What a kubelet makes of it stands in the stories of `nodes`.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kubedrill::base::topology::Topology;
use serde_json::json;

use super::typing::Seat;

/// How often a command is typed until it says something else.
const TRIES: usize = 3000;

async fn with_pod() -> Seat {
    let seat = Seat::take(Topology::workers(1)).await;
    let pods: Api<Pod> = Api::namespaced(seat.world.client().unwrap(), "default");
    let container = json!({ "name": "drill", "image": "busybox:1.36", "command": ["sh", "-c", "echo hello; echo oh >&2; sleep 3600"] });
    let spec = json!({ "nodeName": "node01", "terminationGracePeriodSeconds": 1, "containers": [container] });
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "drill" }, "spec": spec });
    pods.create(&kube::api::PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    seat
}

/// The id of the container, once there is another than `other`.
async fn id(seat: &Seat, other: &str) -> String {
    for _ in 0..TRIES {
        let id = seat.prints("node01", "crictl ps --name drill -q").await;
        let id = id.trim().to_owned();
        if !id.is_empty() && id != other {
            return id;
        }
    }
    panic!("no container other than {other:?} in {TRIES} tries");
}

#[tokio::test]
async fn a_container_talks_runs_commands_and_is_begun_again() {
    let seat = with_pod().await;
    let first = id(&seat, "").await;
    let said = seat.types("node01", &format!("crictl logs {}", &first[..13]), "").await;
    assert_eq!((said.out.as_str(), said.errors.as_str()), ("hello\n", "oh\n"), "its streams are kept apart");
    assert_eq!(seat.prints("node01", &format!("crictl exec {first} echo from -l inside")).await, "from -l inside\n");
    let ended = seat.fails("node01", &format!("crictl exec {first} sh -c false")).await;
    assert_eq!(ended, "FATA[0000] execing command in container: command terminated with exit code 1\n");
    let shown = seat.prints("node01", &format!("crictl inspect {first}")).await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["info"]["runtimeType"], "io.containerd.runc.v2");
    assert_eq!(shown["status"]["metadata"], json!({ "name": "drill", "attempt": 0 }));

    let running = seat.fails("node01", &format!("crictl rm {first}")).await;
    assert!(running.contains("is running, please stop first"), "{running}");
    seat.prints("node01", &format!("crictl stop {first}")).await;
    let second = id(&seat, &first).await;
    let all = seat.prints("node01", "crictl ps -a --name drill").await;
    let told: Vec<Vec<&str>> = all.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    let last_four = |one: &Vec<&str>| one[one.len() - 4..].join(" ");
    assert_eq!(told.len(), 2, "{all}");
    assert!(told[0][0] == &second[..13] && all.contains("Running") && all.contains("Exited"), "{all}");
    assert!(last_four(&told[0]).starts_with("1 ") && last_four(&told[1]).starts_with("0 "), "{all}");
    seat.prints("node01", "systemctl stop kubelet").await;
    let before = seat.prints("node01", &format!("crictl logs -p {second}")).await;
    assert_eq!(before, "hello\n", "the runtime has the logs, whether or not a kubelet runs");
    seat.prints("node01", "systemctl start kubelet").await;
    seat.prints("node01", &format!("crictl rm {first}")).await;
    assert_eq!(seat.prints("node01", "crictl ps -a --name drill -q").await.trim(), second);
}

#[tokio::test]
async fn logs_are_files_of_the_node_and_go_with_their_pod() {
    let seat = with_pod().await;
    let first = id(&seat, "").await;
    let file = || {
        seat.files("node01", |root| {
            let folder =
                root.list("/var/log/pods").unwrap().into_iter().find(|name| name.starts_with("default_drill_"));
            folder.map(|folder| root.text(&format!("/var/log/pods/{folder}/drill/0.log")).unwrap())
        })
    };
    seat.world.settle().await;
    let log = file().expect("a folder for the Pod");
    let told: Vec<&str> = log.lines().filter_map(|line| line.split_once(' ').map(|(_, rest)| rest)).collect();
    assert_eq!(told, ["stdout F hello", "stderr F oh"]);
    let link = format!("/var/log/containers/drill_default_drill-{first}.log");
    assert_eq!(seat.files("node01", |root| root.text(&link)).unwrap(), log);
    let pods: Api<Pod> = Api::namespaced(seat.world.client().unwrap(), "default");
    pods.delete("drill", &kube::api::DeleteParams::default().grace_period(0)).await.unwrap();
    seat.world.settle().await;
    seat.until("its log is gone", || async { file().is_none() }).await;
    assert!(seat.files("node01", |root| root.text(&link)).is_err());
}

#[tokio::test]
async fn a_runtime_that_is_stopped_does_not_answer() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.prints("node01", "crictl ps").await;
    let socket = || seat.files("node01", |root| root.exists("/run/containerd/containerd.sock"));
    assert!(socket());
    seat.prints("node01", "systemctl stop containerd").await;
    assert!(!socket());
    let said = seat.fails("node01", "crictl ps").await;
    assert!(said.contains("dial unix /run/containerd/containerd.sock: connect: no such file or directory"), "{said}");
    seat.prints("node01", "systemctl start containerd").await;
    seat.prints("node01", "crictl ps").await;
    assert!(socket());
    let wrong = seat.fails("node01", "crictl --image-endpoint unix:///run/crio/crio.sock images").await;
    assert!(wrong.contains("validate CRI v1 image API for endpoint \"unix:///run/crio/crio.sock\""), "{wrong}");
    seat.prints("node01", "crictl --image-endpoint unix:///run/crio/crio.sock ps").await;
}

#[tokio::test]
async fn each_node_has_its_own_pods_and_images() {
    let seat = Seat::take(Topology::workers(1)).await;
    let names = |text: &str| {
        text.lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().rev().nth(3).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let pods = seat.prints("controlplane", "crictl pods --namespace kube-system").await;
    assert!(names(&pods).contains(&"etcd-controlplane".to_owned()), "{pods}");
    let worker = seat.prints("node01", "crictl pods").await;
    assert!(!worker.contains("etcd-controlplane") && worker.contains("kube-proxy-"), "{worker}");
    let heading: Vec<&str> =
        pods.lines().next().unwrap().split("  ").map(str::trim).filter(|one| !one.is_empty()).collect();
    assert_eq!(heading, ["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"]);

    assert!(!seat.prints("node01", "crictl images").await.contains("docker.io/library/redis"));
    let missing = seat.fails("node01", "crictl pull nope.example/x:1").await;
    assert!(missing.starts_with("FATA[0000] pulling image: rpc error:"), "{missing}");
    let pulled = seat.prints("node01", "crictl pull redis:8").await;
    assert!(pulled.starts_with("Image is up to date for sha256:"), "{pulled}");
    let images = seat.prints("node01", "crictl images redis").await;
    assert!(images.lines().nth(1).unwrap().starts_with("docker.io/library/redis   8"), "{images}");
    let nodes: Api<Node> = Api::all(seat.world.client().unwrap());
    let told = async || {
        let status = nodes.get("node01").await.unwrap().status.unwrap();
        status
            .images
            .unwrap_or_default()
            .into_iter()
            .map(|image| (image.names.unwrap_or_default(), image.size_bytes))
            .collect::<Vec<_>>()
    };
    let pulled = || async { told().await.iter().any(|(names, _)| names[1] == "docker.io/library/redis:8") };
    seat.until("the Node tells of what was pulled", pulled).await;
    let images = told().await;
    let listed = seat.prints("node01", "crictl images -o json").await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let mut listed: Vec<(String, i64)> = listed["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| {
            (image["repoTags"][0].as_str().unwrap().to_owned(), image["size"].as_str().unwrap().parse().unwrap())
        })
        .collect();
    let mut of_node: Vec<(String, i64)> =
        images.iter().map(|(names, size)| (names[1].clone(), size.unwrap())).collect();
    assert!(of_node.is_sorted_by_key(|(_, size)| std::cmp::Reverse(*size)), "{of_node:?}");
    listed.sort();
    of_node.sort();
    assert_eq!(of_node, listed, "the Node tells what the runtime has");
    seat.prints("node01", "crictl rmi redis:8").await;
    assert_eq!(seat.prints("node01", "crictl images redis -q").await, "");
    let version = seat.prints("node01", "crictl version").await;
    assert!(version.contains("RuntimeName:  containerd\nRuntimeVersion:  v2."), "{version}");
}

#[tokio::test]
async fn a_runtime_that_is_not_there_and_a_container_that_is_not_are_said_so() {
    let seat = Seat::take(Topology::workers(1)).await;
    let elsewhere = seat.fails("controlplane", "crictl -r unix:///run/crio/crio.sock ps").await;
    assert_eq!(
        elsewhere,
        "FATA[0000] validate service connection: validate CRI v1 runtime API for endpoint \"unix:///run/crio/crio.sock\": rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix /run/crio/crio.sock: connect: no such file or directory\"\n"
    );
    seat.prints("controlplane", "crictl config runtime-endpoint unix:///run/nothing.sock").await;
    assert!(seat.fails("controlplane", "crictl ps").await.contains("dial unix /run/nothing.sock"));
    seat.prints("controlplane", "crictl config --set runtime-endpoint=unix:///run/containerd/containerd.sock").await;
    let unknown = seat.fails("controlplane", "crictl logs 0000").await;
    assert!(unknown.contains("an error occurred when try to find container \"0000\": not found"), "{unknown}");
}

#[tokio::test]
async fn images_and_pods_are_told_in_detail() {
    let seat = with_pod().await;
    id(&seat, "").await;
    let json = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let image = json(seat.prints("node01", "crictl inspecti busybox:1.36").await);
    assert_eq!(image["status"]["repoTags"][0], "docker.io/library/busybox:1.36");
    assert_eq!(image["info"]["imageSpec"]["os"], "linux");
    assert!(json(seat.prints("node01", "crictl inspecti -q busybox:1.36").await).get("info").is_none());
    let systems = json(seat.prints("node01", "crictl imagefsinfo").await);
    let mountpoint = &systems["status"]["imageFilesystems"][0]["fsId"]["mountpoint"];
    assert_eq!(mountpoint, "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs");
    let pods = json(seat.prints("node01", "crictl statsp -o json").await);
    let names: Vec<&str> = pods["stats"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|pod| pod["attributes"]["metadata"]["name"].as_str())
        .collect();
    assert!(names.contains(&"drill"), "{names:?}");
    seat.prints("node01", "crictl pull redis:8").await;
    let gone = seat.prints("node01", "crictl rmi --prune").await;
    assert_eq!(gone, "Deleted: docker.io/library/redis:8\n", "what is used or pinned stays");
    assert!(seat.fails("node01", "crictl rmi nope:1").await.contains("no such image nope:1"));
}
