//! What a node says of its kernel, its network and who listens on it.
//! What follows from changing it stands in `causes`.

use super::typing::Seat;
use kubedrill::base::topology::Topology;

#[tokio::test]
async fn parameters_count_when_they_are_loaded_and_stay() {
    let seat = Seat::take(Topology::workers(1)).await;
    let forward = "sysctl -n net.ipv4.ip_forward";
    assert_eq!(seat.prints("node01", forward).await, "1\n");
    seat.files("node01", |files| files.write("/etc/sysctl.d/k8s.conf", b"net.ipv4.ip_forward = 0\n", 0o644).unwrap());
    assert_eq!(seat.prints("node01", forward).await, "1\n", "a file is only a file");
    let system = seat.prints("node01", "sysctl --system").await;
    assert_eq!(system, "* Applying /etc/sysctl.d/k8s.conf ...\nnet.ipv4.ip_forward = 0\n");
    assert_eq!(seat.prints("node01", forward).await, "0\n");
    assert_eq!(seat.prints("controlplane", forward).await, "1\n", "another node's kernel is another");
    assert_eq!(seat.prints("node01", "sysctl -w net.ipv4.ip_forward=1").await, "net.ipv4.ip_forward = 1\n");
    assert_eq!(seat.prints("node01", "sysctl net.ipv4.ip_forward").await, "net.ipv4.ip_forward = 1\n");
    let unknown = seat.fails("node01", "sysctl -w net.nope=1").await;
    assert_eq!(unknown, "sysctl: cannot stat /proc/sys/net/nope: No such file or directory\n");
}

#[tokio::test]
async fn swap_and_modules_are_the_nodes_own() {
    let seat = Seat::take(Topology::workers(1)).await;
    assert_eq!(seat.prints("controlplane", "swapon --show").await, "");
    seat.files("controlplane", |files| files.write("/swap.img", b"", 0o600).unwrap());
    seat.prints("controlplane", "swapon /swap.img").await;
    let shown = seat.prints("controlplane", "swapon --show").await;
    assert_eq!(shown, "NAME      TYPE SIZE USED PRIO\n/swap.img file   2G   0B   -2\n");
    seat.prints("controlplane", "swapoff -a").await;
    assert_eq!(seat.prints("controlplane", "swapon --show").await, "");
    assert!(seat.prints("controlplane", "lsmod").await.contains("br_netfilter"));
    seat.prints("controlplane", "modprobe -r br_netfilter").await;
    assert!(!seat.prints("controlplane", "lsmod").await.contains("br_netfilter"));
    let nope = seat.fails("controlplane", "modprobe nope").await;
    assert!(nope.starts_with("modprobe: FATAL: Module nope not found in directory /lib/modules/"), "{nope}");
}

#[tokio::test]
async fn who_listens_follows_from_what_runs() {
    let seat = Seat::take(Topology::workers(1)).await;
    let shown = seat.prints("controlplane", "ss -tlnp").await;
    let port = |text: &str, program: &str, port: &str| {
        text.lines().any(|line| line.contains(&format!("\"{program}\"")) && line.contains(&format!(":{port} ")))
    };
    for (program, number) in [("etcd", "2379"), ("kube-scheduler", "10259"), ("kubelet", "10250")] {
        assert!(port(&shown, program, number), "{program} on {number} in {shown}");
    }
    assert!(shown.contains("kube-apiserver"), "{shown}");
    let worker = seat.prints("node01", "ss -tlnp").await;
    assert!(!worker.contains("etcd") && port(&worker, "kubelet", "10250"), "{worker}");
    seat.prints("node01", "systemctl stop kubelet").await;
    assert!(!seat.prints("node01", "ss -tlnp").await.contains("kubelet"));
    let netstat = seat.prints("controlplane", "netstat -tulpn").await;
    assert!(netstat.lines().any(|line| line.contains("127.0.0.1:2379") && line.contains("/etcd")), "{netstat}");
    let address = seat.prints("node01", "ip -br addr show eth0").await;
    assert_eq!(address, "eth0             UP             192.168.56.11/24 \n");
    let routes = seat.prints("node01", "ip route").await;
    assert!(routes.contains("10.244.0.0/24 via 10.244.0.0 dev flannel.1 onlink"), "{routes}");
    assert_eq!(seat.fails("node01", "ip link show nope0").await, "Device \"nope0\" does not exist.\n");
}
