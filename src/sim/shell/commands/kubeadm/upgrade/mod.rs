//! `kubeadm upgrade`: what it could be upgraded to, and the steps of it on each node.
//! Source: `cmd/kubeadm/app/cmd/upgrade`.

mod addons;
mod apply;
mod diff;
mod health;
mod node;
mod plan;
mod policy;
mod static_pods;

use super::{Done, Typed, cluster, manifests, preflight, release};
use crate::sim::shell::flags::Known;

static KNOWN: Known = &[
    ("yes", 'y', false),
    ("force", 'f', false),
    ("config", '\0', true),
    ("kubeconfig", '\0', true),
    ("dry-run", '\0', false),
    ("etcd-upgrade", '\0', false),
    ("certificate-renewal", '\0', false),
    ("ignore-preflight-errors", '\0', true),
    ("allow-experimental-upgrades", '\0', false),
    ("allow-release-candidate-upgrades", '\0', false),
    ("print-config", '\0', false),
    ("patches", '\0', true),
    ("skip-phases", '\0', true),
    ("api-server-manifest", '\0', true),
    ("controller-manager-manifest", '\0', true),
    ("scheduler-manifest", '\0', true),
    ("context-lines", 'c', true),
    ("output", 'o', true),
];

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    match typed.subcommand(&["apply", "diff", "node", "plan"])?.as_str() {
        "apply" => apply::run(typed).await,
        "diff" => diff::run(typed).await,
        "node" => node::run(typed).await,
        _ => plan::run(typed).await,
    }
}

/// A client, or why there is none.
async fn connect(typed: &Typed, path: &str) -> Result<crate::sim::apiserver::client::Client, String> {
    let client = cluster::connect(typed, path).await;
    client.map_err(|why| format!("couldn't create a Kubernetes client from file {path:?}: {why}"))
}
