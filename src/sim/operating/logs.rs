//! The logs of containers as files of their node, for whoever looks below `/var/log/pods`: of machines somebody went into.
//! What stands in a log is the container's. Source: `pkg/kubelet/kuberuntime` (BuildContainerLogsDirectory, legacyLogSymlink).

use std::collections::{HashMap, HashSet};
use std::io;

use serde_json::Value;

use super::Operating;
use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::machine::Machine;
use crate::sim::machine::root::Root;
use crate::sim::nodes::process::stream::Line;

const PODS: &str = "/var/log/pods";
const CONTAINERS: &str = "/var/log/containers";
const STATUSES: [&str; 3] =
    ["/status/initContainerStatuses", "/status/containerStatuses", "/status/ephemeralContainerStatuses"];
const STATES: [&str; 3] = ["/lastState/terminated", "/state/terminated", "/state/running"];

/// How much of a log stands in its file: lines, and bytes.
pub(super) type Written = HashMap<String, (usize, usize)>;

/// The folder of a Pod's logs. That of a static Pod is named after its manifest's hash.
fn folder(pod: &Object) -> String {
    let uid = meta::annotation(pod, "kubernetes.io/config.hash").unwrap_or_else(|| meta::uid(pod));
    format!("{}_{}_{uid}", meta::namespace(pod), meta::name(pod))
}

/// The runs of a container that its status knows: the id of each, and how many were before it.
fn runs(status: &Value) -> Vec<(&str, u64)> {
    let restarts = status["restartCount"].as_u64().unwrap_or(0);
    let run = |state: &&str| {
        let id = match meta::text(status.pointer(state)?, "/containerID") {
            "" => meta::text(status, "/containerID"),
            id => id,
        };
        let number = if state.starts_with("/last") { restarts.saturating_sub(1) } else { restarts };
        (!id.is_empty()).then_some((id, number))
    };
    STATES.iter().filter_map(run).collect()
}

/// Whether the status of a Pod knows a run of a container.
pub(super) fn has_run(pod: &Object) -> bool {
    STATUSES.iter().flat_map(|list| meta::list(pod, list)).any(|status| !runs(status).is_empty())
}

impl Operating {
    /// Writes down what containers of a machine said since the last look, and takes away the logs of Pods that are gone.
    pub(super) fn logs(&self, machine: &Machine, written: &mut Written) {
        let Some(root) = machine.files() else { return };
        let pods = self.plane.runtime.pods_of(&self.kubelet.client, &machine.name);
        for pod in &pods {
            for status in STATUSES.iter().flat_map(|list| meta::list(pod, list)) {
                for (id, number) in runs(status) {
                    let at = format!("{PODS}/{}/{}", folder(pod), meta::text(status, "/name"));
                    if let Err(error) = self.log((root, pod), (id, &at, number), written) {
                        tracing::debug!(%error, at, "a log is not written down");
                    }
                }
            }
        }
        let known: HashSet<String> = pods.iter().map(folder).collect();
        for gone in root.list(PODS).unwrap_or_default().iter().filter(|name| !known.contains(*name)) {
            let _ = root.remove(&format!("{PODS}/{gone}"));
        }
        for link in root.list(CONTAINERS).unwrap_or_default() {
            let link = format!("{CONTAINERS}/{link}");
            if !root.exists(&link) {
                let _ = root.remove(&link);
            }
        }
    }

    fn log(
        &self,
        (root, pod): (&Root, &Object),
        (id, folder, number): (&str, &str, u64),
        written: &mut Written,
    ) -> io::Result<()> {
        let now = self.kubelet.client.clock().now();
        let (runtime, uid) = (&self.plane.runtime, meta::uid(pod));
        runtime.catch_up(uid, now);
        let Some(log) = runtime.front(uid).and_then(|front| Some(front.run(id)?.log.clone())) else { return Ok(()) };
        let file = format!("{folder}/{number}.log");
        let size = root.stat(&file).map_or(0, |stat| usize::try_from(stat.st_size).unwrap_or_default());
        let known = written.get(id).filter(|(_, bytes)| *bytes == size && root.exists(&file));
        let (lines, bytes) = known.copied().unwrap_or_default();
        let (new, lines) = log.lines(lines);
        if known.is_some() && new.is_empty() {
            return Ok(());
        }
        let shown = |line: &Line| {
            let time = line.time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ");
            let tag = if line.open { 'P' } else { 'F' };
            format!("{time} {} {tag} {}\n", line.stream.word(), line.text)
        };
        let text: String = new.iter().map(shown).collect();
        if known.is_some() {
            root.append(&file, text.as_bytes(), 0o640)?;
        } else {
            root.write(&file, text.as_bytes(), 0o640)?;
            let short = id.rsplit('/').next().unwrap_or(id);
            let container = folder.rsplit('/').next().unwrap_or_default();
            let link = format!("{CONTAINERS}/{}_{}_{container}-{short}.log", meta::name(pod), meta::namespace(pod));
            root.remove(&link)?;
            root.link(&file, &link)?;
        }
        written.insert(id.to_owned(), (lines, bytes + text.len()));
        Ok(())
    }
}
