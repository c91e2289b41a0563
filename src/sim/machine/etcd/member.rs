//! The etcd that a static Pod's manifest describes, as far as clients of it and its data directory go.
//! Whether it runs is the kubelet's.

use serde_json::Value;

use crate::object::meta;
use crate::sim::machine::root::Root;

/// Where kubeadm's kubelets find static Pods.
const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// A member, by its flags. Paths are the node's, not the container's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub data: String,
    /// `--cert-file` and `--key-file`; empty where it speaks without TLS.
    pub certificate: String,
    pub key: String,
    /// `--trusted-ca-file`.
    pub trusted: String,
    /// Whether clients must have a certificate.
    pub client_auth: bool,
    /// Where clients reach it, and where it says they do.
    pub listens: Vec<String>,
    pub advertises: Vec<String>,
    /// Where its peers do.
    pub peers: Vec<String>,
}

impl Member {
    /// The member that a machine's manifests describe, if they describe one.
    pub fn of(root: &Root) -> Option<Self> {
        let names = root.list(MANIFESTS).ok()?;
        let manifests = names.iter().filter(|name| !name.starts_with('.'));
        manifests.filter_map(|name| root.text(&format!("{MANIFESTS}/{name}")).ok()).find_map(|text| Self::read(&text))
    }

    /// The member a manifest describes; `None` where it is of something else, or broken.
    pub fn read(manifest: &str) -> Option<Self> {
        let pod: Value = serde_yaml::from_str(manifest).ok()?;
        let containers = meta::list(&pod, "/spec/containers");
        containers.iter().find_map(|container| Self::of_container(&pod, container))
    }

    fn of_container(pod: &Value, container: &Value) -> Option<Self> {
        let texts = |list| meta::list(container, list).iter().filter_map(Value::as_str).collect::<Vec<_>>();
        let words = [texts("/command"), texts("/args")].concat();
        let program = words.first()?.rsplit('/').next()?;
        if program != "etcd" {
            return None;
        }
        let flag = |name: &str| {
            let prefix = format!("--{name}=");
            words.iter().rev().find_map(|word| word.strip_prefix(&prefix)).unwrap_or_default()
        };
        let path = |name: &str| on_node(pod, container, flag(name));
        let urls = |name: &str| flag(name).split(',').filter(|url| !url.is_empty()).map(str::to_owned).collect();
        Some(Self {
            name: flag("name").to_owned(),
            data: path("data-dir"),
            certificate: path("cert-file"),
            key: path("key-file"),
            trusted: path("trusted-ca-file"),
            client_auth: flag("client-cert-auth") == "true",
            listens: urls("listen-client-urls"),
            advertises: urls("advertise-client-urls"),
            peers: urls("initial-advertise-peer-urls"),
        })
    }
}

/// A container's path on the node; a path that is mounted from nowhere is the container's own, and empty here.
fn on_node(pod: &Value, container: &Value, path: &str) -> String {
    let mounts = meta::list(container, "/volumeMounts").iter().filter_map(|mount| {
        let at = meta::text(mount, "/mountPath").trim_end_matches('/');
        let below = path.strip_prefix(at).filter(|below| below.is_empty() || below.starts_with('/'))?;
        let volumes = meta::list(pod, "/spec/volumes");
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"])?;
        let host = volume.pointer("/hostPath/path")?.as_str()?.trim_end_matches('/');
        Some((at.len(), format!("{host}{below}")))
    });
    mounts.max_by_key(|(length, _)| *length).map(|(_, path)| path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = include_str!("../../../../assets/machine/manifests/etcd.yaml");

    #[test]
    fn paths_of_the_container_are_found_on_the_node() {
        let member = Member::read(MANIFEST).unwrap();
        assert_eq!((member.data.as_str(), member.client_auth), ("/var/lib/etcd", true));
        assert_eq!(member.certificate, "/etc/kubernetes/pki/etcd/server.crt");
        assert_eq!(member.listens.len(), 2);
        let restored = MANIFEST.replace("path: /var/lib/etcd\n", "path: /var/lib/etcd-restored\n");
        assert_eq!(Member::read(&restored).unwrap().data, "/var/lib/etcd-restored");
        let both = restored.replace("--data-dir=/var/lib/etcd", "--data-dir=/var/lib/etcd/new");
        assert_eq!(Member::read(&both).unwrap().data, "/var/lib/etcd-restored/new");
        let unmounted = MANIFEST.replace("--data-dir=/var/lib/etcd", "--data-dir=/var/lib/elsewhere");
        assert_eq!(Member::read(&unmounted).unwrap().data, "");
        assert_eq!(Member::read("kind: Pod"), None);
    }
}
