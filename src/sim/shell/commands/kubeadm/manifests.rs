//! The manifests of the control plane as this kubeadm writes them, and the images in them.
//! The texts are the machine's (`machine/lay`). Source: `cmd/kubeadm/app/{images,phases/controlplane,phases/etcd}`.

use super::{Done, Typed};
use crate::sim::machine::packages::offers;

/// The folder of the manifests.
pub const FOLDER: &str = "/etc/kubernetes/manifests";

/// The components in the order in which they are upgraded.
pub const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// Where a component's manifest is.
pub fn path(component: &str) -> String {
    format!("{FOLDER}/{component}.yaml")
}

/// The image of a component in a release.
pub fn image(component: &str, version: &str) -> String {
    let parts = offers::parts(version);
    match component {
        "etcd" => format!("registry.k8s.io/etcd:{}", parts.etcd),
        "coredns" => format!("registry.k8s.io/coredns/coredns:{}", parts.coredns),
        "pause" => "registry.k8s.io/pause:3.10.1".to_owned(),
        component => format!("registry.k8s.io/{component}:{version}"),
    }
}

/// All images of a release, in kubeadm's order.
pub fn images(version: &str) -> Vec<String> {
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns", "pause", "etcd"]
        .map(|component| image(component, version))
        .to_vec()
}

/// The manifest of a component in a release, as it is written for this machine.
pub fn text(typed: &Typed, component: &str, version: &str) -> Result<String, String> {
    let fresh = typed.call.inside.machines.manifest(&typed.call.machine, component);
    let fresh = fresh.ok_or_else(|| format!("there is no component {component:?}"))?;
    Ok(with_image(&fresh, &image(component, version)))
}

/// The same manifest with another image.
pub fn with_image(manifest: &str, image: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("image: ") {
        Some(_) => format!("{}image: {image}\n", &line[..line.len() - line.trim_start().len()]),
        None => format!("{line}\n"),
    };
    manifest.lines().map(line).collect()
}

/// Writes a component's manifest where the kubelet looks.
pub fn write(typed: &Typed, component: &str, version: &str) -> Done {
    let text = text(typed, component, version)?;
    typed.root()?.write(&path(component), text.as_bytes(), 0o600).map_err(|error| error.to_string())
}
