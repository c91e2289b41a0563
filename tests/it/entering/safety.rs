//! Nothing that is typed on a node changes the host, or shows what is not the node's: each test tries it, as root of the host and as nobody.
//! Each names the protection without which it would succeed.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{Ground, grounds};

/// Fails to do it, and says why in these words.
fn fails(ground: &Ground, line: &str, why: &str) {
    let said = ground.refuses(line);
    assert!(said.contains(why), "{line}: {said}");
}

#[test]
fn every_mount_but_the_nodes_own_is_read_only() {
    for ground in grounds() {
        let mounts = ground.prints("cat /proc/self/mountinfo");
        let writable: Vec<&str> = mounts
            .lines()
            .filter_map(|line| {
                let fields: Vec<&str> = line.split(' ').collect();
                fields[5].split(',').any(|flag| flag == "rw").then_some(fields[4])
            })
            .collect();
        // The same place twice: the host's is below, and cannot be reached.
        let mut places = writable.clone();
        places.dedup();
        let own = ["/usr/local", "/usr/lib/systemd/system"];
        places.retain(|place| !own.contains(place));
        for folder in own {
            ground.prints(&format!("if [ -d {folder} ]; then touch {folder}/kubedrill-was-here; fi"));
            assert!(!Path::new(folder).join("kubedrill-was-here").exists(), "{folder} is the host's");
        }
        assert_eq!(places, ["/", "/dev", "/dev/shm", "/dev/pts"], "{mounts}");
        assert!(mounts.lines().all(|line| line.contains("nosuid")), "{mounts}");
    }
}

#[test]
fn the_hosts_files_cannot_be_written() {
    for ground in grounds() {
        // Root of the host owns them: only the mounts keep it from them.
        for place in
            ["/usr", "/usr/bin", "/run/host/etc", "/run/kubedrill", "/run/kubedrill/bin", "/proc/sys/kernel", "/sys"]
        {
            ground.refuses(&format!("touch {place}/kubedrill-was-here"));
            assert!(!Path::new(&place.replace("/run/host", "")).join("kubedrill-was-here").exists());
        }
        fails(&ground, "ln -s /usr/bin /root/out && touch /root/out/kubedrill-was-here", "Read-only file system");
        fails(&ground, "cp /bin/true /usr/bin/kubedrill-was-here", "Read-only file system");
        fails(&ground, "ln /usr/bin/env /root/env && echo", "Invalid cross-device link");
        // A link in /etc to the host's file.
        ground.refuses("echo kubedrill:x:0:0::/:/bin/sh >> /etc/passwd");
        // sysctls of the kernel, which root of the host could set through any /proc.
        ground.refuses("test -w /proc/sys/vm/swappiness || test -w /proc/sysrq-trigger");
    }
}

#[test]
fn mounts_cannot_be_undone() {
    for ground in grounds() {
        for line in [
            "mount -o remount,rw,bind /usr",
            "mount -o remount,rw /run/host/etc",
            "mount -t tmpfs tmpfs /mnt",
            "mkdir -p /mnt && mount --bind /root /mnt",
            "umount /run/host/etc",
            "umount -l /usr",
            "pivot_root . .",
        ] {
            ground.refuses(line);
        }
        // In a namespace of one's own one would have the rights again that were given up.
        ground.refuses("unshare -Urm true");
        ground.refuses("unshare -m true");
        ground.refuses("nsenter -t 1 -m true");
        let status = ground.prints("cat /proc/self/status");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(':').trim().to_owned()
        };
        // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID; 21 is SYS_ADMIN.
        assert_eq!((field("CapEff"), field("CapBnd")), ("00000000000000fb".to_owned(), "00000000000000fb".to_owned()));
        assert_eq!(field("NoNewPrivs"), "1");
    }
}

#[test]
fn the_hosts_processes_are_out_of_reach() {
    for ground in grounds() {
        let mut outside = ground.called(Path::new("sleep"), &["1000"]).spawn().unwrap();
        let pid = outside.id();
        // Process numbers of the node are small ones; the host's own lead nowhere.
        let said = ground.refuses(&format!("test -d /proc/{pid} || kill -9 {pid}"));
        assert!(said.contains("No such process"), "{said}");
        ground.ended("kill -9 -1");
        assert!(outside.try_wait().unwrap().is_none(), "it was killed");
        outside.kill().unwrap();
        outside.wait().unwrap();
    }
}

