//! `kubeadm upgrade node`: workers, and further control-plane nodes.
//! Source: `cmd/kubeadm/app/cmd/upgrade/node.go`, `cmd/phases/upgrade/node`.

use super::static_pods::{self, Upgrade};
use super::{Done, KNOWN, Typed, addons, cluster, connect, manifests};

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    if typed.words.first().is_some_and(|word| word == "phase") {
        return Err("phases of `upgrade node` are not simulated by this practice cluster".to_owned());
    }
    let flags = typed.flags(KNOWN)?;
    let plane = typed.root()?.exists(&manifests::path("kube-apiserver"));
    let usual = if plane { cluster::ADMIN } else { "/etc/kubernetes/kubelet.conf" };
    let client = match flags.get("kubeconfig") {
        Some(path) => connect(typed, path).await?,
        None if plane => connect(typed, usual).await?,
        None => worker(typed).await?,
    };
    let config = cluster::configuration(typed, &client, "upgrade")
        .map_err(|why| format!("unable to fetch the kubeadm-config ConfigMap: {why}"))?;
    let version = config["kubernetesVersion"].as_str().unwrap_or_default().to_owned();
    typed.say("[upgrade/preflight] Running pre-flight checks");
    if plane {
        typed.say("[upgrade/preflight] Pulling images required for setting up a Kubernetes cluster\n[upgrade/preflight] This might take a minute or two, depending on the speed of your internet connection\n[upgrade/preflight] You can also perform this action beforehand using 'kubeadm config images pull'");
        typed.say(format_args!(
            "[upgrade/control-plane] Upgrading your Static Pod-hosted control plane instance to version {version:?}..."
        ));
        let upgrade = Upgrade { version: &version, renew: true, etcd: true };
        static_pods::run(typed, &client, &upgrade)
            .await
            .map_err(|why| format!("error execution phase control-plane: {why}"))?;
        typed.say("[upgrade/control-plane] The control plane instance for this node was successfully upgraded!");
        typed.say("[upgrade/kubeconfig] The kubeconfig files for this node were successfully upgraded!");
    } else {
        typed.say("[upgrade/preflight] Skipping prepull. Not a control plane node.\n[upgrade/control-plane] Skipping phase. Not a control plane node.\n[upgrade/kubeconfig] Skipping phase. Not a control plane node.");
    }
    addons::kubelet(typed, &client, &flags).map_err(|why| format!("error execution phase kubelet-config: {why}"))?;
    if !plane {
        typed.say("[upgrade/addon] Skipping the addon/coredns phase. Not a control plane node.\n[upgrade/addon] Skipping the addon/kube-proxy phase. Not a control plane node.");
    }
    Ok(())
}

/// A worker's way to the API server: its kubelet's.
async fn worker(typed: &Typed) -> Result<crate::sim::apiserver::client::Client, String> {
    let path = "/etc/kubernetes/kubelet.conf";
    let text = typed.root()?.text(path).map_err(|_| {
        format!("couldn't create a Kubernetes client from file {path:?}: failed to load admin kubeconfig: open {path}: no such file or directory")
    })?;
    let config: serde_json::Value = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap_or_default();
    cluster::answers(typed, server).await?;
    Ok(typed.call.inside.client.clone())
}
