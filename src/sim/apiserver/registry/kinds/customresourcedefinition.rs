//! CustomResourceDefinition: a kind that users add. Its schema is checked in `crd_schema`, its conditions are set by a controller.
//! Source: `k8s.io/apiextensions-apiserver/pkg/{registry/customresourcedefinition/strategy.go,apis/apiextensions/{v1/defaults.go,validation/}}`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::at::At;
use super::filling::{is_zero, put, zero};
use super::{cells, crd_schema};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{ALL_VERBS, Resource, STATUS};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `apiextensions.k8s.io/v1 CustomResourceDefinition`.
pub static CUSTOMRESOURCEDEFINITION: Resource = Resource {
    group: "apiextensions.k8s.io",
    version: "v1",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    singular: "customresourcedefinition",
    short_names: &["crd", "crds"],
    categories: &["api-extensions"],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults,
        prepare_create: |definition| {
            put(definition, "status", status(&Value::Null));
            remember_storage(definition);
        },
        prepare_update: |definition, _| remember_storage(definition),
        validate,
        validate_update,
        unconditional_update: false,
        generation: true,
        ..Strategy::PLAIN
    },
    table: cells::CREATED_TABLE,
    stored_as: None,
};

/// The annotation with which names below `k8s.io` have to be approved.
const APPROVED: &str = "api-approved.kubernetes.io";

fn defaults(definition: &mut Value) {
    let spec = meta::child(definition, "spec");
    let kind = meta::text(spec, "/names/kind").to_owned();
    if spec["names"].is_object() {
        let names = meta::child(spec, "names");
        if is_zero(names.get("singular")) {
            put(names, "singular", kind.to_lowercase());
        }
        if is_zero(names.get("listKind")) && !kind.is_empty() {
            put(names, "listKind", format!("{kind}List"));
        }
    }
    if !spec["conversion"].is_object() {
        put(spec, "conversion", json!({ "strategy": "None" }));
    }
    zero(meta::child(spec, "conversion"), "strategy", "None");
}

/// A status as Go writes it: what is no pointer is always there.
fn status(names: &Value) -> Value {
    let accepted = if names.is_object() { names.clone() } else { json!({ "kind": "", "plural": "" }) };
    json!({ "acceptedNames": accepted, "conditions": null, "storedVersions": [] })
}

/// Versions that objects were ever stored in stay in the status.
fn remember_storage(definition: &mut Value) {
    let storage = meta::list(definition, "/spec/versions").iter().find(|version| meta::truth(version, "/storage"));
    let Some(name) = storage.map(|version| meta::text(version, "/name").to_owned()) else { return };
    let mut stored = meta::list(definition, "/status/storedVersions").to_vec();
    if !stored.iter().any(|known| known == &name) {
        stored.push(json!(name));
        put(meta::child(definition, "status"), "storedVersions", stored);
    }
}

fn validate(definition: &Value, errors: &mut ErrorList) {
    let root = At::root(definition);
    let spec = root.key("spec");
    let name = meta::name(definition);
    let wanted = format!("{}.{}", meta::text(definition, "/spec/names/plural"), spec.key("group").text());
    if name != wanted {
        errors.invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group");
    }
    group(spec.key("group"), errors);
    let scope = spec.key("scope");
    if scope.is_empty() {
        scope.required(errors)
    } else {
        scope.one_of(&["Cluster", "Namespaced"], errors)
    }
    versions(spec, errors);
    let names = spec.key("names");
    for key in ["plural", "singular", "kind", "listKind"] {
        if names.key(key).is_empty() {
            names.key(key).required(errors);
        }
    }
    self::names(names, errors);
    let conversion = spec.key("conversion");
    conversion.key("strategy").one_of(&["None", "Webhook"], errors);
    if conversion.key("strategy").text() == "Webhook" && !conversion.key("webhook").is_set() {
        errors.required("spec.conversion.webhookClientConfig", "required when strategy is set to Webhook");
    }
    stored(root, errors);
    approval(definition, errors);
    if spec.key("preserveUnknownFields").truth() {
        let why =
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        spec.key("preserveUnknownFields").invalid(why, errors);
    }
}

