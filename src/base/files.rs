//! Files that survive a kill: whole replacement, appended lines, private modes.
//! What is written where stands with those who write.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Replaces the file at `path` whole: a reader sees the old text or the new, whatever happens meanwhile.
pub fn write_atomic(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let file = beside(path, content, mode)?;
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The same without waiting for the disk: it survives a kill of the program, not the end of the machine.
pub fn write_whole(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    beside(path, content, mode)?.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn beside(path: &Path, content: &[u8], mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    Ok(file)
}

/// Makes `path` and what leads to it, for this user only.
pub fn private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Takes a folder away with all that is in it, also where somebody took permissions from folders in it. One that is not there is no error.
pub fn remove_all(path: &Path) -> io::Result<()> {
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_folders(path);
            fs::remove_dir_all(path)
        }
        removed => removed,
    };
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Gives this user all permissions on a folder and the folders in it. Links are not followed.
pub fn open_folders(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|known| known.is_dir()) {
        // Where that is not to be had, whoever needs it says so.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
        fs::read_dir(path).into_iter().flatten().flatten().for_each(|entry| open_folders(&entry.path()));
    }
}

/// A file that lines are added to, each whole on the disk before [`LineFile::append`] returns.
pub struct LineFile {
    file: File,
}

impl LineFile {
    /// Opens or makes the file. A torn last line, left by a kill in the middle of a write, is ended so that it spoils no other.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { file })
    }

    /// Waits until no other process has locked the file; locks it as long as this is open.
    pub fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }

    /// Adds a line and waits until the disk has it.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_opened_before_they_are_taken_away() -> io::Result<()> {
        let (folder, outside) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let (shut, inner) = (folder.path().join("shut"), folder.path().join("shut/inner"));
        fs::create_dir_all(&inner)?;
        std::os::unix::fs::symlink(outside.path(), inner.join("link"))?;
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        mode(outside.path(), 0o755)?;
        mode(&inner, 0o500)?;
        mode(&shut, 0o100)?;
        open_folders(folder.path());
        let found = |path: &Path| Ok::<_, io::Error>(fs::metadata(path)?.permissions().mode() & 0o777);
        assert_eq!((found(&shut)?, found(&inner)?, found(outside.path())?), (0o700, 0o700, 0o755));
        mode(&inner, 0o500)?;
        remove_all(&shut)?;
        assert!(!shut.exists() && outside.path().exists());
        remove_all(&shut)
    }

    #[test]
    fn a_torn_line_is_ended_before_the_next() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("journal");
        fs::write(&path, "whole\nto")?;
        LineFile::open(&path)?.append("next")?;
        assert_eq!(fs::read_to_string(&path)?, "whole\nto\nnext\n");
        Ok(())
    }
}
