//! Stories of a node's processes: how one finds who runs and who listens, and what a signal brings about.
//! What the numbers are of stands in `shell/processes.rs`.

use kubedrill::base::topology::Topology;

use super::typing::Seat;

impl Seat {
    async fn pid(&self, node: &str, program: &str) -> String {
        self.types(node, &format!("pgrep -x {program}"), "").await.out.trim().to_owned()
    }
}

#[tokio::test]
async fn who_runs_and_who_listens_is_seen_in_all_the_usual_ways() {
    let seat = Seat::take(Topology::workers(1)).await;
    let all = seat.prints("controlplane", "ps aux").await;
    assert!(all.starts_with("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START     TIME COMMAND\n"), "{all}");
    for line in [
        "/sbin/init",
        "/usr/bin/kubelet --bootstrap-kubeconfig=",
        "kube-apiserver --advertise-address=",
        "etcd --advertise",
        "/pause",
    ] {
        assert!(all.contains(line), "{line} in {all}");
    }
    let pid = seat.pid("controlplane", "kube-apiserver").await;
    let line = seat.prints("controlplane", &format!("ps -o pid,ppid,comm -p {pid}")).await;
    assert!(line.starts_with("    PID    PPID COMMAND\n") && line.ends_with(" kube-apiserver\n"), "{line}");
    let listed = seat.prints("controlplane", "ps -ef").await;
    assert!(
        listed.lines().any(|line| line.contains(&format!(" {pid} ")) && line.contains("kube-apiserver")),
        "{listed}"
    );
    assert!(seat.leaves("controlplane", "ps").await, "a login's own processes are this machine's to list");

    let open = seat.prints("controlplane", "ss -tlnp").await;
    assert!(open.contains(&format!("(\"kube-apiserver\",pid={pid},")) && open.contains("*:6443"), "{open}");
    let open = seat.prints("controlplane", "netstat -tlnp").await;
    assert!(open.contains(&format!("{pid}/kube-apiserver")), "{open}");
    let open = seat.prints("controlplane", "lsof -i :6443").await;
    assert!(
        open.lines().count() == 2
            && open.contains(&format!("kube-apis {pid:>5} root"))
            && open.ends_with("TCP *:6443 (LISTEN)\n"),
        "{open}"
    );
    assert_eq!(seat.prints("controlplane", "lsof -t -i:6443").await, format!("{pid}\n"));
    assert_eq!(seat.types("controlplane", "lsof -i :6444", "").await.code, 1);
    let status = seat.prints("controlplane", "systemctl status kubelet").await;
    let kubelet = seat.prints("controlplane", "pidof kubelet").await;
    assert!(status.contains(&format!("Main PID: {} (kubelet)", kubelet.trim())), "{status}");
    assert_eq!(seat.types("node01", "pgrep kube-apiserver", "").await.code, 1);
    let long = seat.fails("controlplane", "pgrep kube-controller-manager").await;
    assert!(long.contains("longer than 15 characters will result in zero matches"), "{long}");
    let found = seat.prints("controlplane", "pgrep -fa kube-controller-manager").await;
    assert!(found.contains(" kube-controller-manager --allocate-node-cidrs=true"), "{found}");
}

#[tokio::test]
async fn a_kubelet_that_is_killed_is_started_again_by_systemd() {
    let seat = Seat::take(Topology::workers(1)).await;
    let first = seat.pid("node01", "kubelet").await;
    seat.prints("node01", &format!("kill -9 {first}")).await;
    let journal = seat.prints("node01", "journalctl -u kubelet").await;
    for line in ["Main process exited, code=killed, status=9/KILL", "kubelet.service: Failed with result 'signal'."] {
        assert!(journal.contains(line), "{line} in {journal}");
    }
    let again = || async {
        let pid = seat.pid("node01", "kubelet").await;
        !pid.is_empty() && pid != first
    };
    seat.until("systemd starts it again", again).await;
    seat.prints("node01", "killall kubelet").await;
    assert!(
        seat.prints("node01", "journalctl -u kubelet").await.contains("kubelet.service: Deactivated successfully.")
    );
    seat.until("it is started again after a clean end, too", || async {
        !seat.pid("node01", "kubelet").await.is_empty()
    })
    .await;
    seat.prints("node01", "systemctl stop kubelet").await;
    assert_eq!(seat.fails("node01", "killall kubelet").await, "kubelet: no process found\n");
    assert!(seat.leaves("node01", &format!("kill {first}")).await, "nobody here has that number");
}

#[tokio::test]
async fn what_runs_in_a_container_is_started_again_by_its_kubelet() {
    let seat = Seat::take(Topology::workers(1)).await;
    let first = seat.pid("controlplane", "kube-scheduler").await;
    seat.prints("controlplane", "pkill -9 kube-scheduler").await;
    let again = || async {
        let pid = seat.pid("controlplane", "kube-scheduler").await;
        !pid.is_empty() && pid != first
    };
    seat.until("another runs", again).await;
    let shown = seat.prints("controlplane", "crictl ps -a --name kube-scheduler").await;
    assert!(shown.contains("Running") && shown.contains("Exited"), "{shown}");
    assert_eq!(seat.types("controlplane", "pkill kube-schedule$", "").await.code, 1);
}
