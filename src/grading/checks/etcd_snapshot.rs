//! `etcdSnapshot`: a file of a node is a whole snapshot of etcd; `etcdutl` is asked.
//! Which file is the scenario's.

use serde_json::Value;

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::scenario::check::EtcdSnapshot;

/// The verdict over a view. An error is what the node could not be asked.
pub async fn look(check: &EtcdSnapshot, view: &View) -> Result<Verdict, AskError> {
    let (node, path) = (&check.node, &check.path);
    let words = ["etcdutl", "snapshot", "status", path, "-w", "json"].map(str::to_owned);
    let ended = view.run(node, &words).await?;
    let status: Value = serde_json::from_str(ended.stdout.trim()).unwrap_or_default();
    Ok(match status["totalKey"].as_u64() {
        Some(keys) if keys >= check.keys => Verdict::of(Vec::new()),
        Some(keys) => Verdict::fail(Finding::told(format!(
            "the snapshot {path} on {node} holds {keys} keys; that is not the whole cluster"
        ))),
        None => {
            let said = ended.stderr.lines().last().unwrap_or_default();
            Verdict::fail(Finding::told(format!("{path} on {node} is no snapshot of etcd: {}", said.trim())))
        }
    })
}
