//! The swap areas in use on a machine, which a kubelet minds. They are kept beside its files: a machine boots without any.
//! The commands that change them stand in `shell`.

use std::path::PathBuf;

use super::Machine;
use crate::base::files;

fn file(machine: &Machine) -> PathBuf {
    machine.folder().join("swap.json")
}

/// The areas in use, by their paths.
pub fn used(machine: &Machine) -> Vec<String> {
    let kept = std::fs::read_to_string(file(machine)).ok();
    kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Keeps which are.
pub fn keep(machine: &Machine, areas: &[String]) {
    let text = serde_json::to_vec(areas).unwrap_or_default();
    // Without it the machine is as at its boot.
    let _ = files::write_whole(&file(machine), &text, 0o600);
}
