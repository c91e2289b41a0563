//! Asks the checks of a namespace's policy about Pods, workloads and, when the policy changes, the Pods that are there.
//! Source: `k8s.io/pod-security-admission/admission/admission.go`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{Attributes, Operation};
use super::policy::{self, Level, LevelVersion};
use super::{CHECKS, Subject, Violation};
use crate::object::meta;
use crate::sim::apiserver::status::{Result, Status};

/// How many Pods of a namespace are looked at when its policy changes.
const MOST_PODS: usize = 3000;

pub fn validate(attributes: &Attributes, object: &Value) -> Result<()> {
    if !matches!(attributes.operation, Operation::Create | Operation::Update) {
        return Ok(());
    }
    match (attributes.resource.group, attributes.resource.plural, attributes.subresource) {
        ("", "namespaces", "") => namespace(attributes, object),
        ("", "pods", "" | "ephemeralcontainers" | "resize") => pod(attributes, object),
        ("", "replicationcontrollers", "") => template(attributes, object, "/spec/template"),
        ("", "podtemplates", "") => template(attributes, object, "/template"),
        ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets", "") | ("batch", "jobs", "") => {
            template(attributes, object, "/spec/template")
        }
        ("batch", "cronjobs", "") => template(attributes, object, "/spec/jobTemplate/spec/template"),
        _ => Ok(()),
    }
}

fn pod(attributes: &Attributes, pod: &Value) -> Result<()> {
    let Some(namespace) = attributes.namespace_object() else { return Ok(()) };
    let (policy, _) = policy::of(&namespace);
    if attributes.old.is_some_and(|old| !changes_matter(pod, old)) {
        return Ok(());
    }
    let found = violations(policy.enforce, pod);
    if !found.is_empty() {
        let why = format!("violates PodSecurity \"{}\": {}", policy.enforce, detail(&found));
        return Err(attributes.forbidden(pod, &why));
    }
    warn(attributes, policy.warn, pod);
    Ok(())
}

fn template(attributes: &Attributes, object: &Value, pointer: &str) -> Result<()> {
    let (Some(namespace), Some(template)) = (attributes.namespace_object(), object.pointer(pointer)) else {
        return Ok(());
    };
    warn(attributes, policy::of(&namespace).0.warn, template);
    Ok(())
}

fn warn(attributes: &Attributes, level: LevelVersion, pod: &Value) {
    let found = violations(level, pod);
    if !found.is_empty() {
        attributes.warn(format!("would violate PodSecurity \"{level}\": {}", detail(&found)));
    }
}

/// Whether an update touches what the checks look at: other containers or other images.
fn changes_matter(pod: &Value, old: &Value) -> bool {
    let images = |pod: &Value, list: &str| -> Vec<(String, String)> {
        let each = meta::list(pod, list).iter();
        each.map(|it| (meta::text(it, "/name").to_owned(), meta::text(it, "/image").to_owned())).collect()
    };
    ["/spec/containers", "/spec/initContainers", "/spec/ephemeralContainers"]
        .iter()
        .any(|list| images(pod, list) != images(old, list))
}

/// What a Pod, or a template, does against a level.
fn violations(level: LevelVersion, pod: &Value) -> Vec<Violation> {
    if level.level == Level::Privileged {
        return Vec::new();
    }
    let minor = level.minor.unwrap_or(u32::MAX);
    let applies = |check: &&super::Check| check.level <= level.level && check.since <= minor;
    let overridden = |id: &str| CHECKS.iter().filter(applies).any(|check| check.overrides == id);
    let subject = Subject { metadata: &pod["metadata"], spec: &pod["spec"], minor };
    let checks = CHECKS.iter().filter(applies).filter(|check| !overridden(check.id));
    checks.filter_map(|check| (check.check)(subject)).collect()
}

fn detail(found: &[Violation]) -> String {
    let each: Vec<String> = found.iter().map(|(reason, detail)| format!("{reason} ({detail})")).collect();
    each.join(", ")
}

/// Labels must be readable; Pods that break a stricter policy are told of.
fn namespace(attributes: &Attributes, namespace: &Value) -> Result<()> {
    let (policy, errors) = policy::of(namespace);
    let before = attributes.old.map(policy::of);
    let known = before.as_ref().is_some_and(|(_, before)| *before == errors);
    if !errors.is_empty() && !known {
        return Err(Status::invalid("", "Namespace", meta::name(namespace), errors));
    }
    let Some((before, _)) = before else { return Ok(()) };
    let (new, old) = (policy.enforce, before.enforce);
    let relaxed = new.minor == old.minor && new.level <= old.level;
    if new == old || new.level == Level::Privileged || relaxed {
        return Ok(());
    }
    let told = existing(attributes, meta::name(namespace), new);
    if !told.is_empty() {
        let name = meta::name(namespace);
        attributes
            .warn(format!("existing pods in namespace {name:?} violate the new PodSecurity enforce level \"{new}\""));
        told.into_iter().for_each(|warning| attributes.warn(warning));
    }
    Ok(())
}

/// The Pods that are there and break a level, by what they do.
fn existing(attributes: &Attributes, namespace: &str, level: LevelVersion) -> Vec<String> {
    let (pods, _) = attributes.storage.list("pods", Some(namespace));
    let mut by_reason: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for pod in pods.iter().take(MOST_PODS) {
        let reasons: Vec<String> = violations(level, pod).into_iter().map(|(reason, _)| reason).collect();
        if !reasons.is_empty() {
            by_reason.entry(reasons.join(", ")).or_default().insert(meta::name(pod));
        }
    }
    let told = by_reason.into_iter().map(|(reason, names)| {
        let first = names.first().copied().unwrap_or_default();
        match names.len() {
            1 => format!("{first}: {reason}"),
            2 => format!("{first} (and 1 other pod): {reason}"),
            count => format!("{first} (and {} other pods): {reason}", count - 1),
        }
    });
    let mut told: Vec<String> = told.collect();
    told.sort();
    told
}
