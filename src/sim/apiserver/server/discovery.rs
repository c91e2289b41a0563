//! Discovery: which groups, versions and resources are served, in the aggregated and the old forms.
//! Source: `k8s.io/apiserver/pkg/endpoints/discovery/aggregated`; facts from a real 1.35 server.

use std::cmp::Reverse;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::endpoints::ApiServer;
use crate::sim::apiserver::registry::Resource;

/// What is served.
type Served = [&'static Resource];

/// The version that is simulated. A cluster may be born with another one and behaves like this all the same.
pub const VERSION: &str = "v1.35.4";

/// The groups in the order clients prefer them, each with its versions.
fn groups(served: &Served) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for resource in served {
        match groups.iter_mut().find(|(group, _)| *group == resource.group) {
            Some((_, versions)) if versions.contains(&resource.version) => {}
            Some((_, versions)) => versions.push(resource.version),
            None => groups.push((resource.group, vec![resource.version])),
        }
    }
    for (_, versions) in &mut groups {
        versions.sort_by_key(|&version| preference(version));
    }
    groups
}

/// What versions are sorted by: stable ones before betas before alphas, higher ones first, then all others by name
/// (`k8s.io/apimachinery/pkg/version/helpers.go`, CompareKubeAwareVersionStrings).
fn preference(version: &str) -> (u8, Reverse<u64>, Reverse<u64>, &str) {
    let read = || {
        let rest = version.strip_prefix('v')?;
        let (major, rest) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len()));
        let (stage, minor) = match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
            (Some(minor), _) => (1, minor.parse::<u64>().ok()?),
            (_, Some(minor)) => (2, minor.parse::<u64>().ok()?),
            _ if rest.is_empty() => (0, 0),
            _ => return None,
        };
        Some((stage, Reverse(major.parse::<u64>().ok()?), Reverse(minor), ""))
    };
    read().unwrap_or((3, Reverse(0), Reverse(0), version))
}

fn of(served: &Served, group: &str, version: &str) -> Vec<&'static Resource> {
    let mut found: Vec<&Resource> =
        served.iter().filter(|resource| resource.group == group && resource.version == version).copied().collect();
    found.sort_by_key(|resource| resource.plural);
    found
}

fn scope(resource: &Resource) -> &'static str {
    if resource.namespaced { "Namespaced" } else { "Cluster" }
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({ "group": group, "version": version, "kind": kind });
    let mut shown = json!({
        "resource": resource.plural,
        "responseKind": kind(resource.group, resource.version, resource.kind),
        "scope": scope(resource),
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        shown["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        shown["categories"] = json!(resource.categories);
    }
    if !resource.subresources.is_empty() {
        let mut below: Vec<Value> = Vec::new();
        for subresource in resource.subresources {
            let response = if subresource.kind.is_empty() {
                kind(resource.group, resource.version, resource.kind)
            } else {
                kind(subresource.group, subresource.version, subresource.kind)
            };
            below
                .push(json!({ "subresource": subresource.name, "responseKind": response, "verbs": subresource.verbs }));
        }
        shown["subresources"] = Value::Array(below);
    }
    shown
}

/// `/api` (core) or `/apis` in the aggregated form; `version` is `v2` or `v2beta1`.
pub fn aggregated(served: &Served, core: bool, version: &str) -> Value {
    let items: Vec<Value> = groups(served)
        .into_iter()
        .filter(|(group, _)| group.is_empty() == core)
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .into_iter()
                .map(|version| {
                    let resources: Vec<Value> =
                        of(served, group, version).into_iter().map(aggregated_resource).collect();
                    json!({ "version": version, "resources": resources, "freshness": "Current" })
                })
                .collect();
            let metadata = if core {
                json!({ "creationTimestamp": null })
            } else {
                json!({ "name": group, "creationTimestamp": null })
            };
            json!({ "metadata": metadata, "versions": versions })
        })
        .collect();
    json!({ "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {}, "items": items })
}

/// `/api` in the old form.
pub fn core_versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": address }],
    })
}

fn group(name: &str, versions: &[&str]) -> Value {
    let shown: Vec<Value> = versions
        .iter()
        .map(|version| json!({ "groupVersion": format!("{name}/{version}"), "version": version }))
        .collect();
    json!({ "name": name, "versions": shown, "preferredVersion": shown.first() })
}

