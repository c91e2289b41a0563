//! Which container runtime makes a Pod's sandbox: the one that its RuntimeClass names, if its node's containerd has one of that name.
//! Source: `pkg/kubelet/runtimeclass/runtimeclass_manager.go`, LookupRuntimeHandler; containerd's `internal/cri/server/sandbox_run.go`
//! and `internal/cri/config/config.go`, GetSandboxRuntime.

use super::container::hash;
use super::kubelet::Sync;
use super::runtime::Runtime;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::runtimeclass::RUNTIMECLASS;

/// The runtime that containerd has whatever it is configured with.
const USUAL: &str = "runc";

/// Why there is none for a Pod, in containerd's words.
pub fn missing(runtime: &Runtime, sync: &Sync) -> Option<String> {
    let class = meta::text(sync.pod, "/spec/runtimeClassName");
    if class.is_empty() {
        return None;
    }
    let Some(found) = sync.context.client.find(&RUNTIMECLASS, "", class) else {
        return Some(format!("runtimeclass.node.k8s.io {class:?} not found"));
    };
    let handler = meta::text(&found, "/handler");
    if is_configured(runtime, sync.node(), handler) {
        return None;
    }
    // A sandbox that is not made has its id already, and the next attempt another.
    let id = hash(&[meta::uid(sync.pod), "sandbox", &sync.now.to_string()]);
    let why = format!("unable to get OCI runtime for sandbox {id:?}: no runtime for {handler:?} is configured");
    Some(format!("rpc error: code = Unknown desc = {why}"))
}

fn is_configured(runtime: &Runtime, node: &str, handler: &str) -> bool {
    if handler == USUAL {
        return true;
    }
    let Some(machine) = runtime.laid(node) else { return false };
    let settings = machine.files().and_then(|root| root.text("/etc/containerd/config.toml").ok());
    settings.unwrap_or_default().lines().any(|line| begins_runtime(line.trim(), handler))
}

/// Whether a line begins the table of this runtime.
fn begins_runtime(line: &str, handler: &str) -> bool {
    let table = line.strip_prefix("[plugins.").and_then(|table| table.split_once(".containerd.runtimes."));
    let name = table.and_then(|(_, rest)| rest.split(['.', ']']).next());
    name.is_some_and(|name| name.trim_matches(['\'', '"']) == handler)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_names_a_runtime() {
        let table = |rest: &str| format!("[plugins.'io.containerd.cri.v1.runtime'.containerd.{rest}]");
        for rest in ["runtimes.runsc", "runtimes.\"runsc\"", "runtimes.runsc.options"] {
            assert!(begins_runtime(&table(rest), "runsc"), "{rest}");
        }
        for rest in ["runtimes.runsc2", "runsc", "runtimes"] {
            assert!(!begins_runtime(&table(rest), "runsc"), "{rest}");
        }
    }
}
