//! The checks that level restricted adds: as little as a Pod can do with.
//! Source: `k8s.io/pod-security-admission/policy/check_*.go`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::baseline::{self, bad_seccomp};
use super::words::{containers, plural, quoted, setters};
use super::{Subject, Violation};
use crate::object::meta;

const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

pub fn privilege_escalation(subject: Subject) -> Option<Violation> {
    if subject.is_windows() {
        return None;
    }
    let forbids =
        |container: &Value| container.pointer("/securityContext/allowPrivilegeEscalation") == Some(&Value::Bool(false));
    let names = subject.named(|container| !forbids(container));
    let detail = || format!("{} must set securityContext.allowPrivilegeEscalation=false", containers(&names));
    (!names.is_empty()).then(|| ("allowPrivilegeEscalation != false".to_owned(), detail()))
}

pub fn capabilities(subject: Subject) -> Option<Violation> {
    if subject.is_windows() {
        return None;
    }
    let drops_all = |container: &Value| {
        meta::list(container, "/securityContext/capabilities/drop").iter().any(|name| name == "ALL")
    };
    let added = |container: &Value| -> Vec<String> {
        let added = meta::list(container, "/securityContext/capabilities/add").iter().filter_map(Value::as_str);
        added.filter(|name| *name != "NET_BIND_SERVICE").map(str::to_owned).collect()
    };
    let keeping = subject.named(|container| !drops_all(container));
    let adding = subject.named(|container| !added(container).is_empty());
    let mut details = Vec::new();
    if !keeping.is_empty() {
        details.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", containers(&keeping)));
    }
    if !adding.is_empty() {
        let found: BTreeSet<String> = subject.containers().flat_map(added).collect();
        let found = quoted(found.iter().map(String::as_str));
        details.push(format!("{} must not include {found} in securityContext.capabilities.add", containers(&adding)));
    }
    (!details.is_empty()).then(|| ("unrestricted capabilities".to_owned(), details.join("; ")))
}

pub fn volumes(subject: Subject) -> Option<Violation> {
    let source = |volume: &Value| {
        let keys = volume.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        keys.into_iter().find(|key| *key != "name").unwrap_or("unknown").to_owned()
    };
    let volumes = meta::list(subject.spec, "/volumes").iter();
    let bad: Vec<(&str, String)> = volumes
        .map(|volume| (meta::text(volume, "/name"), source(volume)))
        .filter(|(_, source)| !VOLUMES.contains(&source.as_str()))
        .collect();
    let kinds: BTreeSet<&str> = bad.iter().map(|(_, source)| source.as_str()).collect();
    let detail = || {
        let volumes = plural("volume", "volumes", bad.len());
        let uses = plural("uses", "use", bad.len());
        let types = plural("restricted volume type", "restricted volume types", kinds.len());
        let names = quoted(bad.iter().map(|(name, _)| *name));
        format!("{volumes} {names} {uses} {types} {}", quoted(kinds.iter().copied()))
    };
    (!bad.is_empty()).then(|| ("restricted volume types".to_owned(), detail()))
}

pub fn run_as_non_root(subject: Subject) -> Option<Violation> {
    if subject.has_own_users() {
        return None;
    }
    let reason = "runAsNonRoot != true".to_owned();
    let says = |object: &Value| object.pointer("/securityContext/runAsNonRoot").and_then(Value::as_bool);
    let pod = says(subject.spec);
    if let Some(who) = setters(pod == Some(false), &subject.named(|container| says(container) == Some(false))) {
        return Some((reason, format!("{who} must not set securityContext.runAsNonRoot=false")));
    }
    let silent = subject.named(|container| says(container).is_none() && pod != Some(true));
    let detail = || format!("pod or {} must set securityContext.runAsNonRoot=true", containers(&silent));
    (!silent.is_empty()).then(|| (reason, detail()))
}

pub fn run_as_user(subject: Subject) -> Option<Violation> {
    if subject.has_own_users() {
        return None;
    }
    let root = |object: &Value| meta::number(object, "/securityContext/runAsUser") == Some(0);
    let who = setters(root(subject.spec), &subject.named(root))?;
    Some(("runAsUser=0".to_owned(), format!("{who} must not set runAsUser=0")))
}

pub fn seccomp(subject: Subject) -> Option<Violation> {
    if subject.is_windows() {
        return None;
    }
    if let Some(found) = baseline::seccomp(subject) {
        return Some(found);
    }
    let at = "/securityContext/seccompProfile/type";
    let pod = subject.spec.pointer(at).and_then(Value::as_str).is_some_and(|kind| !bad_seccomp(kind));
    let silent = subject.named(|container| container.pointer(at).is_none() && !pod);
    let detail = || {
        format!(
            "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
            containers(&silent)
        )
    };
    (!silent.is_empty()).then(|| ("seccompProfile".to_owned(), detail()))
}
