//! The manifests of the control plane as this kubeadm writes them, and the images in them.
//! The texts are the machine's (`machine/lay`). Source: `cmd/kubeadm/app/{images,phases/controlplane,phases/etcd}`.

use serde_json::{Value, json};

use super::registration::arguments;
use super::{Typed, configuration};
use crate::object::meta;
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

/// Everything an image is pulled for, in kubeadm's order.
pub const IMAGES: [&str; 7] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns", "pause", "etcd"];

/// The image of a component in a cluster of this configuration.
pub fn image_in(cluster: &Value, component: &str, version: &str) -> String {
    let usual = image(component, version);
    let text = |pointer: &str| Some(meta::text(cluster, pointer)).filter(|text| !text.is_empty());
    let own = match component {
        "coredns" => Some("/dns"),
        "etcd" => Some("/etcd/local"),
        _ => None,
    };
    let part = |key: &str| own.and_then(|own| text(&format!("{own}/{key}")));
    let (name, tag) = usual.rsplit_once(':').unwrap_or((&usual, ""));
    let repository = part("imageRepository").or(text("/imageRepository")).unwrap_or("registry.k8s.io");
    // The image of CoreDNS lies in a folder of its own in Kubernetes' registry, and nowhere else.
    let name = match (component, repository) {
        (_, "registry.k8s.io") => name.to_owned(),
        ("coredns", repository) => format!("{repository}/coredns"),
        (_, repository) => name.replacen("registry.k8s.io", repository, 1),
    };
    format!("{name}:{}", part("imageTag").unwrap_or(tag))
}

/// The manifest of a component in a release, as it is written for this machine in a cluster of this configuration.
pub fn text(typed: &Typed, component: &str, (cluster, version): (&Value, &str)) -> Result<String, String> {
    let fresh = typed.call.inside.machines.manifest(&typed.call.machine, component);
    let mut fresh = fresh.ok_or_else(|| format!("there is no component {component:?}"))?;
    let own = match component {
        "etcd" => "etcd/local",
        "kube-apiserver" => "apiServer",
        "kube-controller-manager" => "controllerManager",
        _ => "scheduler",
    };
    for (name, value) in configured(component, cluster) {
        fresh = with_flag(&fresh, name, value.as_deref());
    }
    if let Some(folder) = cluster.pointer("/etcd/local/dataDir").and_then(Value::as_str).filter(|_| component == "etcd")
    {
        fresh = fresh.replace("/var/lib/etcd", folder);
    }
    fresh = with_extra(&fresh, &arguments(cluster.pointer(&format!("/{own}/extraArgs"))));
    let fresh = with_image(&fresh, &image_in(cluster, component, version));
    with_extra_volumes(fresh, cluster.pointer(&format!("/{own}")).unwrap_or(&Value::Null))
}

/// The flags that follow from the cluster's networks, and their values if they are there.
fn configured(component: &str, cluster: &Value) -> Vec<(&'static str, Option<String>)> {
    let text = |pointer: &str| Some(meta::text(cluster, pointer).to_owned()).filter(|text| !text.is_empty());
    let (services, pods) = (text("/networking/serviceSubnet"), text("/networking/podSubnet"));
    match component {
        "kube-apiserver" => vec![
            ("service-cluster-ip-range", services),
            (
                "service-account-issuer",
                text("/networking/dnsDomain").map(|domain| format!("https://kubernetes.default.svc.{domain}")),
            ),
        ],
        "kube-controller-manager" => vec![
            ("allocate-node-cidrs", pods.as_ref().map(|_| "true".to_owned())),
            ("service-cluster-ip-range", services.filter(|_| pods.is_some())),
            ("cluster-cidr", pods),
            ("cluster-name", text("/clusterName")),
        ],
        _ => Vec::new(),
    }
}

/// The same manifest with further flags behind its own; one that it has gives way.
/// Source: `cmd/kubeadm/app/util/arguments.go`, ArgumentsToCommand.
fn with_extra(manifest: &str, extra: &[(String, String)]) -> String {
    let is_flag = |line: &str| line.trim_start().starts_with("- --");
    let gives_way = |line: &str| extra.iter().any(|(name, _)| line.starts_with(&format!("    - --{name}=")));
    let mut lines: Vec<String> = manifest.lines().filter(|line| !gives_way(line)).map(str::to_owned).collect();
    let last = lines.iter().rposition(|line| is_flag(line)).map_or(0, |last| last + 1);
    let further = extra.iter().map(|(name, value)| scalar(&format!("--{name}={value}")));
    lines.splice(last..last, further.map(|word| format!("    - {word}")));
    lines.join("\n") + "\n"
}

/// A text as YAML has it in a list; where quotes are needed, in single ones, as Go writes it.
fn scalar(text: &str) -> String {
    let written = serde_yaml::to_string(&text).map_or_else(|_| text.to_owned(), |yaml| yaml.trim_end().to_owned());
    let needs = written.starts_with('"') && !text.chars().any(char::is_control);
    if needs { format!("'{}'", text.replace('\'', "''")) } else { written }
}

