//! What one finds on a node: its files, its name, the host's programs, the cluster's commands; and the ways in and out.
//! What must not be possible there is `safety`'s.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use super::grounds;

#[test]
fn a_node_has_its_own_name_files_and_processes() {
    for ground in grounds() {
        let told = ground.prints("hostname; cat /etc/hostname; whoami; pwd; echo $HOME; echo $$");
        assert_eq!(told, "controlplane\ncontrolplane\nroot\n/root\n/root\n2\n");
        let all = ground.prints("ls /proc | grep -c '^[0-9]'").trim().parse::<u32>().unwrap();
        assert!(all < 6, "{all} processes are seen");
        ground.prints(
            "echo kept > /opt/file && mkdir -p /var/lib/etcd && chmod 700 /var/lib/etcd && echo >> /root-of-it",
        );
        assert_eq!(std::fs::read_to_string(ground.on_disk("/opt/file")).unwrap(), "kept\n");
        assert!(ground.on_disk("/var/lib/etcd").is_dir() && ground.on_disk("/root-of-it").exists());
    }
}

#[test]
fn the_hosts_programs_work_there() {
    for ground in grounds() {
        // What the host has in /etc serves them, where the node has nothing of its own.
        ground.prints("sed --version >/dev/null && grep -q root /etc/passwd && ls -l /etc/ld.so.cache >/dev/null");
        assert_eq!(ground.prints("readlink /etc/passwd"), "/run/host/etc/passwd\n");
        assert_eq!(ground.prints("readlink ~/.kube/config"), "/etc/kubernetes/admin.conf\n");
        ground
            .prints("echo x > /dev/null && head -c1 /dev/urandom | wc -c && echo y > /dev/shm/y && test -d /sys/class");
        assert_eq!(ground.prints("echo one | tee >(cat >/dev/null)"), "one\n", "/dev/fd leads to /proc");
    }
}

#[test]
fn a_command_goes_through_pipes_with_its_own_exit_code() {
    for ground in grounds() {
        assert_eq!(ground.ended("exit 7").status.code(), Some(7));
        assert_eq!(ground.ended("kill -9 $$").status.code(), Some(128 + 9));
        let mut child = ground.program(&["ssh", "controlplane", "--", "cat > /root/typed"]);
        let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"through the pipe").unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(std::fs::read_to_string(ground.on_disk("/root/typed")).unwrap(), "through the pipe");
        let mut script = ground.program(&["ssh", "controlplane"]);
        let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        script.stdin.take().unwrap().write_all(b"hostname\nexit 5\n").unwrap();
        let ended = script.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), &*ended.stdout), (Some(5), &b"controlplane\n"[..]));
    }
}

#[test]
fn the_clusters_commands_answer_there() {
    for ground in grounds() {
        let ended = ground.ended("cd /etc && systemctl status kubelet");
        let out = String::from_utf8_lossy(&ended.stdout);
        assert_eq!((ended.status.code(), &*out), (Some(3), "controlplane /etc systemctl status kubelet\n"));
        assert!(String::from_utf8_lossy(&ended.stderr).contains("on the other channel"));
        // With an empty environment, and by the path where the host has its own.
        assert_eq!(ground.ended("env -i /run/kubedrill/bin/systemctl").status.code(), Some(3));
        ground.prints("for path in /usr/bin /bin; do test ! -f $path/systemctl || cmp $path/systemctl /run/kubedrill/kubedrill; done");
        assert_eq!(ground.prints("echo typed | crictl"), "typed\n");
        let lines = ground.prints("printf 'one\\ntwo\\n' | while read line; do kubelet; echo $line; done");
        assert_eq!(lines, "one\ntwo\n", "a command that reads nothing leaves it to others");
        assert_eq!(ground.prints("journalctl -f | head -n 2"), "a line\na line\n");
        assert_eq!(
            ground
                .ended("journalctl -f > /dev/null & while kill -INT $! 2> /dev/null; do sleep 0.1; done; wait $!")
                .status
                .code(),
            Some(130)
        );
    }
}

#[test]
fn a_signal_reaches_the_nodes_processes_and_the_logins_own() {
    for ground in grounds() {
        assert_eq!(ground.prints("kill -9 4711"), "kill -9 4711\n");
        assert_eq!(ground.ended("sleep 60 & kill $!; wait $!").status.code(), Some(128 + 15));
        assert_eq!(ground.ended("set -m; sleep 60 & kill -9 %1; wait %1").status.code(), Some(128 + 9));
        assert_ne!(ground.ended("kill 999999 2> /dev/null").status.code(), Some(0));
    }
}

#[test]
fn root_needs_no_sudo_and_sees_no_other_node() {
    for ground in grounds() {
        assert_eq!(ground.prints("sudo -u root hostname; sudo A=b printenv A"), "controlplane\nb\n");
        assert_eq!(ground.ended("sudo systemctl restart kubelet").status.code(), Some(3));
        assert_eq!(ground.prints("echo 'pwd; shopt -q login_shell && echo login' | sudo -i"), "/root\nlogin\n");
        assert_eq!(ground.prints("su - root -c 'echo $PATH' | cut -d: -f1"), "/run/kubedrill/bin\n");
        assert!(ground.refuses("sudo no-such-program").contains("command not found"));
        let ended = ground.ended("ssh controlplane");
        assert_eq!(ended.status.code(), Some(255));
        assert!(String::from_utf8_lossy(&ended.stderr).contains("Connection refused"));
    }
}

#[test]
fn ssh_and_scp_in_the_learners_shell_know_the_nodes_and_nobody_else() {
    for ground in grounds() {
        let here = ground.path();
        for name in ["ssh", "scp"] {
            symlink(env!("CARGO_BIN_EXE_kubedrill"), here.join(name)).unwrap();
        }
        let ssh = |args: &[&str]| ground.called(&here.join("ssh"), args).output().unwrap();
        let ended = ssh(&["-o", "BatchMode=yes", "root@controlplane", "cat", "/etc/hostname"]);
        assert_eq!(String::from_utf8_lossy(&ended.stdout), "controlplane\n");
        let ended = ssh(&["example.org"]);
        assert_eq!(ended.status.code(), Some(255));
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(err, "ssh: Could not resolve hostname example.org: Name or service not known\n");

        let scp = |args: &[&str]| ground.called(&here.join("scp"), args).current_dir(here).output().unwrap();
        let copies = |args: &[&str]| {
            let ended = scp(args);
            assert!(ended.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
        };
        copies(&["secret", "controlplane:"]);
        copies(&["controlplane:secret", "controlplane:/opt/renamed"]);
        copies(&["-r", "root@controlplane:/opt", "fetched"]);
        assert_eq!(std::fs::read_to_string(here.join("fetched/renamed")).unwrap(), "of another cluster");
        assert!(ground.on_disk("/root/secret").exists());
        let err = scp(&["controlplane:/no/such", "."]).stderr;
        assert!(String::from_utf8_lossy(&err).contains("No such file or directory"));
    }
}
