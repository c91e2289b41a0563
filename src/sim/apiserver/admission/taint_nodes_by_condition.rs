//! TaintNodesByCondition: a new node takes no Pods before it is ready; the node controller removes the taint.
//! Source: `plugin/pkg/admission/nodetaint/admission.go`.

use serde_json::{Value, json};

use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;

pub const PLUGIN: Plugin = Plugin { name: "TaintNodesByCondition", mutate, ..Plugin::NOTHING };

const KEY: &str = "node.kubernetes.io/not-ready";

fn mutate(attributes: &Attributes, node: &mut Value) -> Result<()> {
    if !attributes.creates("", "nodes") {
        return Ok(());
    }
    let taints = meta::list(node, "/spec/taints");
    let same = |taint: &Value| meta::text(taint, "/key") == KEY && meta::text(taint, "/effect") == "NoSchedule";
    if !taints.iter().any(same) {
        let taints = [taints, &[json!({ "key": KEY, "effect": "NoSchedule" })]].concat();
        meta::child(node, "spec")["taints"] = Value::Array(taints);
    }
    Ok(())
}
