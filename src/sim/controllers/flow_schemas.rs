//! api-priority-and-fairness-config-consumer-v1: a FlowSchema whose priority level is missing is told to dangle.
//! Nothing is queued by either. Source: `k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go`.

use serde_json::json;

use super::Controller;
use super::conditions::{self, Condition};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::flowschema::FLOWSCHEMA;
use crate::sim::apiserver::registry::kinds::prioritylevelconfiguration::PRIORITYLEVELCONFIGURATION;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, key, own};

/// The controller; its keys are FlowSchemas.
pub static FLOW_SCHEMA_CONTROLLER: Controller = Controller {
    name: "api-priority-and-fairness-config-consumer-v1",
    watches: &[
        Watched { resource: &FLOWSCHEMA, keys: own },
        Watched {
            resource: &PRIORITYLEVELCONFIGURATION,
            keys: |context, level| {
                let mut schemas = context.client.list(&FLOWSCHEMA, "");
                schemas
                    .retain(|schema| meta::text(schema, "/spec/priorityLevelConfiguration/name") == meta::name(level));
                schemas.iter().map(key).collect()
            },
        },
    ],
    reconcile,
};

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let Some(schema) = context.client.find(&FLOWSCHEMA, "", name) else { return Ok(Next::Done) };
    let level = meta::text(&schema, "/spec/priorityLevelConfiguration/name");
    let there = context.client.find(&PRIORITYLEVELCONFIGURATION, "", level).is_some();
    let (status, reason, end) = match there {
        true => ("False", "Found", "it exists"),
        false => ("True", "NotFound", "there is no such object"),
    };
    let join = if there { "and" } else { "but" };
    let message =
        format!("This FlowSchema references the PriorityLevelConfiguration object named {level:?} {join} {end}");
    let mut told = schema.get("status").cloned().unwrap_or_else(|| json!({}));
    let condition = Condition { kind: "Dangling", status, reason, message: &message };
    conditions::set(&mut told, condition.at(context.client.clock().now()));
    conditions::write(context, &FLOWSCHEMA, &schema, &told)?;
    Ok(Next::Done)
}