/// The same manifest with the further volumes and variables of a component's configuration.
fn with_extra_volumes(manifest: String, own: &Value) -> Result<String, String> {
    let (volumes, variables) = (meta::list(own, "/extraVolumes"), meta::list(own, "/extraEnvs"));
    if volumes.is_empty() && variables.is_empty() {
        return Ok(manifest);
    }
    let mut pod: Value = serde_yaml::from_str(&manifest).map_err(|error| error.to_string())?;
    let mut add = |pointer: &str, item: Value| {
        let list = pod.pointer_mut(pointer).and_then(Value::as_array_mut);
        list.into_iter().for_each(|list| {
            list.retain(|known| known["name"] != item["name"]);
            list.push(item.clone());
            list.sort_by(|one, other| meta::text(one, "/name").cmp(meta::text(other, "/name")));
        });
    };
    for volume in volumes {
        let text = |key: &str| meta::text(volume, key);
        let mut mount = json!({ "mountPath": text("/mountPath"), "name": text("/name") });
        if meta::truth(volume, "/readOnly") {
            mount["readOnly"] = json!(true);
        }
        add("/spec/containers/0/volumeMounts", mount);
        let path = json!({ "path": text("/hostPath"), "type": text("/pathType") });
        add("/spec/volumes", json!({ "hostPath": path, "name": text("/name") }));
    }
    if !variables.is_empty() {
        pod["spec"]["containers"][0]["env"] = json!(variables);
    }
    configuration::yaml(&pod)
}

/// The same manifest with another value of a flag, or without it. Flags stand in the order of their names.
pub fn with_flag(manifest: &str, name: &str, value: Option<&str>) -> String {
    let is_flag = |line: &&str| line.trim_start().starts_with("- --");
    let own = format!("    - --{name}=");
    let mut lines: Vec<String> = manifest.lines().filter(|line| !line.starts_with(&own)).map(str::to_owned).collect();
    if let Some(value) = value {
        let first = lines.iter().position(|line| is_flag(&line.as_str())).unwrap_or_default();
        let flags =
            lines[first..].iter().take_while(|line| is_flag(&line.as_str())).filter(|line| **line < own).count();
        lines.insert(first + flags, format!("{own}{value}"));
    }
    lines.join("\n") + "\n"
}

/// The same manifest with another image.
pub fn with_image(manifest: &str, image: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("image: ") {
        Some(_) => format!("{}image: {image}\n", &line[..line.len() - line.trim_start().len()]),
        None => format!("{line}\n"),
    };
    manifest.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_besides_stands_behind_and_instead() {
        let manifest = "spec:\n  containers:\n  - command:\n    - etcd\n    - --b=1\n    - --d=2\n    image: x\n    volumeMounts:\n    - mountPath: /a\n      name: a\n  volumes:\n  - hostPath:\n      path: /a\n    name: a\n";
        let extra = [("b".to_owned(), "7".to_owned()), ("a".to_owned(), "x: y".to_owned())];
        let with = with_extra(manifest, &extra);
        assert!(with.contains("    - etcd\n    - --d=2\n    - --b=7\n    - '--a=x: y'\n    image: x\n"), "{with}");
        let own = json!({ "extraVolumes": [{ "name": "audit", "hostPath": "/var/log", "mountPath": "/log", "readOnly": true, "pathType": "Directory" }] });
        let with = with_extra_volumes(manifest.to_owned(), &own).unwrap();
        assert!(with.contains("    - mountPath: /log\n      name: audit\n      readOnly: true\n"), "{with}");
        assert!(
            with.contains("  - hostPath:\n      path: /var/log\n      type: Directory\n    name: audit\n"),
            "{with}"
        );
        assert_eq!(with_extra_volumes(manifest.to_owned(), &json!({})).unwrap(), manifest);
    }

    #[test]
    fn images_come_from_where_the_configuration_says() {
        let own = json!({ "imageRepository": "own.example", "dns": { "imageTag": "v1.9.9" }, "etcd": { "local": { "imageRepository": "etcd.example" } } });
        assert_eq!(image_in(&own, "coredns", "v1.35.4"), "own.example/coredns:v1.9.9");
        assert_eq!(image_in(&own, "kube-proxy", "v1.35.4"), "own.example/kube-proxy:v1.35.4");
        assert!(image_in(&own, "etcd", "v1.35.4").starts_with("etcd.example/etcd:"));
        assert!(image_in(&json!({}), "coredns", "v1.35.4").starts_with("registry.k8s.io/coredns/coredns:v"));
    }

    #[test]
    fn flags_are_put_where_kubeadm_sorts_them() {
        let manifest = "spec:\n  containers:\n  - command:\n    - etcd\n    - --b=1\n    - --d=2\n    image: x\n";
        assert_eq!(with_flag(manifest, "b", Some("7")), manifest.replace("b=1", "b=7"));
        assert_eq!(with_flag(manifest, "c", Some("3")), manifest.replace("--d", "--c=3\n    - --d"));
        assert_eq!(with_flag(manifest, "e", Some("3")), manifest.replace("--d=2", "--d=2\n    - --e=3"));
        assert_eq!(with_flag(manifest, "d", None), manifest.replace("    - --d=2\n", ""));
    }
}
