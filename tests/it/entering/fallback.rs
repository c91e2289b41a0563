//! The ways into a node where the kernel gives no namespaces: what they can do, and what they say they cannot.
//! They are chosen by hand here; choosing is tried out by `doctor` on each machine.

use super::{Ground, grounds};

fn prints(ground: &Ground, way: &str, line: &str) -> String {
    let ended = ground.program(&["ssh", "controlplane", "--", line]).env("KUBEDRILL_ENTER", way).output().unwrap();
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{line}: {:?}\n{err}", ended.status);
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn a_portable_node_is_a_folder_with_the_clusters_commands() {
    for ground in grounds() {
        let told = prints(&ground, "portable", "pwd; cat etc/hostname; test $NODE_ROOT = $PWD && echo $KUBEDRILL_NODE");
        let root = ground.on_disk("/").canonicalize().unwrap();
        assert_eq!(told, format!("{}\ncontrolplane\ncontrolplane\n", root.display()));
        assert_eq!(prints(&ground, "portable", "sudo -u root systemctl restart || echo $?").lines().last(), Some("3"));
        assert_eq!(prints(&ground, "portable", "echo typed | crictl"), "typed\n");
    }
}

#[test]
fn proot_shows_the_nodes_files_where_they_belong() {
    let has_proot = std::process::Command::new("proot").arg("--version").output().is_ok();
    assert!(has_proot || std::env::var_os("CI").is_none(), "proot is not installed, and in CI it has to be");
    // It is no way for root, and not on every machine.
    for ground in grounds().into_iter().filter(|ground| has_proot && !ground.is_root()) {
        let told =
            prints(&ground, "proot", "cat /etc/hostname; whoami; pwd; readlink /etc/passwd; echo kept > /opt/file");
        assert_eq!(told, "controlplane\nroot\n/root\n/run/host/etc/passwd\n");
        assert_eq!(std::fs::read_to_string(ground.on_disk("/opt/file")).unwrap(), "kept\n");
        assert_eq!(prints(&ground, "proot", "systemctl status || echo $?").lines().last(), Some("3"));
        let told = prints(&ground, "proot", "ls /home /tmp | wc -l; echo typed | sudo crictl");
        assert_eq!(told, "3\ntyped\n", "the host's homes are seen");
        let facts = prints(&ground, "proot", "stat -c '%F %s' /opt/file; test -w /opt/file && echo mine");
        assert_eq!(facts, "regular file 5\nmine\n", "what a file is, is told of the node's");
    }
}
