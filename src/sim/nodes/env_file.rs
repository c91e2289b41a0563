//! Variables from files in a Pod's own volumes: how such a file is written, and what is told where a key cannot be had.
//! Source: `pkg/kubelet/util/env/env_util.go`, ParseEnv; `pkg/kubelet/kubelet_pods.go`, makeEnvironmentVariables.

use jiff::Timestamp;
use serde_json::Value;

use super::kubelet::Sync;
use super::process::files::absolute;
use super::process::tree::{Body, Entry};
use super::runtime::Runtime;
use crate::object::meta;

/// What a `fileKeyRef` stands for: nothing where its key is not there and need not be.
pub fn referenced(runtime: &Runtime, sync: &Sync, reference: &Value) -> Result<Option<String>, String> {
    let (volume, key) = (meta::text(reference, "/volumeName"), meta::text(reference, "/key"));
    // Nothing leads out of the volume.
    let path = absolute("/", meta::text(reference, "/path"));
    let uid = meta::uid(sync.pod);
    let files = runtime.files(&format!("{uid}/{volume}"), "", &Entry::folder(Timestamp::UNIX_EPOCH));
    let bytes = files.look(|tree| match &tree.get(path.trim_start_matches('/'))?.body {
        Body::File(bytes) => Some(bytes.clone()),
        _ => None,
    });
    let found = bytes.and_then(|bytes| value(&String::from_utf8_lossy(&bytes), key));
    match found {
        None => Err("couldn't parse env file".to_owned()),
        Some(text) if !text.is_empty() => Ok(Some(text)),
        Some(_) if meta::truth(reference, "/optional") => Ok(None),
        Some(_) => {
            let place = format!("/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~empty-dir/{volume}{path}");
            Err(format!("environment variable key {key:?} not found in file {place:?}"))
        }
    }
}

/// A key's value, empty where it has none; `None` when a line before it is not as it has to be: `KEY='value'`, over several
/// lines or with a comment behind it.
fn value(text: &str, key: &str) -> Option<String> {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, given) = line.split_once('=')?;
        if name.is_empty() || name.ends_with([' ', '\t']) {
            return None;
        }
        // To a shell it would be nothing, and a command behind it.
        if given.starts_with([' ', '\t']) {
            if name == key {
                return Some(String::new());
            }
            continue;
        }
        let mut rest = given.strip_prefix('\'')?;
        let mut found = String::new();
        let behind = loop {
            if let Some((inner, behind)) = rest.split_once('\'') {
                found.push_str(inner);
                break behind.trim_start_matches([' ', '\t']);
            }
            found.push_str(rest);
            found.push('\n');
            rest = lines.next()?;
        };
        if !behind.is_empty() && !behind.starts_with('#') {
            return None;
        }
        if name == key {
            return Some(found);
        }
    }
    Some(String::new())
}
