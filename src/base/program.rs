//! Programs' files: this one's, which names of it lead to and which it starts again, and others' on the `PATH`.
//! Which is this one only its own beginning says; whoever uses the library has none.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

static FILE: OnceLock<PathBuf> = OnceLock::new();

/// Says where it is; the first word counts.
pub fn is(file: PathBuf) {
    let _ = FILE.set(file);
}

/// Where it is, if this process is the program, or a test that named one.
pub fn file() -> Option<&'static Path> {
    FILE.get().map(PathBuf::as_path)
}

/// The program of this name on the `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| runs(program))
}

fn runs(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    program.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}