#[test]
fn process_1_shows_nothing_of_outside() {
    for ground in grounds() {
        for line in [
            "ls /proc/1/root/",
            "ls /proc/1/cwd/",
            "cat /proc/1/fd/0",
            "cat /proc/1/environ",
            "chroot /proc/1/root true",
        ] {
            ground.refuses(line);
        }
        let open = ground
            .prints("readlink /proc/self/fd/* | grep -v '^/dev/null$' | grep -v '^pipe:' | grep -v '^/proc/'; true");
        assert_eq!(open, "", "files of the host are open on the node");
        // A folder that was open in whoever went in would be a way out.
        let line = format!("exec 9<{}; exec \"$@\"", ground.path().display());
        let mut command = ground.called(Path::new("bash"), &["-c", &line, "bash", env!("CARGO_BIN_EXE_kubedrill")]);
        let ended = command.args(["ssh", "controlplane", "--", "ls /proc/self/fd/9/"]).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{}", String::from_utf8_lossy(&ended.stdout));
    }
}

#[test]
fn no_device_and_no_other_user_is_to_be_had() {
    for ground in grounds() {
        ground.refuses("mknod /root/disk b 8 0");
        ground.refuses("mknod /dev/mem c 1 1");
        assert_eq!(
            ground.prints("ls /dev | tr '\\n' ' '"),
            "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero "
        );
        assert_eq!(ground.prints("ls /dev/pts"), "ptmx\n", "terminals of the host are seen");
        // Only one user is mapped, and files that would make another have no effect.
        ground.refuses("chown 1 /root");
        ground.refuses("setpriv --reuid 1 --clear-groups true");
        assert_eq!(ground.prints("cp /usr/bin/id /root/id && chmod u+s /root/id && /root/id -u"), "0\n");
        assert_eq!(ground.prints("cat /proc/self/uid_map").split_whitespace().nth(2), Some("1"));
    }
}

#[test]
fn the_hosts_homes_and_other_clusters_are_not_seen() {
    for ground in grounds() {
        let secret = ground.path().join("secret");
        ground.refuses(&format!("cat {}", secret.display()));
        ground.refuses(&format!("ls {}", ground.path().display()));
        assert_eq!(ground.prints("ls -A /home /tmp"), "/home:\n\n/tmp:\n");
        assert_eq!(
            ground.prints("ls /run; ls /run/kubedrill"),
            "host\nkubedrill\nbin\nkubedrill\nnodes.sock\nprofile\n"
        );
        let env = ground.prints("env");
        assert!(
            !env.contains("KUBEDRILL_HOME") && !env.contains("SSH_AUTH_SOCK") && !env.contains("KUBEDRILL_STAGE"),
            "{env}"
        );
    }
}

#[test]
fn links_on_the_node_lead_the_next_one_in_nowhere() {
    for ground in grounds() {
        let victim = ground.path().join("victim");
        std::fs::create_dir(&victim).unwrap();
        // As the node's root would plant it; entering makes folders below /run, and links in /etc.
        for (place, target) in [("run", &victim), ("etc", &victim), ("usr", &victim), ("dev", &victim)] {
            let path = ground.on_disk(place);
            let kept = ground.path().join("kept");
            let was = std::fs::rename(&path, &kept).is_ok();
            symlink(target, &path).unwrap();
            ground.ended("true");
            let left: Vec<_> = std::fs::read_dir(&victim).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert!(left.is_empty(), "through {place} came {left:?}");
            std::fs::remove_file(&path).unwrap();
            if was {
                std::fs::rename(&kept, &path).unwrap();
            }
        }
    }
}

#[test]
fn what_runs_on_a_node_ends_with_it() {
    for ground in grounds() {
        let marker = format!("100{}", std::process::id());
        ground.prints(&format!("setsid sleep {marker} >/dev/null 2>&1 </dev/null & true"));
        let seen = Command::new("pgrep").args(["-f", &format!("^sleep {marker}")]).output().unwrap();
        assert!(seen.stdout.is_empty(), "{}", String::from_utf8_lossy(&seen.stdout));
    }
}
