//! crd-naming and crd-establishing: a CustomResourceDefinition's names are accepted where they are free, and then it is established.
//! Its group and version get an APIService. Source: `k8s.io/apiextensions-apiserver/pkg/controller/{status,establish}`.

use serde_json::{Value, json};

use super::Controller;
use super::conditions::{self, Condition};
use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::apiservice::APISERVICE;
use crate::sim::apiserver::registry::kinds::customresourcedefinition::{CUSTOMRESOURCEDEFINITION, approved};
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched};

/// The controller; its keys are groups.
pub static CUSTOM_RESOURCE_DEFINITIONS: Controller = Controller {
    name: "crd-establishing-controller",
    watches: &[Watched {
        resource: &CUSTOMRESOURCEDEFINITION,
        keys: |_, definition| vec![(String::new(), meta::text(definition, "/spec/group").to_owned())],
    }],
    reconcile,
};

const LABEL: &str = "kube-aggregator.kubernetes.io/automanaged";

fn reconcile(context: &Context, (_, group): &Key) -> Result<Next> {
    let mut definitions = context.client.list(&CUSTOMRESOURCEDEFINITION, "");
    definitions.retain(|definition| meta::text(definition, "/spec/group") == group);
    definitions.sort_by_key(|definition| meta::text(definition, "/metadata/creationTimestamp").to_owned());
    for definition in &definitions {
        let status = judged(definition, &definitions, context.client.clock().now());
        conditions::write(context, &CUSTOMRESOURCEDEFINITION, definition, &status)?;
    }
    services(context, group, &definitions)
}

/// The names of a kind as (field, reason of a conflict, whether it is a resource's name).
const NAMES: [(&str, &str, bool); 4] = [
    ("plural", "PluralConflict", true),
    ("singular", "SingularConflict", true),
    ("kind", "KindConflict", false),
    ("listKind", "ListKindConflict", false),
];

/// Whether another definition has the name already.
fn is_taken(name: &str, resource: bool, definition: &Value, all: &[Object]) -> bool {
    let others = all.iter().filter(|other| meta::uid(other) != meta::uid(definition));
    let accepted = others.filter_map(|other| other.pointer("/status/acceptedNames"));
    accepted.into_iter().any(|names| {
        NAMES.iter().any(|(field, _, is)| *is == resource && names[*field] == name)
            || resource && meta::list(names, "/shortNames").iter().any(|short| short == name)
    })
}

fn judged(definition: &Value, all: &[Object], now: jiff::Timestamp) -> Value {
    let mut status = definition.get("status").cloned().unwrap_or_else(|| json!({}));
    let wanted = definition.pointer("/spec/names").cloned().unwrap_or_default();
    let mut accepted = status.get("acceptedNames").cloned().unwrap_or_else(|| json!({}));
    let mut conflict: Option<(&str, String)> = None;
    let mut refuse = |reason, name: &str| conflict = Some((reason, format!("{name:?} is already in use")));
    for (field, reason, resource) in NAMES {
        let name = wanted[field].as_str().unwrap_or_default();
        if accepted[field] != wanted[field] && is_taken(name, resource, definition, all) {
            refuse(reason, name);
        } else {
            accepted[field] = wanted[field].clone();
        }
    }
    let shorts = meta::list(&wanted, "/shortNames").iter().filter_map(Value::as_str);
    match shorts.into_iter().find(|short| is_taken(short, true, definition, all)) {
        Some(short) => refuse("ShortNamesConflict", short),
        None => copy(&wanted, &mut accepted, "shortNames"),
    }
    copy(&wanted, &mut accepted, "categories");
    status["acceptedNames"] = accepted;
    if let Some((said, reason, message)) = approved(definition) {
        const KIND: &str = "KubernetesAPIApprovalPolicyConformant";
        conditions::set(&mut status, Condition { kind: KIND, status: said, reason, message: &message }.at(now));
    }
    let free = conflict.is_none();
    let (reason, message) = conflict.unwrap_or(("NoConflicts", "no conflicts found".to_owned()));
    let said = if free { "True" } else { "False" };
    conditions::set(&mut status, Condition { kind: "NamesAccepted", status: said, reason, message: &message }.at(now));
    let established = conditions::of(&status, "Established").is_some_and(|found| found["status"] == "True");
    let (said, reason, message) = match free {
        true => ("True", "InitialNamesAccepted", "the initial names have been accepted"),
        false => ("False", "NotAccepted", "not all names are accepted"),
    };
    if !established {
        conditions::set(&mut status, Condition { kind: "Established", status: said, reason, message }.at(now));
    }
    status
}

fn copy(from: &Value, to: &mut Value, key: &str) {
    match from.get(key) {
        Some(value) => to[key] = value.clone(),
        None => drop(meta::remove(to, key)),
    }
}

/// An APIService for each version that is served, and none for others (`crdRegistrationController`).
fn services(context: &Context, group: &str, definitions: &[Object]) -> Result<Next> {
    let mut versions: Vec<&str> = definitions
        .iter()
        .flat_map(|definition| meta::list(definition, "/spec/versions"))
        .filter(|version| meta::truth(version, "/served"))
        .map(|version| meta::text(version, "/name"))
        .collect();
    versions.sort_unstable();
    versions.dedup();
    let client = &context.client;
    for version in &versions {
        let name = format!("{version}.{group}");
        if client.find(&APISERVICE, "", &name).is_some() {
            continue;
        }
        let spec = json!({ "group": group, "version": version, "groupPriorityMinimum": 1000, "versionPriority": 100 });
        let service = client
            .create(&APISERVICE, json!({ "metadata": { "name": name, "labels": { LABEL: "true" } }, "spec": spec }))?;
        let mut status = json!({});
        let message = "Local APIServices are always available";
        let available = Condition { kind: "Available", status: "True", reason: "Local", message };
        conditions::set(&mut status, available.at(client.clock().now()));
        conditions::write(context, &APISERVICE, &service, &status)?;
    }
    for service in client.list(&APISERVICE, "") {
        let ours = meta::label(&service, LABEL) == Some("true") && meta::text(&service, "/spec/group") == group;
        if ours && !versions.contains(&meta::text(&service, "/spec/version")) {
            client.delete(&APISERVICE, "", meta::name(&service), &DeleteOptions::of_uid(meta::uid(&service)))?;
        }
    }
    Ok(Next::Done)
}
