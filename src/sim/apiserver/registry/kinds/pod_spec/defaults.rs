//! What a PodSpec gets that leaves things out.
//! Pods get more than templates do: `pod` below. Source: `pkg/apis/core/v1/defaults.go` and `zz_generated.defaults.go`.

use serde_json::{Value, json};

use super::super::filling::{always, each, is_zero, part, zero};
use super::resources::may_overcommit;
use crate::object::{meta, pod_resources};

const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Defaults of a Pod template under `key`; makes the template where it is absent.
pub fn template(object: &mut Value, key: &str) {
    let template = meta::child(object, key);
    always(template, "metadata");
    pod_spec(meta::child(template, "spec"));
}

/// Defaults that only Pods themselves get, on top of [`pod_spec`].
pub fn pod(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        each(spec, list, |container| part(container, "resources", requests_from_limits));
    }
    whole(spec);
    meta::set_default(spec, "enableServiceLinks", true);
    if meta::truth(spec, "/hostNetwork") {
        for list in ["containers", "initContainers"] {
            each(spec, list, |container| each(container, "ports", host_port));
        }
    }
}

/// What a Pod that sets resources as a whole gets from its containers: limits of huge pages, then requests
/// (`defaultHugePagePodLimits`, `defaultPodRequests`).
fn whole(spec: &mut Value) {
    let is_set = |spec: &Value, list: &str| {
        meta::map(spec, &format!("/resources/{list}")).is_some_and(|quantities| !quantities.is_empty())
    };
    if !is_set(spec, "limits") && !is_set(spec, "requests") {
        return;
    }
    let limits = pod_resources::of_containers(spec, "limits");
    for (name, limit) in limits.into_iter().filter(|(name, _)| name.starts_with("hugepages-")) {
        let resources = meta::child(spec, "resources");
        if resources.pointer(&format!("/requests/{name}")).is_none() {
            meta::set_default(meta::child(resources, "limits"), &name, limit.to_string());
        }
    }
    if !is_set(spec, "limits") {
        return;
    }
    let asked = pod_resources::of_containers(spec, "requests");
    for (name, sum) in asked {
        if pod_resources::is_of_pod(&name) && may_overcommit(&name) {
            let requests = meta::child(meta::child(spec, "resources"), "requests");
            meta::set_default(requests, &name, sum.to_string());
        }
    }
    let limits = meta::map(spec, "/resources/limits").cloned().unwrap_or_default();
    for (name, limit) in limits.into_iter().filter(|(name, _)| pod_resources::is_of_pod(name)) {
        meta::set_default(meta::child(meta::child(spec, "resources"), "requests"), &name, limit);
    }
}

fn host_port(port: &mut Value) {
    let number = port["containerPort"].clone();
    zero(port, "hostPort", number);
}

fn requests_from_limits(resources: &mut Value) {
    let limits: Vec<(String, Value)> = meta::map(resources, "/limits")
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if limits.is_empty() {
        return;
    }
    let requests = meta::child(resources, "requests");
    for (name, value) in limits {
        meta::set_default(requests, &name, value);
    }
}

