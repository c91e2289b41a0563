//! What this machine can do: which programs are there, which versions, how much room.
//! Telling it is the faces'.

use std::path::PathBuf;

/// The program of this name on the `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| runs(program))
}

fn runs(program: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    program.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

/// The address of the API server a kubeconfig names; empty when there is none.
pub fn server_of(kubeconfig: &std::path::Path) -> String {
    let text = std::fs::read_to_string(kubeconfig).unwrap_or_default();
    let server = text.lines().find_map(|line| line.trim().strip_prefix("server:"));
    server.map(|server| server.trim().trim_matches('"').to_owned()).unwrap_or_default()
}
