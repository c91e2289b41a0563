//! The `paths` of a document: which operations each resource has, on what kind, with what parameters and patch types.
//! kubectl looks for `x-kubernetes-group-version-kind`, the parameter `fieldValidation`, and the media types of PATCH.

use crate::object::schema;
use crate::sim::apiserver::registry::{Resource, Subresource};
use serde_json::{Map, Value, json};

const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
const READS: [&str; 3] = ["application/json", "application/vnd.kubernetes.protobuf", "application/yaml"];
const WRITING: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
const PATCHING: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force"];
const DELETING: &[&str] = &["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"];
const LISTING: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];

/// The kind an operation is about.
struct Kind<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
    /// Whether its lists have merge keys, which definitions' have not: clients choose the form of their patches by what stands here.
    merges: bool,
}

impl Kind<'_> {
    fn reference(&self, kind: &str) -> Option<Value> {
        let api_version = match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        };
        let of = schema::of(&api_version, kind)?;
        Some(json!({ "$ref": format!("#/components/schemas/{}", of.name()) }))
    }
}

/// `/api/v1` or `/apis/GROUP/VERSION`.
pub(super) fn prefix(resource: &Resource) -> String {
    match resource.group {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    }
}

/// All paths of the resources.
pub(super) fn of(served: &[&Resource]) -> Value {
    let mut paths = Map::new();
    for resource in served {
        let base = prefix(resource);
        let space = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let collection = format!("{base}{space}/{}", resource.plural);
        let own = kind_of_own(resource);
        let places: &[&str] = if resource.namespaced { &["namespace"] } else { &[] };
        let named: &[&str] = if resource.namespaced { &["name", "namespace"] } else { &["name"] };
        if resource.namespaced && resource.verbs.contains(&"list") {
            let everywhere = format!("{base}/{}", resource.plural);
            put(&mut paths, everywhere, &own, &["list"], &[]);
        }
        let on = |verbs: &[&'static str]| -> Vec<&'static str> {
            verbs.iter().copied().filter(|verb| resource.verbs.contains(verb)).collect()
        };
        put(&mut paths, collection.clone(), &own, &on(&["list", "create", "deletecollection"]), places);
        let item = format!("{collection}/{{name}}");
        put(&mut paths, item.clone(), &own, &on(&["get", "update", "delete", "patch"]), named);
        for subresource in resource.subresources {
            let path = format!("{item}/{}", subresource.name);
            put(&mut paths, path, &kind_of(subresource, resource), subresource.verbs, named);
        }
    }
    Value::Object(paths)
}

fn kind_of<'a>(subresource: &'a Subresource, resource: &'a Resource) -> Kind<'a> {
    if subresource.kind.is_empty() {
        return kind_of_own(resource);
    }
    Kind { group: subresource.group, version: subresource.version, kind: subresource.kind, merges: true }
}

fn kind_of_own<'a>(resource: &'a Resource) -> Kind<'a> {
    let merges = resource.strategy.custom.is_none();
    Kind { group: resource.group, version: resource.version, kind: resource.kind, merges }
}

fn put(paths: &mut Map<String, Value>, path: String, kind: &Kind, verbs: &[&str], places: &[&str]) {
    let mut operations = Map::new();
    for verb in verbs {
        if let Some((method, operation)) = operation(verb, kind) {
            operations.insert(method.into(), operation);
        }
    }
    if operations.is_empty() {
        return;
    }
    let mut parameters: Vec<Value> = places
        .iter()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.push(parameter("pretty"));
    operations.insert("parameters".into(), Value::Array(parameters));
    paths.insert(path, Value::Object(operations));
}

fn operation(verb: &str, kind: &Kind) -> Option<(&'static str, Value)> {
    let (method, action, parameters) = match verb {
        "list" => ("get", "list", LISTING),
        "get" => ("get", "get", &[][..]),
        "create" => ("post", "post", WRITING),
        "update" => ("put", "put", WRITING),
        "patch" => ("patch", "patch", PATCHING),
        "delete" => ("delete", "delete", DELETING),
        "deletecollection" => ("delete", "deletecollection", DELETING),
        _ => return None,
    };
    let mut operation = json!({
        "parameters": parameters.iter().map(|name| parameter(name)).collect::<Vec<_>>(),
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": { "group": kind.group, "version": kind.version, "kind": kind.kind },
    });
    let answered = match verb {
        "list" => kind.reference(&format!("{}List", kind.kind)),
        "delete" | "deletecollection" => Kind { group: "", version: "v1", kind: "", merges: true }.reference("Status"),
        _ => kind.reference(kind.kind),
    };
    operation["responses"] = responses(answered);
    if let Some(body) = request_body(method, kind) {
        operation["requestBody"] = body;
    }
    Some((method, operation))
}

fn responses(answered: Option<Value>) -> Value {
    let mut answer = json!({ "description": "OK" });
    if let Some(reference) = answered {
        let content: Map<String, Value> =
            READS.iter().map(|media| ((*media).into(), json!({ "schema": reference.clone() }))).collect();
        answer["content"] = Value::Object(content);
    }
    json!({ "200": answer, "401": { "description": "Unauthorized" } })
}

fn request_body(method: &str, kind: &Kind) -> Option<Value> {
    let meta = |kind: &str| format!("#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.{kind}");
    match method {
        "patch" => {
            let forms = PATCHES.iter().filter(|media| kind.merges || !media.contains("strategic"));
            let content: Map<String, Value> =
                forms.map(|media| ((*media).into(), json!({ "schema": { "$ref": meta("Patch") } }))).collect();
            Some(json!({ "content": content, "required": true }))
        }
        "delete" => Some(json!({ "content": { "*/*": { "schema": { "$ref": meta("DeleteOptions") } } } })),
        "get" => None,
        _ => Some(json!({ "content": { "*/*": { "schema": kind.reference(kind.kind)? } }, "required": true })),
    }
}

fn parameter(name: &str) -> Value {
    let of = match name {
        "allowWatchBookmarks" | "watch" | "force" | "orphanDependents" | "sendInitialEvents" => "boolean",
        "limit" | "timeoutSeconds" | "gracePeriodSeconds" => "integer",
        _ => "string",
    };
    json!({ "name": name, "in": "query", "schema": { "type": of, "uniqueItems": true } })
}