/// Defaults of every PodSpec.
pub fn pod_spec(spec: &mut Value) {
    zero(spec, "dnsPolicy", "ClusterFirst");
    zero(spec, "restartPolicy", "Always");
    zero(spec, "schedulerName", "default-scheduler");
    meta::set_default(spec, "securityContext", json!({}));
    meta::set_default(spec, "terminationGracePeriodSeconds", 30);
    account(spec);
    // Behind a gate that is closed (GenericWorkload).
    meta::remove(spec, "workloadRef");
    each(spec, "volumes", volume);
    for list in CONTAINER_LISTS {
        each(spec, list, container);
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`; the server writes both.
fn account(spec: &mut Value) {
    let old = meta::text(spec, "/serviceAccount").to_owned();
    if !old.is_empty() {
        zero(spec, "serviceAccountName", old);
    }
    let name = meta::text(spec, "/serviceAccountName").to_owned();
    if !name.is_empty() {
        spec["serviceAccount"] = json!(name);
    }
}

fn container(container: &mut Value) {
    let policy = pull_policy(meta::text(container, "/image"));
    zero(container, "imagePullPolicy", policy);
    always(container, "resources");
    zero(container, "terminationMessagePath", "/dev/termination-log");
    zero(container, "terminationMessagePolicy", "File");
    each(container, "ports", |port| zero(port, "protocol", "TCP"));
    each(container, "env", |variable| {
        part(variable, "valueFrom", |from| {
            part(from, "fieldRef", field_ref);
            part(from, "fileKeyRef", |file| meta::set_default(file, "optional", false));
        })
    });
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        part(container, kind, probe);
    }
    part(container, "lifecycle", |lifecycle| {
        for hook in ["postStart", "preStop"] {
            part(lifecycle, hook, |hook| part(hook, "httpGet", http_get));
        }
    });
    forget_stop_signal(container);
}

/// Signals to stop by are not known before the feature gate ContainerStopSignals is on, which it is not
/// (`pkg/api/pod/util.go`, dropContainerStopSignals).
fn forget_stop_signal(container: &mut Value) {
    let Some(lifecycle) = container.get_mut("lifecycle") else { return };
    let had = meta::remove(lifecycle, "stopSignal").is_some();
    if had && lifecycle.as_object().is_some_and(|rest| rest.is_empty()) {
        meta::remove(container, "lifecycle");
    }
}

/// `Always` where the tag is `latest` or left out, else `IfNotPresent`.
pub fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, false), |(name, _)| (name, true));
    let last = name.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        None if !digest => "Always",
        _ => "IfNotPresent",
    }
}

fn probe(probe: &mut Value) {
    for (key, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        zero(probe, key, value);
    }
    part(probe, "httpGet", http_get);
    part(probe, "grpc", |grpc| meta::set_default(grpc, "service", ""));
}

fn http_get(get: &mut Value) {
    zero(get, "path", "/");
    zero(get, "scheme", "HTTP");
}

fn field_ref(reference: &mut Value) {
    zero(reference, "apiVersion", "v1");
}

/// Fields of a volume that are no source.
fn has_source(volume: &Value) -> bool {
    volume.as_object().is_some_and(|map| map.iter().any(|(key, value)| key != "name" && !value.is_null()))
}

fn volume(volume: &mut Value) {
    if !has_source(volume) {
        meta::set_default(volume, "emptyDir", json!({}));
    }
    for kind in ["secret", "configMap", "downwardAPI", "projected"] {
        part(volume, kind, |source| meta::set_default(source, "defaultMode", 0o644));
    }
    part(volume, "downwardAPI", |source| each(source, "items", |item| part(item, "fieldRef", field_ref)));
    part(volume, "projected", |source| {
        meta::set_default(source, "sources", Value::Null);
        each(source, "sources", projection);
    });
    part(volume, "image", |source| {
        let policy = pull_policy(meta::text(source, "/reference"));
        zero(source, "pullPolicy", policy);
    });
    part(volume, "ephemeral", |source| {
        part(source, "volumeClaimTemplate", |template| {
            always(template, "metadata");
            claim_spec(meta::child(template, "spec"));
        })
    });
    volume_source(volume);
}

/// Defaults of a claim's spec.
pub fn claim_spec(spec: &mut Value) {
    always(spec, "resources");
    meta::set_default(spec, "volumeMode", "Filesystem");
}

fn projection(projection: &mut Value) {
    // Behind a gate that is closed (`pkg/api/pod/util.go`, dropDisabledClusterTrustBundleProjection).
    meta::remove(projection, "clusterTrustBundle");
    part(projection, "downwardAPI", |source| each(source, "items", |item| part(item, "fieldRef", field_ref)));
    part(projection, "serviceAccountToken", |token| meta::set_default(token, "expirationSeconds", 3600));
}

/// Defaults of sources that volumes and PersistentVolumes share.
pub fn volume_source(holder: &mut Value) {
    part(holder, "hostPath", |source| meta::set_default(source, "type", ""));
    part(holder, "iscsi", |source| zero(source, "iscsiInterface", "default"));
    part(holder, "rbd", |source| {
        for (key, value) in [("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")] {
            zero(source, key, value);
        }
    });
    part(holder, "azureDisk", |source| {
        meta::set_default(source, "cachingMode", "ReadWrite");
        meta::set_default(source, "fsType", "ext4");
        meta::set_default(source, "readOnly", false);
        meta::set_default(source, "kind", "Shared");
    });
    part(holder, "scaleIO", |source| {
        zero(source, "storageMode", "ThinProvisioned");
        zero(source, "fsType", "xfs");
    });
}

/// Whether a PodSpec says nothing about a field, as Go sees it.
pub fn unset(spec: &Value, key: &str) -> bool {
    is_zero(spec.get(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_decides_the_pull_policy() {
        let cases = [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("localhost:5000/nginx", "Always"),
            ("nginx@sha256:0123", "IfNotPresent"),
        ];
        for (image, policy) in cases {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
