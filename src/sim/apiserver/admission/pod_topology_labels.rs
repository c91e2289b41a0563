//! PodTopologyLabels: a Pod gets the labels of its node that say where it stands, whatever it said itself.
//! A Pod comes to its node at creation or by `pods/binding`. Source: `plugin/pkg/admission/podtopologylabels/admission.go`.

use serde_json::Value;

use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Storage;

pub const PLUGIN: Plugin = Plugin { name: "PodTopologyLabels", mutate, ..Plugin::NOTHING };

const LABELS: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

fn mutate(attributes: &Attributes, pod: &mut Value) -> Result<()> {
    let node = meta::text(pod, "/spec/nodeName").to_owned();
    if !node.is_empty() && attributes.creates("", "pods") {
        copy(attributes.storage, &node, pod);
    }
    Ok(())
}

/// Gives an object the labels of a node that say where it stands; a node that is not there has none.
pub fn copy(storage: &Storage, node: &str, object: &mut Value) {
    let Some(node) = storage.get("nodes", "", node) else { return };
    for key in LABELS {
        if let Some(value) = meta::label(&node, key) {
            meta::set_label(object, key, value);
        }
    }
}