fn group(group: At<'_, '_>, errors: &mut ErrorList) {
    let wrong = names::subdomain(group.text());
    if group.is_empty() {
        group.required(errors);
    } else if !wrong.is_empty() {
        group.invalid(wrong.join(","), errors);
    } else if !group.text().contains('.') {
        group.invalid("should be a domain with at least one dot", errors);
    }
}

/// Where the server looks for what all versions agree on: its own type keeps that above them.
fn shared<'v>(versions: &'v [Value], key: &str) -> Option<&'v Value> {
    let first = versions.first()?.get(key)?;
    versions.iter().all(|version| version.get(key) == Some(first)).then_some(first)
}

fn versions(spec: At<'_, '_>, errors: &mut ErrorList) {
    let versions = spec.key("versions");
    for version in versions.items() {
        if meta::map(version.value(), "/schema/openAPIV3Schema").is_none() {
            errors.required(format!("{}.schema.openAPIV3Schema", version.path()), "");
        }
    }
    let (mut seen, mut unique) = (BTreeSet::new(), true);
    for version in versions.items() {
        let name = version.key("name");
        unique &= seen.insert(name.text());
        let wrong = names::dns1035_label(name.text());
        if !wrong.is_empty() {
            name.invalid(wrong.join(","), errors);
        }
        if version.key("deprecationWarning").is_set() && !version.key("deprecated").truth() {
            version.key("deprecationWarning").invalid("can only be set for deprecated versions", errors);
        }
        parts(version, errors, |key| shared(versions.list(), key).is_none());
    }
    if !unique {
        versions.invalid("must contain unique version names", errors);
    }
    if versions.list().iter().filter(|version| meta::truth(version, "/storage")).count() != 1 {
        versions.invalid("must have exactly one version marked as storage version", errors);
    }
    // The server's own type names the first version above them all.
    let first = versions.list().first().map(|version| meta::text(version, "/name")).filter(|name| !name.is_empty());
    if let Some(name) = first {
        let wrong = names::dns1035_label(name);
        if !wrong.is_empty() {
            errors.invalid("spec.version", name, wrong.join(","));
        }
    }
    // The first version speaks for all in what they share.
    if let Some(first) = versions.list().first() {
        let place = json!({ "spec": { "validation": first["schema"], "subresources": first["subresources"], "additionalPrinterColumns": first["additionalPrinterColumns"] } });
        let root = At::root(&place);
        parts(root.key("spec"), errors, |key| shared(versions.list(), key).is_some());
    }
}

/// Checks the parts of a version that `holds` names: here, or above the versions.
fn parts(version: At<'_, '_>, errors: &mut ErrorList, holds: impl Fn(&str) -> bool) {
    if holds("schema") {
        let above = version.key("validation");
        let own = version.key("schema");
        let schema = if above.is_set() { above } else { own };
        let status = version.value().pointer("/subresources/status").is_some_and(Value::is_object);
        if schema.key("openAPIV3Schema").is_set() {
            crd_schema::validate(schema.key("openAPIV3Schema"), status, errors);
        }
    }
    if holds("subresources") {
        scale(version.key("subresources"), errors);
    }
    if holds("additionalPrinterColumns") {
        version.key("additionalPrinterColumns").items().for_each(|one| column(one, errors));
    }
}

fn scale(subresources: At<'_, '_>, errors: &mut ErrorList) {
    let scale = subresources.key("scale");
    if !scale.is_set() {
        return;
    }
    for (key, below) in [("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")] {
        let path = scale.key(key);
        if path.is_empty() {
            path.required(errors);
        } else if !path.text().starts_with('.') {
            path.invalid("must be a simple json path starting with .", errors);
        } else if !path.text().starts_with(below) {
            path.invalid(format!("should be a json path under {}", below.trim_end_matches('.')), errors);
        }
    }
}

const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

fn column(column: At<'_, '_>, errors: &mut ErrorList) {
    if column.key("name").is_empty() {
        column.key("name").required(errors);
    }
    let kind = column.key("type");
    let types = format!("must be one of {}", TYPES.join(","));
    if kind.is_empty() {
        kind.required_because(&types, errors);
    } else if !TYPES.contains(&kind.text()) {
        kind.invalid(types, errors);
    }
    let format = column.key("format");
    if !format.is_empty() && !FORMATS.contains(&format.text()) {
        format.invalid(format!("must be one of {}", FORMATS.join(",")), errors);
    }
    let path = column.key("jsonPath");
    let field = format!("{}.JSONPath", column.path());
    if path.is_empty() {
        errors.required(field, "");
    } else if !path.text().starts_with('.') {
        errors.invalid(field, path.text(), "must be a simple json path starting with .");
    }
}

