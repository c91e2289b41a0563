//! What this machine can do: which programs are there, which versions, how much room.
//! Telling it is the faces'.

pub use crate::base::program::on_path;

/// The address of the API server a kubeconfig names; empty when there is none.
pub fn server_of(kubeconfig: &std::path::Path) -> String {
    let text = std::fs::read_to_string(kubeconfig).unwrap_or_default();
    let server = text.lines().find_map(|line| line.trim().strip_prefix("server:"));
    server.map(|server| server.trim().trim_matches('"').to_owned()).unwrap_or_default()
}
