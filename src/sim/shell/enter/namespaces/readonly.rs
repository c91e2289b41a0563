//! Makes everything read-only that is not the node's own: all mounts but a few that are named here.
//! In a namespace each mount has to be asked for by itself, and must keep what it was mounted with.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::mount::MountFlags;

use super::told;
use crate::sim::shell::enter::host;

/// What the learner may write to beside what is the node's own in the host's trees: the node's folder, and memory.
const WRITABLE: [&str; 4] = ["/", "/dev", "/dev/pts", "/dev/shm"];

/// Protects every mount.
pub fn protect() -> Result<(), String> {
    let _ = no_nested_namespaces();
    for mount in told("reading the mounts", std::fs::read_to_string("/proc/self/mountinfo"))?.lines().filter_map(parse)
    {
        let mut flags = mount.flags | MountFlags::BIND | MountFlags::NOSUID;
        let is_writable = WRITABLE.iter().chain(&host::OWN).any(|path| mount.point == Path::new(path));
        if !is_writable {
            flags |= MountFlags::RDONLY;
        }
        if is_writable && !mount.point.starts_with("/dev") {
            flags |= MountFlags::NODEV;
        }
        match rustix::mount::mount_remount(&mount.point, flags, c"") {
            // Below a folder that is closed to this user, so that nobody gets there.
            Err(error) if std::io::Error::from(error).kind() == ErrorKind::PermissionDenied && hidden(&mount.point) => {
            }
            done => told(&format!("protecting {}", mount.point.display()), done)?,
        }
    }
    Ok(())
}

/// Namespaces within this one have rights of their own, if never over the mounts of this one; nothing on a node needs them
/// (the limit counts for this namespace only: namespaces(7)).
fn no_nested_namespaces() -> std::io::Result<()> {
    std::fs::write("/proc/sys/user/max_user_namespaces", "0")
}

fn hidden(point: &Path) -> bool {
    point.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

struct Mount {
    point: PathBuf,
    flags: MountFlags,
}

/// A line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)): the fifth field is the place, the sixth its flags.
fn parse(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ').skip(4);
    let point = PathBuf::from(unescaped(fields.next()?));
    let flags = fields.next()?.split(',').map(|word| match word {
        "ro" => MountFlags::RDONLY,
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        "nosymfollow" => MountFlags::NOSYMFOLLOW,
        _ => MountFlags::empty(),
    });
    Some(Mount { point, flags: flags.fold(MountFlags::empty(), MountFlags::union) })
}

/// Blanks, tabs, line ends and backslashes are written as three octal digits there.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(text.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_keeps_what_it_was_mounted_with() {
        let line =
            "36 35 98:0 /a /mnt/with\\040blank rw,nosuid,noexec,relatime shared:1 - ext4 /dev/sda rw,errors=continue";
        let mount = parse(line).unwrap();
        assert_eq!(mount.point, Path::new("/mnt/with blank"));
        assert_eq!(mount.flags, MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::RELATIME);
    }
}
