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
    fn a_torn_line_is_ended_before_the_next() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("journal");
        fs::write(&path, "whole\nto")?;
        LineFile::open(&path)?.append("next")?;
        assert_eq!(fs::read_to_string(&path)?, "whole\nto\nnext\n");
        Ok(())
    }
}
