//! What machines were like at a moment, kept on the disk beside them, and how they come back to it.
//! Which moments are kept is the cluster's. Files are put back where they were: a shell that is on the machine sees them change.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::root::Root;
use super::{Machine, Machines};
use crate::base::files;

/// The permission bits of a file.
const PERMISSIONS: u32 = 0o7777;

fn kept(machine: &Machine, name: &str) -> PathBuf {
    machine.folder().join("kept").join(name)
}

/// What commands remember beside a machine's files, such as settings of its kernel. Its services have a way of their own.
fn remembered(folder: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_one = |path: &PathBuf| path.extension().is_some_and(|end| end == "json") && !path.ends_with("services.json");
    names.filter(is_one).collect()
}

/// Copies what is remembered from one folder to another, where nothing else of it stays.
fn remember(from: &Path, to: &Path) -> io::Result<()> {
    remembered(to).iter().try_for_each(fs::remove_file)?;
    for path in remembered(from) {
        let Some(name) = path.file_name() else { continue };
        files::write_whole(&to.join(name), &fs::read(&path)?, 0o600)?;
    }
    Ok(())
}

impl Machines {
    /// Keeps what the machines hold now, under a name; what was kept under it goes.
    pub fn keep(&self, name: &str) -> io::Result<()> {
        for machine in self.all() {
            let kept = kept(&machine, name);
            files::remove_all(&kept)?;
            if let Some(root) = machine.files() {
                files::private_dir(&kept)?;
                copy(root.folder(), &Root::open(&kept.join("root"))?, "")?;
                remember(machine.folder(), &kept)?;
                machine.journal().save_as(&kept.join("journal.jsonl"))?;
                files::write_whole(&kept.join("services.json"), machine.services().save().as_bytes(), 0o600)?;
            }
        }
        Ok(())
    }

    /// Brings the machines back to what was kept under a name. One nobody had gone into by then is as fresh again.
    pub fn bring_back(&self, name: &str) -> io::Result<()> {
        for machine in self.all() {
            let Some(root) = machine.files() else { continue };
            let kept = kept(&machine, name);
            let clear = || root.list("/")?.iter().try_for_each(|there| root.remove(&format!("/{there}")));
            if clear().is_err() {
                // On its node root needs no permissions.
                files::open_folders(root.folder());
                clear()?;
            }
            remember(&kept, machine.folder())?;
            if kept.exists() {
                copy(&kept.join("root"), root, "")?;
                machine.journal().load(&kept.join("journal.jsonl"));
                machine.services().restore(&fs::read_to_string(kept.join("services.json")).unwrap_or_default());
            } else {
                machine.journal().restore(Vec::new());
                machine.services().restore("");
                self.lay(&machine, root)?;
            }
        }
        self.touched.notify_one();
        Ok(())
    }
}

/// Copies what is in a folder below `from` to the same place of `to`: folders, links and files, whatever else there may be left out.
fn copy(from: &Path, to: &Root, below: &str) -> io::Result<()> {
    for entry in fs::read_dir(from.join(below.trim_start_matches('/')))? {
        let entry = entry?;
        let path = format!("{below}/{}", entry.file_name().to_string_lossy());
        let known = entry.metadata()?;
        let mode = known.permissions().mode() & PERMISSIONS;
        if known.is_dir() {
            to.make_dir(&path, mode)?;
            copy(from, to, &path)?;
        } else if known.is_symlink() {
            to.link(&fs::read_link(entry.path())?.to_string_lossy(), &path)?;
        } else if known.is_file() {
            to.write(&path, &fs::read(entry.path())?, mode)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_remember_is_what_it_was() -> io::Result<()> {
        let (machine, kept) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let write = |folder: &tempfile::TempDir, name: &str, text: &str| fs::write(folder.path().join(name), text);
        write(&kept, "sysctl.json", "before")?;
        write(&machine, "sysctl.json", "after")?;
        write(&machine, "swap.json", "after")?;
        write(&machine, "services.json", "its own")?;
        remember(kept.path(), machine.path())?;
        assert_eq!(fs::read_to_string(machine.path().join("sysctl.json"))?, "before");
        assert!(!machine.path().join("swap.json").exists());
        assert!(machine.path().join("services.json").exists());
        Ok(())
    }

    #[test]
    fn a_tree_is_copied_with_its_links_and_modes() -> io::Result<()> {
        let (one, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let (root, back) = (Root::open(one.path())?, Root::open(other.path())?);
        root.make_dir("/var/lib/etcd", 0o700)?;
        root.write("/etc/kubernetes/admin.conf", b"kind: Config\n", 0o600)?;
        root.link("/etc/kubernetes/admin.conf", "/root/config")?;
        root.link("/nowhere", "/root/broken")?;
        copy(one.path(), &back, "")?;
        assert_eq!(back.text("/root/config")?, "kind: Config\n");
        assert_eq!(back.stat("/root/config")?.st_mode & PERMISSIONS, 0o600);
        assert_eq!(fs::read_link(other.path().join("root/broken"))?, Path::new("/nowhere"));
        assert!(back.is_dir("/var/lib/etcd"));
        Ok(())
    }
}
