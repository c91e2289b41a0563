//! What must be well before an upgrade: the control plane's nodes, its manifests, and that a Job can run.
//! Source: `cmd/kubeadm/app/phases/upgrade/health.go`.

use std::time::Duration;

use serde_json::json;

use super::preflight::Findings;
use super::{Done, Typed, manifests};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::job::JOB;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::shell::flags::Flags;

/// How often the Job is looked at, and how long (15 s).
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: u32 = 30;
/// How long the Job may take, and how long it stays.
const LONG: Duration = Duration::from_secs(20);

/// Runs the checks.
pub async fn check(typed: &Typed, client: &Client, flags: &Flags) -> Done {
    let mut findings = Findings::default();
    if let Err(why) = job(typed, client).await {
        findings.error("CreateJob", why);
    }
    let not_ready: Vec<String> = client
        .list(&NODE, "")
        .iter()
        .filter(|node| meta::label(node, "node-role.kubernetes.io/control-plane").is_some())
        .filter(|node| {
            meta::list(node, "/status/conditions").iter().any(|one| one["type"] == "Ready" && one["status"] != "True")
        })
        .map(|node| meta::name(node).to_owned())
        .collect();
    if !not_ready.is_empty() {
        let names = not_ready.join(" ");
        findings
            .error("ControlPlaneNodesReady", format!("there are NotReady control-planes in the cluster: [{names}]"));
    }
    let root = typed.root()?;
    let missing: Vec<String> = manifests::COMPONENTS[1..]
        .iter()
        .map(|component| manifests::path(component))
        .filter(|path| !root.exists(path))
        .collect();
    if !missing.is_empty() {
        findings.error("StaticPodManifest", format!("manifest files not found: [{}]", missing.join(" ")));
    }
    findings.tell(typed, &flags.texts("ignore-preflight-errors"))
}

/// Whether a Job comes to its end. Where nothing can be scheduled it is not tried.
async fn job(typed: &Typed, client: &Client) -> Result<(), String> {
    if client.list(&NODE, "").iter().all(|node| node["spec"]["unschedulable"] == true) {
        return Ok(());
    }
    let name = format!("upgrade-health-check-{}", client.clock().now().as_millisecond());
    // On a fast clock the others need more of its seconds.
    let seconds = LONG.mul_f64(client.clock().speed().max(1.0)).as_secs();
    let spec = json!({
        "backoffLimit": 0, "ttlSecondsAfterFinished": seconds, "activeDeadlineSeconds": seconds,
        "template": { "spec": {
            "restartPolicy": "Never",
            "securityContext": { "runAsUser": 999, "runAsGroup": 999, "runAsNonRoot": true },
            "tolerations": [{ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }],
            // The real one runs `pause -v`, which prints its version and ends.
            "containers": [{ "name": "upgrade-health-check", "image": "registry.k8s.io/pause:3.10.1", "args": ["-v"] }],
        } },
    });
    let made = client.create(&JOB, json!({ "metadata": { "name": name, "namespace": "kube-system" }, "spec": spec }));
    made.map_err(|status| format!("could not create Job {name:?} in the namespace \"kube-system\": {status}"))?;
    for _ in 0..LOOKS {
        typed.pause(LOOK).await;
        let Some(job) = client.find(&JOB, "kube-system", &name) else { break };
        if meta::list(&job, "/status/conditions").iter().any(|one| one["type"] == "Complete" && one["status"] == "True")
        {
            return Ok(());
        }
    }
    let _ = client.delete(&JOB, "kube-system", &name, &DeleteOptions::default());
    Err(format!("Job {name:?} in the namespace \"kube-system\" did not complete in 15s: no condition of type Complete"))
}
