//! PATCH: the patch forms over the object as it stands, then an update.
//! What each form does to a tree is `object::patch`'s.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::read::shown;
use super::update::Writing;
use super::{ApiServer, FieldValidation, Request, metadata, ownership};
use crate::object::meta;
use crate::object::patch::{self, PatchError};
use crate::object::schema;
use crate::sim::apiserver::decoding::{self, Dialect, Unfit};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::{self, resource::Resource};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// A patch and its form.
#[derive(Clone, Debug)]
pub enum Patch {
    /// RFC 6902.
    Json(Value),
    /// RFC 7396.
    Merge(Value),
    /// `application/strategic-merge-patch+json`.
    Strategic(Value),
    /// `application/apply-patch+yaml`: server-side apply.
    Apply(Value),
}

impl ApiServer {
    /// Patches an object. The second says whether it was created, as server-side apply may.
    pub fn patch(&self, request: &Request, patch: &Patch) -> Result<(Object, bool)> {
        let _turn = self.turn();
        let stored = request.resource.storage();
        if stored.strategy.custom.is_some() && matches!(patch, Patch::Strategic(_)) {
            // There are no merge keys to go by.
            return Err(Status::unsupported_media_type(
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            ));
        }
        let found = self.storage.get(&stored.group_resource(), &request.namespace, &request.name);
        let Some(found) = found else {
            return match patch {
                Patch::Apply(wanted) if request.subresource.is_empty() => {
                    let applied = ownership::apply(request, None, wanted, self.clock.now())?;
                    told_twice(request)?;
                    let writing = Writing::Apply(applied.managers);
                    self.create_in_turn(request, applied.object, writing).map(|created| (created, true))
                }
                _ => Err(request.not_found()),
            };
        };
        let before = shown(request.resource, found);
        let (after, writing) = match patch {
            Patch::Apply(wanted) => {
                let applied = ownership::apply(request, Some(&before), wanted, self.clock.now())?;
                told_twice(request)?;
                (applied.object, Writing::Apply(applied.managers))
            }
            _ => (changed(request, patch, &before)?, Writing::Update),
        };
        if let Some(why) = other_kind(&before, &after) {
            return Err(unfit(request.resource, patch, &after, &why));
        }
        let mut after = fitted(request, patch, after)?;
        metadata::place(request, &mut after)?;
        metadata::named(request, &after)?;
        if !meta::uid(&after).is_empty() && meta::uid(&after) != meta::uid(&before) {
            let mut errors = ErrorList::default();
            errors.invalid("metadata.uid", meta::uid(&after), "field is immutable");
            return Err(Status::invalid(request.resource.group, request.resource.kind, &request.name, errors));
        }
        self.update_in_turn(request, after, writing)
    }
}

/// The patched object as one of its kind, where strict validation lets it be.
fn fitted(request: &Request, patch: &Patch, after: Value) -> Result<Value> {
    let dialect = if matches!(patch, Patch::Strategic(_)) { Dialect::Converter } else { Dialect::Json };
    let of = schema::of(&request.resource.api_version(), request.resource.kind);
    let mut told = request.repeated.take();
    if !matches!(patch, Patch::Apply(_)) {
        told.extend(super::custom::unknown_fields(request, &after));
    }
    // What these make is written in the order of its keys, and is told of in it.
    let ordered = matches!(patch, Patch::Json(_) | Patch::Merge(_)).then(|| sorted(&after));
    let read = ordered.as_ref().unwrap_or(&after);
    let fitted = match decoding::refit(read, of, dialect, request.field_validation) {
        Err(Unfit::Strict(more)) => Err(Unfit::Strict(told.into_iter().chain(more).collect())),
        Ok(_) if request.field_validation == FieldValidation::Strict && !told.is_empty() => Err(Unfit::Strict(told)),
        Ok((fitted, more)) => {
            if request.field_validation == FieldValidation::Warn {
                request.warnings.borrow_mut().extend(told.into_iter().chain(more));
            }
            Ok(fitted)
        }
        shape => shape.map(|(fitted, _)| fitted),
    };
    fitted.map_err(|why| unfit(request.resource, patch, &after, &why.to_string()))
}

