//! node-controller: nodes whose kubelet falls silent turn Unknown, and their conditions become taints.
//! Sending Pods away from tainted nodes is the taint eviction controller's.
//! Source: `pkg/controller/nodelifecycle/node_lifecycle_controller.go`.

mod health;
mod taints;

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::lease::LEASE;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, key};

/// The controller; its keys are nodes.
pub static NODE_LIFECYCLE_CONTROLLER: Controller = Controller {
    name: "node-controller",
    watches: &[
        // Whether nodes are evicted depends on whether any is still there.
        Watched { resource: &NODE, keys: |context, _| context.client.list(&NODE, "").iter().map(key).collect() },
        Watched {
            resource: &LEASE,
            keys: |_, lease| match meta::namespace(lease) {
                "kube-node-lease" => vec![(String::new(), meta::name(lease).to_owned())],
                _ => Vec::new(),
            },
        },
    ],
    reconcile,
};

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let Some(node) = context.client.find(&NODE, "", name) else {
        health::forget(context, name);
        return Ok(Next::Done);
    };
    let again = health::watch_over(context, &node)?;
    taints::reconcile(context, name)?;
    Ok(Next::After(again))
}
