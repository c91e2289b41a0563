//! What an upgrade writes into the cluster besides: configurations, CoreDNS and kube-proxy.
//! Source: `cmd/kubeadm/app/cmd/phases/upgrade`, `phases/addons`.

use super::super::addons::{coredns, is_disabled, kube_proxy, print as printed, proxy_configuration, words};
use super::super::init::settings::Settings;
use super::{Done, Typed, cluster};
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::bootstrap::{Part, Words};
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
        return rehearse_kubelet(typed, client);
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

/// Says what would be written for the kubelet of this machine.
pub fn rehearse_kubelet(typed: &Typed, client: &Client) -> Done {
    let stamp = typed.now().strftime("%Y-%m-%d-%H-%M-%S");
    let folder = format!("/etc/kubernetes/tmp/kubeadm-kubelet-config-{stamp}");
    let map = client.get(&CONFIGMAP, "kube-system", "kubelet-config").map_err(|status| status.to_string())?;
    typed.say(format_args!("[dryrun] Would back up kubelet config file to {folder}/config.yaml"));
    typed.say("[dryrun] Would write file \"/var/lib/kubelet/config.yaml\" with content:");
    typed.call.print(map["data"]["kubelet"].as_str().unwrap_or_default());
    typed.say("[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!");
    Ok(())
}

/// Prints the add-ons as they would be in another version.
pub fn print(typed: &Typed, client: &Client, version: &str) -> Done {
    let mut settings = Settings::of_cluster(typed, cluster::stored(client)?);
    version.clone_into(&mut settings.version);
    let words = words_of(typed, &settings)?;
    for (addon, part) in [("coredns", Part::CoreDns), ("kube-proxy", Part::KubeProxy)] {
        if !is_disabled(&settings.cluster, addon) {
            printed(typed, part, &words)?;
        }
    }
    Ok(())
}

fn words_of(typed: &Typed, settings: &Settings) -> Result<Words, String> {
    let path = format!("{}/ca.crt", settings.folder());
    let authority = typed.root()?.text(&path).map_err(|_| format!("open {path}: no such file or directory"))?;
    words(typed, settings, &authority)
}

/// Brings the add-ons to what the cluster's configuration says now. kube-proxies keep what they were configured with.
pub fn addons(typed: &Typed, client: &Client) -> Done {
    let settings = Settings::of_cluster(typed, cluster::stored(client)?);
    let words = || words_of(typed, &settings);
    if is_disabled(&settings.cluster, "coredns") {
        typed.say("[upgrade/addon] Skipping the addon/coredns phase. The addon is disabled.");
    } else {
        coredns(typed, client, words()?)?;
    }
    if is_disabled(&settings.cluster, "kube-proxy") {
        typed.say("[upgrade/addon] Skipping the addon/kube-proxy phase. The addon is disabled.");
        return Ok(());
    }
    kube_proxy(typed, client, (&words()?, &proxy_configuration(client)))
}
