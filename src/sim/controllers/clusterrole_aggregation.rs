//! clusterrole-aggregation-controller: gives aggregated ClusterRoles the rules of those their selectors choose.
//! Which rules these are stands in `auth`. Source: `pkg/controller/clusterroleaggregation`.

use serde_json::Value;

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::auth::aggregation::aggregate;
use crate::sim::apiserver::registry::kinds::clusterrole::CLUSTERROLE;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, key};

/// The controller; its keys are the ClusterRoles that aggregate.
pub static CLUSTERROLE_AGGREGATION_CONTROLLER: Controller = Controller {
    name: "clusterrole-aggregation-controller",
    watches: &[Watched { resource: &CLUSTERROLE, keys: aggregated }],
    reconcile,
};

fn aggregated(context: &Context, _: &Object) -> Vec<Key> {
    let mut roles = context.client.list(&CLUSTERROLE, "");
    roles.retain(|role| role.get("aggregationRule").is_some_and(Value::is_object));
    roles.iter().map(key).collect()
}

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let all = context.client.list(&CLUSTERROLE, "");
    let Some(role) = all.iter().find(|role| meta::name(role) == name) else { return Ok(Next::Done) };
    let Some(rules) = aggregate(role, &all).map_err(Status::internal)? else { return Ok(Next::Done) };
    let mut changed = Value::clone(role);
    changed["rules"] = Value::Array(rules);
    match context.client.update(&CLUSTERROLE, changed) {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}
