//! PATCH: the patch forms over the object as it stands, then an update.
//! What each form does to a tree is `object::patch`'s.

use serde_json::{Value, json};

use super::read::shown;
use super::{ApiServer, Request};
use crate::object::patch::{self, PatchError};
use crate::object::schema;
use crate::sim::apiserver::decoding::{self, Dialect};
use crate::sim::apiserver::field::ErrorList;
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
        let found = self.storage.get(&stored.group_resource(), &request.namespace, &request.name);
        let Some(found) = found else {
            return match patch {
                Patch::Apply(object) if request.subresource.is_empty() => {
                    self.create_in_turn(request, object.clone()).map(|created| (created, true))
                }
                _ => Err(request.not_found()),
            };
        };
        let before = shown(request.resource, found);
        let mut after = (*before).clone();
        self.apply(request, patch, &mut after)?;
        let dialect = if matches!(patch, Patch::Strategic(_)) { Dialect::Converter } else { Dialect::Json };
        let of = schema::of(&request.resource.api_version(), request.resource.kind);
        let (after, warnings) = decoding::refit(&after, of, dialect, request.field_validation)
            .map_err(|why| unfit(patch, &after, &why.to_string()))?;
        request.warnings.borrow_mut().extend(warnings);
        let operation = if matches!(patch, Patch::Apply(_)) { "Apply" } else { "Update" };
        self.update_in_turn(request, after, operation)
    }

    fn apply(&self, request: &Request, patch: &Patch, object: &mut Value) -> Result<()> {
        let resource = request.resource;
        let schema = schema::of(&resource.api_version(), resource.kind);
        match patch {
            Patch::Json(operations) => patch::json(object, operations).map_err(refused),
            Patch::Merge(change) => {
                patch::merge(object, change);
                Ok(())
            }
            Patch::Strategic(change) => patch::strategic(object, change, schema).map_err(refused),
            // Fields are taken as given; what another manager owned is not contested yet (docs/simulator.md).
            Patch::Apply(wanted) => patch::apply(object, wanted, schema).map_err(refused),
        }
    }
}

/// A patch that does not apply. As upstream, a JSON patch is not told why, and what is not classified has no reason.
fn refused(error: PatchError) -> Status {
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
fn unfit(patch: &Patch, after: &Value, why: &str) -> Status {
    let shown = match patch {
        Patch::Strategic(change) => decoding::go_map(&unordered(change)),
        _ => after.to_string(),
    };
    let mut errors = ErrorList::default();
    errors.invalid("patch", shown, why);
    Status::invalid("", "", "", errors)
}

/// The patch without the lists that `$setElementOrder` orders: Kubernetes has used them up by the time it shows the patch.
fn unordered(change: &Value) -> Value {
    let Value::Object(map) = change else { return change.clone() };
    let ordered: Vec<&str> = map.keys().filter_map(|key| key.strip_prefix("$setElementOrder/")).collect();
    let kept = map.iter().filter(|(key, _)| !(key.starts_with("$setElementOrder/") || ordered.contains(&key.as_str())));
    Value::Object(kept.map(|(key, value)| (key.clone(), unordered(value))).collect())
}
