//! The phases of `kubeadm join` that every machine goes through: checks, and a kubelet that is configured, started and known to the cluster.
//! How its certificate is had stands in `bootstrap`. Source: `cmd/kubeadm/app/cmd/phases/join/{preflight,kubelet}.go`.

use std::time::Duration;

use super::super::Done;
use super::super::init::kubelet;
use super::super::preflight::{self, Findings};
use super::{Join, bootstrap, control_plane};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::node::NODE;

/// What is said of a worker in the end.
pub const DONE: &str = "\nThis node has joined the cluster:\n* Certificate signing request was sent to apiserver and a response was received.\n* The Kubelet was informed of the new secure connection details.\n\nRun 'kubectl get nodes' on the control-plane to see this node join the cluster.\n";

/// How long a kubelet takes to be healthy.
const LOOK: Duration = Duration::from_millis(500);

const KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";

/// Whether this machine can join, and the cluster be believed.
pub async fn preflight(join: &Join<'_>) -> Done {
    let (typed, asked) = (join.typed, &join.asked);
    typed.say("[preflight] Running pre-flight checks");
    let mut findings = Findings::default();
    for path in [KUBECONFIG, "/etc/kubernetes/bootstrap-kubelet.conf"] {
        findings.absent(typed, path)?;
    }
    preflight::machine(typed, (&asked.node.socket, None), &mut findings)?;
    if !asked.plane {
        findings.absent(typed, "/etc/kubernetes/pki/ca.crt")?;
    }
    findings.tell(typed, &asked.node.ignored)?;
    let found = join.found().await?;
    if asked.plane { control_plane::checks(join, &found.config) } else { Ok(()) }
}

/// Configures the kubelet and says that it is started; by itself it has its certificate then, too.
pub async fn start(join: &Join<'_>) -> Done {
    let (typed, name) = (join.typed, &join.typed.call.machine.name);
    let client = &join.found().await?.client;
    let is_ready = |node: &serde_json::Value| {
        meta::list(node, "/status/conditions").iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
    };
    if client.find(&NODE, "", name).is_some_and(|node| is_ready(&node)) {
        return Err(format!(
            "a Node with name {name:?} and status \"Ready\" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node"
        ));
    }
    if join.dry {
        typed.say("[kubelet-start] Would stop the kubelet\n[kubelet-start] Would start the kubelet");
        return Ok(());
    }
    kubelet::configure(typed, (client, &join.asked.node), !join.asked.plane)?;
    typed.say("[kubelet-start] Starting the kubelet");
    if join.alone { bootstrap::bootstrap(typed, &join.found().await?.token).await } else { Ok(()) }
}

/// Waits until the kubelet runs and has its certificate.
pub async fn wait(join: &Join<'_>) -> Done {
    let typed = join.typed;
    if join.dry {
        typed.say("[kubelet-wait] Would wait for the kubelet to be bootstrapped");
        return Ok(());
    }
    typed.say(
        "[kubelet-check] Waiting for a healthy kubelet at http://127.0.0.1:10248/healthz. This can take up to 4m0s",
    );
    let begun = typed.now();
    typed.pause(LOOK).await;
    // Otherwise the phase before has done it.
    let bootstrapped = match typed.root()?.exists(KUBECONFIG) {
        true => Ok(()),
        false => bootstrap::bootstrap(typed, &join.found().await?.token).await,
    };
    // A kubelet starts with its certificate here, so that one without cannot be looked at.
    if bootstrapped.is_ok() && !kubelet::runs(typed).await {
        return kubelet::unhealthy(typed, begun);
    }
    typed.say(format_args!("[kubelet-check] The kubelet is healthy after {}", kubelet::took(typed, begun)));
    typed.say("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap");
    bootstrapped
}
