//! The words the checks share: who sets something, quoted and counted; and walking over containers.
//! Source: `k8s.io/pod-security-admission/policy/{helpers,visitor}.go`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Subject;
use crate::object::meta;

/// `"a", "b"`.
pub fn quoted<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    items.into_iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(", ")
}

/// One word for one, another for more.
pub fn plural<'a>(one: &'a str, more: &'a str, count: usize) -> &'a str {
    if count == 1 { one } else { more }
}

/// `container "a"`, `containers "a", "b"`.
pub fn containers(names: &[&str]) -> String {
    format!("{} {}", plural("container", "containers", names.len()), quoted(names.iter().copied()))
}

/// `pod and container "a"`: who sets something bad; none when nobody does.
pub fn setters(pod: bool, names: &[&str]) -> Option<String> {
    let pod = pod.then(|| "pod".to_owned());
    let named = (!names.is_empty()).then(|| containers(names));
    let all: Vec<String> = pod.into_iter().chain(named).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

impl<'a> Subject<'a> {
    /// Every container: init containers first, ephemeral ones last.
    pub fn containers(self) -> impl Iterator<Item = &'a Value> {
        ["/initContainers", "/containers", "/ephemeralContainers"]
            .into_iter()
            .flat_map(move |list| meta::list(self.spec, list))
    }

    /// The names of the containers of which something holds.
    pub fn named(self, is_bad: impl Fn(&Value) -> bool) -> Vec<&'a str> {
        self.containers().filter(|container| is_bad(container)).map(|it| meta::text(it, "/name")).collect()
    }

    /// Whether Pods of Windows are meant, which some checks leave alone since 1.25.
    pub fn is_windows(self) -> bool {
        self.minor >= 25 && meta::text(self.spec, "/os/name") == "windows"
    }

    /// Whether the Pod has users of its own, which relaxes some checks since 1.35.
    pub fn has_own_users(self) -> bool {
        self.minor >= 35 && self.spec.get("hostUsers") == Some(&Value::Bool(false))
    }
}

/// Bad values of one field of pod and containers: who sets them, and to what.
pub fn values<'a>(
    subject: Subject<'a>,
    field: &str,
    is_bad: impl Fn(&str) -> bool,
) -> (bool, Vec<&'a str>, BTreeSet<&'a str>) {
    let at = format!("/securityContext/{field}");
    let bad = |object: &'a Value| object.pointer(&at).and_then(Value::as_str).filter(|value| is_bad(value));
    let mut found = BTreeSet::new();
    let pod = bad(subject.spec);
    found.extend(pod);
    let mut names = Vec::new();
    for container in subject.containers() {
        if let Some(value) = bad(container) {
            found.insert(value);
            names.push(meta::text(container, "/name"));
        }
    }
    (pod.is_some(), names, found)
}