/// Checks the names asked for.
fn names(names: At<'_, '_>, errors: &mut ErrorList) {
    let label = |at: At<'_, '_>, mixed: bool, errors: &mut ErrorList| {
        let text = if mixed { at.text().to_lowercase() } else { at.text().to_owned() };
        let wrong = names::dns1035_label(&text).join(",");
        if !wrong.is_empty() && !text.is_empty() {
            let before = if mixed { "may have mixed case, but should otherwise match: " } else { "" };
            at.invalid(format!("{before}{wrong}"), errors);
        }
    };
    for (key, mixed) in [("plural", false), ("singular", false), ("kind", true), ("listKind", true)] {
        label(names.key(key), mixed, errors);
    }
    names.key("shortNames").items().for_each(|name| label(name, false, errors));
    if !names.key("kind").is_empty() && names.key("kind").text() == names.key("listKind").text() {
        names.key("listKind").invalid("kind and listKind may not be the same", errors);
    }
    names.key("categories").items().for_each(|name| label(name, false, errors));
}

/// Versions in which objects are stored must stay.
fn stored(root: At<'_, '_>, errors: &mut ErrorList) {
    let status = root.key("status");
    let stored = status.key("storedVersions");
    if stored.is_empty() {
        stored.invalid("must have at least one stored version", errors);
        return;
    }
    let known: BTreeSet<&str> =
        meta::list(root.value(), "/spec/versions").iter().map(|version| meta::text(version, "/name")).collect();
    for version in stored.items().filter(|version| !known.contains(version.text())) {
        let name = version.text();
        let why = format!(
            "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
        );
        version.invalid(why, errors);
    }
}

/// Whether a group's name is Kubernetes' own.
fn is_community(definition: &Value) -> bool {
    let group = meta::text(definition, "/spec/group");
    ["k8s.io", "kubernetes.io"].iter().any(|end| group == *end || group.ends_with(&format!(".{end}")))
}

/// What the condition KubernetesAPIApprovalPolicyConformant says of a definition in a group of Kubernetes' own: status, reason, message.
/// Source: `pkg/apihelpers/helpers.go`, GetAPIApprovalState.
pub fn approved(definition: &Value) -> Option<(&'static str, &'static str, String)> {
    let said = meta::annotation(definition, APPROVED).filter(|_| is_community(definition))?;
    Some(match said.starts_with("unapproved") {
        true => ("False", "UnapprovedAnnotation", format!("not approved: {said:?}")),
        false => ("True", "ApprovedAnnotation", format!("approved in {said}")),
    })
}

fn approval(definition: &Value, errors: &mut ErrorList) {
    if !is_community(definition) {
        return;
    }
    let field = format!("metadata.annotations[{APPROVED}]");
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    match meta::annotation(definition, APPROVED).unwrap_or_default() {
        "" => errors.required(field, &format!("protected groups must have approval annotation {APPROVED:?}, {see}")),
        said if said.starts_with("unapproved") || said.contains("://") => {}
        said => {
            let why = format!(
                "protected groups must have approval annotation {APPROVED:?} with either a URL or a reason starting with \"unapproved\", {see}"
            );
            errors.invalid(field, said, why);
        }
    }
}

/// Whether a condition of this type is true.
pub fn has_condition(definition: &Value, kind: &str) -> bool {
    let found = meta::list(definition, "/status/conditions").iter().find(|found| found["type"] == kind);
    found.is_some_and(|found| found["status"] == "True")
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    // That the name fits is looked at when a definition is made.
    errors.0.retain(|error| error.field != "metadata.name");
    let mut fixed = vec![("/spec/group", "spec.group"), ("/spec/names/plural", "spec.names.plural")];
    if has_condition(old, "Established") {
        fixed.splice(0..0, [("/spec/scope", "spec.scope"), ("/spec/names/kind", "spec.names.kind")]);
    }
    for (pointer, field) in fixed {
        if new.pointer(pointer) != old.pointer(pointer) {
            errors.immutable(field, new.pointer(pointer).cloned().unwrap_or_default());
        }
    }
}