/// Fields that an applied configuration gives twice (`applyPatcher` in `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`).
fn told_twice(request: &Request) -> Result<()> {
    let told = request.repeated.take();
    match request.field_validation {
        FieldValidation::Strict if !told.is_empty() => Err(Status::bad_request(format!(
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {}",
            told.join("\n  ")
        ))),
        FieldValidation::Warn => {
            request.warnings.borrow_mut().extend(told);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What a patch that makes another kind of the object is told. What names none is read as what it was
/// (`k8s.io/apimachinery/pkg/runtime/serializer/json/json.go`, gvkWithDefaults).
fn other_kind(before: &Value, after: &Value) -> Option<String> {
    let of = |object, key| meta::text(object, key).to_owned();
    let or = |found: String, otherwise: &String| if found.is_empty() { otherwise.clone() } else { found };
    let (was_version, was) = (of(before, "/apiVersion"), of(before, "/kind"));
    let (version, kind) = (or(of(after, "/apiVersion"), &was_version), or(of(after, "/kind"), &was));
    if (&was_version, &was) == (&version, &kind) {
        return None;
    }
    let part =
        |version: &str| version.split('/').next().unwrap_or_default().split('.').next().unwrap_or_default().to_owned();
    let hub = if was_version.contains('/') { part(&was_version) } else { "core".to_owned() };
    Some(match registry::of_kind(&version, &kind) {
        Some(found) => format!("converting ({}.{kind}) to ({hub}.{was}): unknown conversion", found.version),
        None => {
            format!("no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\"")
        }
    })
}

/// The object with a patch laid over it.
fn changed(request: &Request, patch: &Patch, before: &Value) -> Result<Value> {
    let resource = request.resource;
    let mut object = before.clone();
    match patch {
        Patch::Json(operations) => patch::json(&mut object, operations).map_err(refused)?,
        Patch::Merge(change) | Patch::Apply(change) => patch::merge(&mut object, change),
        Patch::Strategic(change) => {
            let schema = schema::of(&resource.api_version(), resource.kind);
            patch::strategic(&mut object, change, schema).map_err(refused)?;
            // The patched object is of the type it was read as, whatever the patch says.
            for key in ["kind", "apiVersion"] {
                object[key] = before[key].clone();
            }
        }
    }
    Ok(object)
}

/// A patch that does not apply. As upstream, a JSON patch is not told why, and what is not classified has no reason.
pub(super) fn refused(error: PatchError) -> Status {
    match error {
        PatchError::BadRequest(why) => Status::bad_request(why),
        PatchError::Unprocessable(_) => {
            let mut status = Status::bad_request("the server rejected our request due to an error in our request");
            (status.code, status.reason, status.details) = (422, "Invalid", Some(Box::new(json!({}))));
            status
        }
        PatchError::Internal(why) => {
            let mut status = Status::bad_request(why);
            (status.code, status.reason) = (500, "");
            status
        }
    }
}

/// A patched object that is none of its kind (`k8s.io/apiserver/pkg/endpoints/handlers/patch.go`): the error shows the patch, or all of the result.
fn unfit(resource: &Resource, patch: &Patch, after: &Value, why: &str) -> Status {
    let shown = match patch {
        Patch::Strategic(change) => decoding::go_map(&unordered(change)),
        // Objects of definitions are maps to Go, which it writes in the order of their keys.
        _ if resource.strategy.custom.is_some() => sorted(after).to_string(),
        _ => {
            let of = schema::of(&resource.api_version(), resource.kind);
            let written = of.map_or_else(|| after.clone(), |of| schema::in_order(after, of));
            match patch {
                Patch::Json(operations) => gone_into(written, &places(operations)).to_string(),
                Patch::Merge(change) => gone_into(written, change).to_string(),
                _ => written.to_string(),
            }
        }
    };
    invalid(shown, why)
}

/// The refusal of what a patch has made, as `shown`.
pub(super) fn invalid(shown: String, why: &str) -> Status {
    let mut errors = ErrorList::default();
    errors.invalid("patch", shown, why);
    Status::invalid("", "", "", errors)
}

/// An object with the keys by the alphabet wherever a patch went into it, which is a map to Go then; the rest stands as it was written
/// (`gopkg.in/evanphx/json-patch.v4`, lazyNode).
pub(super) fn gone_into(object: Value, change: &Value) -> Value {
    match (object, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            let ordered: BTreeMap<String, Value> = fields.into_iter().collect();
            let each = ordered.into_iter().map(|(key, value)| {
                let value = match changes.get(&key) {
                    Some(change) => gone_into(value, change),
                    None => value,
                };
                (key, value)
            });
            each.collect()
        }
        (object, _) => object,
    }
}

/// Where operations of a JSON patch go, as a tree.
fn places(operations: &Value) -> Value {
    let mut places = json!({});
    for operation in operations.as_array().into_iter().flatten() {
        let path = meta::text(operation, "/path");
        let (parent, _) = path.rsplit_once('/').unwrap_or_default();
        let mut place = &mut places;
        for step in parent.split('/').skip(1) {
            place = meta::child(place, &step.replace("~1", "/").replace("~0", "~"));
        }
    }
    places
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let ordered: BTreeMap<&String, Value> = fields.iter().map(|(key, value)| (key, sorted(value))).collect();
            ordered.into_iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// The patch without the lists that `$setElementOrder` orders: Kubernetes has used them up by the time it shows the patch.
fn unordered(change: &Value) -> Value {
    let Value::Object(map) = change else { return change.clone() };
    let ordered: Vec<&str> = map.keys().filter_map(|key| key.strip_prefix("$setElementOrder/")).collect();
    let kept = map.iter().filter(|(key, _)| !(key.starts_with("$setElementOrder/") || ordered.contains(&key.as_str())));
    Value::Object(kept.map(|(key, value)| (key.clone(), unordered(value))).collect())
}
