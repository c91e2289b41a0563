//! `/scale`: how many replicas a workload has and should have.
//! Source: `pkg/registry/apps/deployment/storage/storage.go` and its like for the other workloads.

use serde_json::{Value, json};

use crate::object::meta;
use crate::object::patch;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::endpoints::{ApiServer, Request};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::status::{Result, Status};

/// The Scale of a workload.
fn of(object: &Value) -> Value {
    let selector = match object.pointer("/spec/selector") {
        // Replication controllers select by plain labels.
        Some(plain) if plain.get("matchLabels").is_none() && plain.get("matchExpressions").is_none() => {
            LabelSelector::from_map(plain.as_object())
        }
        selector => LabelSelector::from_object(selector),
    };
    let selector = selector.map(|selector| selector.to_string()).unwrap_or_default();
    let mut metadata = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata[key] = object["metadata"][key].clone();
    }
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": { "replicas": meta::number(object, "/spec/replicas").unwrap_or_default() },
        "status": { "replicas": meta::number(object, "/status/replicas").unwrap_or_default(), "selector": selector },
    })
}

/// GET, PUT and PATCH.
pub fn serve(server: &ApiServer, request: &Request, verb: &str, body: Value) -> Result<(u16, Value)> {
    let whole = Request {
        dry_run: request.dry_run,
        field_manager: request.field_manager.clone(),
        through: "scale",
        ..Request::new(request.user.clone(), request.resource, &request.namespace, &request.name)
    };
    let found = server.get(&whole)?;
    let wanted = match verb {
        "get" => return Ok((200, of(&found))),
        "patch" => {
            let mut scale = of(&found);
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
    changed["spec"]["replicas"] = json!(replicas);
    let asked = meta::text(&wanted, "/metadata/resourceVersion");
    if !asked.is_empty() && verb != "patch" {
        changed["metadata"]["resourceVersion"] = json!(asked);
    }
    let (updated, _) = server.update(&whole, changed)?;
    Ok((200, of(&updated)))
}
