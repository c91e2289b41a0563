//! What the server itself writes into `metadata`: identity, times, generation, who manages what.
//! Source: `k8s.io/apiserver/pkg/registry/rest/{create,update,meta}.go`.

use serde_json::{Value, json};

use super::{ApiServer, Request};
use crate::object::meta;
pub use crate::sim::apiserver::registry::names::suffix;
use crate::sim::apiserver::status::{Result, Status};

/// A random UUID (version 4).
pub fn uuid() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A time as Kubernetes writes it: whole seconds, UTC.
pub fn timestamp(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Gives a new object its name, namespace, uid and birth.
pub fn begin(server: &ApiServer, request: &Request, object: &mut Value) -> Result<()> {
    place(request, object)?;
    let generate = meta::text(object, "/metadata/generateName").to_owned();
    let metadata = meta::child(object, "metadata");
    if metadata["name"].as_str().unwrap_or_default().is_empty() && !generate.is_empty() {
        // The name may be 63 long; five letters of it are ours.
        let base: String = generate.chars().take(58).collect();
        metadata["name"] = json!(format!("{base}{}", suffix()));
    }
    for key in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"] {
        meta::remove(metadata, key);
    }
    metadata["uid"] = json!(uuid());
    metadata["creationTimestamp"] = json!(timestamp(server.clock.now()));
    // Kinds that do not count it keep what they were given.
    if request.resource.strategy.generation {
        metadata["generation"] = json!(1);
    }
    Ok(())
}

/// Makes sure that the object says the namespace it is sent to, and the kind of the resource.
pub fn place(request: &Request, object: &mut Value) -> Result<()> {
    let resource = request.resource;
    let (kind, version) = (meta::text(object, "/kind"), meta::text(object, "/apiVersion"));
    if (!kind.is_empty() && kind != resource.kind) || (!version.is_empty() && version != resource.api_version()) {
        let group_version_kind = |version: &str, kind: &str| {
            let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
            format!("{group}/{version}, Kind={kind}").trim_start_matches('/').to_owned()
        };
        return Err(Status::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: expected {}, got {}",
            kind,
            version.rsplit('/').next().unwrap_or_default(),
            resource.kind,
            group_version_kind(&resource.api_version(), resource.kind),
            group_version_kind(version, kind),
        )));
    }
    let mut ordered = json!({ "kind": resource.kind, "apiVersion": resource.api_version() });
    for (key, value) in object.as_object_mut().map(std::mem::take).into_iter().flatten() {
        if !matches!(key.as_str(), "kind" | "apiVersion") {
            ordered[key] = value;
        }
    }
    *object = ordered;
    let metadata = meta::child(object, "metadata");
    if !resource.namespaced {
        meta::remove(metadata, "namespace");
        return Ok(());
    }
    match metadata.get("namespace").and_then(Value::as_str) {
        Some(found) if !found.is_empty() && found != request.namespace => Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
        _ => {
            metadata["namespace"] = json!(request.namespace);
            Ok(())
        }
    }
}

/// Makes sure that the object is the one that the URL names (`k8s.io/apiserver/pkg/endpoints/handlers/rest.go`, checkName).
pub fn named(request: &Request, object: &Value) -> Result<()> {
    let (name, wanted) = (meta::name(object), request.name.as_str());
    if name.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        )));
    }
    if name != wanted {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        )));
    }
    Ok(())
}

/// Whose managed fields count: those the client sends, as migrations to server-side apply do, else the old ones; `[{}]` forgets all.
/// What cannot be read is not sent (`managedfields/internal/managedfields.go`, DecodeManagedFields).
pub fn keep_managers(request: &Request, new: &mut Value, old: &Value) {
    let sent = meta::list(new, "/metadata/managedFields");
    let metadata = match sent {
        [only] if only == &json!({}) => Value::Null,
        [_, ..] if request.subresource.is_empty() && sent.iter().all(is_readable) => return,
        _ => old["metadata"]["managedFields"].clone(),
    };
    let kept = meta::child(new, "metadata");
    match metadata {
        Value::Null => drop(meta::remove(kept, "managedFields")),
        managers => kept["managedFields"] = managers,
    }
}

fn is_readable(entry: &Value) -> bool {
    matches!(meta::text(entry, "/operation"), "Apply" | "Update")
        && !meta::text(entry, "/apiVersion").is_empty()
        && meta::text(entry, "/fieldsType") == "FieldsV1"
}

/// Keeps on an update what only the server writes.
pub fn keep(new: &mut Value, old: &Value) {
    let metadata = meta::child(new, "metadata");
    for key in
        ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName"]
    {
        match old["metadata"].get(key) {
            Some(value) => metadata[key] = value.clone(),
            None => drop(meta::remove(metadata, key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_say_their_version() {
        let uuid = uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4', "{uuid}");
        assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
    }
}
