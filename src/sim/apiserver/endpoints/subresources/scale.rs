//! `/scale`: how many replicas a workload has and should have.
//! Source: `pkg/registry/apps/deployment/storage/storage.go` and its like for the other workloads.

use serde_json::{Value, json};

use crate::object::meta;
use crate::object::{patch, path};
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
            patch::merge(&mut scale, &body);
            scale
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
