//! What an upgrade writes into the cluster besides: configurations, CoreDNS and kube-proxy.
//! Source: `cmd/kubeadm/app/cmd/phases/upgrade`, `phases/addons`.

use serde_json::json;

use super::{Done, Typed, cluster, manifests};
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::registry::kinds::daemonset::DAEMONSET;
use crate::sim::apiserver::registry::kinds::deployment::DEPLOYMENT;
use crate::sim::shell::flags::Flags;

/// Uploads the configurations, as after the control plane.
pub fn upload(typed: &Typed, client: &Client, version: &str) -> Done {
    typed.say("[upload-config] Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace");
    cluster::store_version(client, version)?;
    typed.say("[kubelet] Creating a ConfigMap \"kubelet-config\" in namespace kube-system with the configuration for the kubelets in the cluster");
    Ok(())
}

/// Writes the kubelet's configuration on this machine, as the cluster has it, and keeps the old one.
pub fn kubelet(typed: &Typed, client: &Client, flags: &Flags) -> Done {
    let root = typed.root()?;
    let path = "/var/lib/kubelet/config.yaml";
    let folder = format!("/etc/kubernetes/tmp/kubeadm-kubelet-config-{}", typed.now().strftime("%Y-%m-%d-%H-%M-%S"));
    if flags.on("dry-run") {
        return Ok(());
    }
    typed.say(format_args!("[upgrade] Backing up kubelet config file to {folder}/config.yaml"));
    if let Ok(old) = root.read(path) {
        root.write(&format!("{folder}/config.yaml"), &old, 0o644).map_err(|error| error.to_string())?;
    }
    let map = client.get(&CONFIGMAP, "kube-system", "kubelet-config").map_err(|status| status.to_string())?;
    let text =
        map["data"]["kubelet"].as_str().ok_or_else(|| "the ConfigMap kubelet-config has no key kubelet".to_owned())?;
    root.write(path, text.as_bytes(), 0o644).map_err(|error| error.to_string())?;
    typed.say("[kubelet-start] Writing kubelet configuration to file \"/var/lib/kubelet/config.yaml\"");
    typed.say("[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!");
    Ok(())
}

/// Brings the add-ons to the version.
pub fn addons(typed: &Typed, client: &Client, version: &str) -> Done {
    let image = |component: &str| json!(manifests::image(component, version));
    let changed = client.modify(&DEPLOYMENT, "kube-system", "coredns", |dns| {
        dns["spec"]["template"]["spec"]["containers"][0]["image"] = image("coredns");
    });
    // A cluster without CoreDNS goes without it.
    if let Some(status) = changed.err().filter(|status| !status.is_not_found()) {
        return Err(status.to_string());
    }
    typed.say("[addons] Applied essential addon: CoreDNS");
    let changed = client.modify(&DAEMONSET, "kube-system", "kube-proxy", |proxy| {
        proxy["spec"]["template"]["spec"]["containers"][0]["image"] = image("kube-proxy");
    });
    changed.map_err(|status| status.to_string())?;
    typed.say("[addons] Applied essential addon: kube-proxy");
    Ok(())
}
