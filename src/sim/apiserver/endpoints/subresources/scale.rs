//! `/scale`: how many replicas a workload has and should have.
//! Source: `pkg/registry/apps/deployment/storage/storage.go` and its like for the other workloads.

use serde_json::{Value, json};

use crate::object::meta;
use crate::object::{patch, path, schema};
use crate::sim::apiserver::decoding::{self, Dialect};
use crate::sim::apiserver::endpoints::patch::{gone_into, invalid, refused};
use crate::sim::apiserver::endpoints::{ApiServer, Request, metadata};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::scale::{of, paths};
use crate::sim::apiserver::status::{Result, Status};

/// GET, PUT and PATCH.
pub fn serve(server: &ApiServer, request: &Request, verb: &str, body: Value) -> Result<(u16, Value)> {
    let whole = Request {
        dry_run: request.dry_run,
        field_manager: request.field_manager.clone(),
        through: "scale",
        ..Request::new(request.user.clone(), request.resource, &request.namespace, &request.name)
    };
    if verb == "update" {
        metadata::named(request, &body)?;
    }
    let found = server.get(&whole)?;
    let wanted = match verb {
        "get" => return Ok((200, of(request.resource, &found))),
        "patch" => {
            let mut scale = of(request.resource, &found);
            let owners = owners(&found, paths(request.resource).0);
            if !owners.is_empty() {
                scale["metadata"]["managedFields"] = Value::Array(owners);
            }
            patched(request, scale, &body)?
        }
        _ => body,
    };
    let replicas = meta::number(&wanted, "/spec/replicas").unwrap_or_default();
    if replicas < 0 {
        let mut errors = ErrorList::default();
        errors.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        return Err(Status::invalid("autoscaling", "Scale", &request.name, errors));
    }
    let mut changed = (*found).clone();
    let place = paths(request.resource).0.trim_start_matches('/').replace('/', ".");
    // A path of a definition was checked with it.
    let _ = path::set(&mut changed, &place, json!(replicas));
    let asked = meta::text(&wanted, "/metadata/resourceVersion");
    if !asked.is_empty() && verb != "patch" {
        changed["metadata"]["resourceVersion"] = json!(asked);
    }
    let (updated, _) = server.update(&whole, changed)?;
    Ok((200, of(request.resource, &updated)))
}

/// The Scale with a patch laid over it, as one that can be read.
fn patched(request: &Request, mut scale: Value, change: &Value) -> Result<Value> {
    // Only a JSON patch is a list.
    if change.is_array() {
        patch::json(&mut scale, change).map_err(refused)?;
    } else {
        patch::merge(&mut scale, change);
    }
    let kind = schema::of("autoscaling/v1", "Scale");
    match decoding::refit(&scale, kind, Dialect::Json, request.field_validation) {
        Ok((fitted, told)) => {
            request.warnings.borrow_mut().extend(told);
            Ok(fitted)
        }
        Err(why) => Err(invalid(gone_into(scale, change).to_string(), &why.to_string())),
    }
}

/// Who owns how many replicas there should be, as entries of the Scale (`k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go`, ToSubresource).
fn owners(object: &Value, place: &str) -> Vec<Value> {
    let place = format!("/fieldsV1{}", place.replace('/', "/f:"));
    let entries = meta::list(object, "/metadata/managedFields").iter();
    let owning = entries.filter(|entry| entry.pointer(&place).is_some());
    let shown = owning.map(|entry| {
        let mut shown = entry.clone();
        shown["apiVersion"] = json!("autoscaling/v1");
        shown["fieldsV1"] = json!({ "f:spec": { "f:replicas": {} } });
        shown
    });
    shown.collect()
}