/// `/apis` in the old form.
pub fn group_list(served: &Served) -> Value {
    let groups: Vec<Value> = groups(served)
        .iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, versions)| group(name, versions))
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/<group>`.
pub fn one_group(served: &Served, name: &str) -> Option<Value> {
    let (_, versions) = groups(served).into_iter().find(|(found, _)| *found == name && !name.is_empty())?;
    let mut shown = json!({ "kind": "APIGroup", "apiVersion": "v1" });
    for (key, value) in group(name, &versions).as_object_mut().map(std::mem::take).into_iter().flatten() {
        shown[key] = value;
    }
    Some(shown)
}

/// Which form objects are stored in, as eight bytes of a hash (`k8s.io/apiserver/pkg/endpoints/discovery/storageversionhash.go`).
fn storage_version_hash(resource: &'static Resource) -> String {
    let stored = resource.storage();
    // Kept in the form of the release before (`pkg/kubeapiserver/default_storage_factory_builder.go`, `apiextensions-apiserver/pkg/apiserver`).
    let version = match (stored.group, stored.kind) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") | ("storage.k8s.io", "VolumeAttributesClass") => "v1beta1",
        _ => stored.version,
    };
    let form = format!("{}/{version}/{}", stored.group, stored.kind);
    STANDARD.encode(&digest(&SHA256, form.as_bytes()).as_ref()[..8])
}

/// `/api/v1` or `/apis/<group>/<version>`: the resources and their subresources one after another.
pub fn resource_list(served: &Served, group: &str, version: &str) -> Option<Value> {
    let found = of(served, group, version);
    if found.is_empty() {
        return None;
    }
    let mut rows = Vec::new();
    for resource in found {
        let mut row = json!({
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": resource.verbs,
        });
        if !resource.short_names.is_empty() {
            row["shortNames"] = json!(resource.short_names);
        }
        if !resource.categories.is_empty() {
            row["categories"] = json!(resource.categories);
        }
        if resource.verbs.contains(&"create") && resource.verbs.contains(&"watch") {
            row["storageVersionHash"] = json!(storage_version_hash(resource));
        }
        rows.push(row);
        for subresource in resource.subresources {
            let mut row = json!({
                "name": format!("{}/{}", resource.plural, subresource.name),
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": if subresource.kind.is_empty() { resource.kind } else { subresource.kind },
                "verbs": subresource.verbs,
            });
            if !subresource.kind.is_empty() && !subresource.version.is_empty() {
                row["group"] = json!(subresource.group);
                row["version"] = json!(subresource.version);
            }
            rows.push(row);
        }
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = json!({ "kind": "APIResourceList" });
    // The list of the core group has always been without.
    if !group.is_empty() {
        list["apiVersion"] = json!("v1");
    }
    list["groupVersion"] = json!(group_version);
    list["resources"] = Value::Array(rows);
    Some(list)
}

/// The paths below `/apis`, in alphabetical order: each group, then its versions.
pub fn paths(served: &Served) -> Vec<String> {
    let of = |(group, versions): (&str, Vec<&str>)| {
        let versions: Vec<String> = versions.into_iter().map(|version| format!("/apis/{group}/{version}")).collect();
        std::iter::once(format!("/apis/{group}")).chain(versions)
    };
    let mut found: Vec<String> =
        groups(served).into_iter().filter(|(group, _)| !group.is_empty()).flat_map(of).collect();
    found.sort();
    found
}

/// The version of a server: that of the image in its static Pod, which an upgrade changes.
pub fn running(server: &ApiServer) -> String {
    let pods = server.storage.list("pods", Some("kube-system")).0;
    let mut own = pods.iter().filter(|pod| meta::label(pod, "component") == Some("kube-apiserver"));
    let image = own.next().and_then(|pod| meta::text(pod, "/spec/containers/0/image").rsplit_once(':'));
    image.map_or_else(|| VERSION.to_owned(), |(_, tag)| tag.to_owned())
}

/// `/version` of a server of a version.
pub fn version(version: &str) -> Value {
    let minor: u32 = version.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or_default();
    json!({
        "major": "1",
        "minor": minor.to_string(),
        "emulationMajor": "1",
        "emulationMinor": minor.to_string(),
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": minor.saturating_sub(1).to_string(),
        "gitVersion": version,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-04-15T00:00:00Z",
        "goVersion": "",
        "compiler": "kubedrill",
        "platform": "linux/amd64",
    })
}
