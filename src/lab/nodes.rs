//! The nodes of a cluster that is not ours: how they were before a task about nodes, and bringing them back.
//! Whether a task is about nodes, its claims say.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Lab, LabError};
use crate::cluster::{PatchForm, Selection};
use crate::object::meta;

/// What labs change on a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Before {
    name: String,
    labels: Map<String, Value>,
    taints: Value,
    unschedulable: Value,
}

impl Before {
    fn of(node: &Value) -> Self {
        let at = |pointer: &str| node.pointer(pointer).cloned().unwrap_or_default();
        let labels = at("/metadata/labels").as_object().cloned().unwrap_or_default();
        let name = meta::name(node).to_owned();
        Self { name, labels, taints: at("/spec/taints"), unschedulable: at("/spec/unschedulable") }
    }

    /// The merge patch that leads back here.
    fn patch(&self, now: &Self) -> Value {
        let added = now.labels.keys().filter(|key| !self.labels.contains_key(*key));
        let mut labels: Map<String, Value> = added.map(|key| (key.clone(), Value::Null)).collect();
        labels.extend(self.labels.clone());
        json!({ "metadata": { "labels": labels }, "spec": { "taints": self.taints, "unschedulable": self.unschedulable } })
    }
}

/// How the nodes are.
pub async fn look(lab: &Lab) -> Result<Vec<Before>, LabError> {
    let all = Selection { api_version: "v1".to_owned(), kind: "Node".to_owned(), ..Selection::default() };
    let listed = lab.objects.list(&all).await;
    let (nodes, _) = listed.map_err(|source| LabError::Ask { what: "listing the nodes".to_owned(), source })?;
    Ok(nodes.iter().map(Before::of).collect())
}

/// Brings nodes back to how they were.
pub async fn restore(lab: &Lab, before: &[Before]) -> Result<(), LabError> {
    if before.is_empty() {
        return Ok(());
    }
    let now = look(lab).await?;
    for was in before {
        let Some(is) = now.iter().find(|is| is.name == was.name && *is != was) else { continue };
        let node = Selection::named("v1", "Node", None, &was.name);
        let what = format!("bringing node {} back to how it was", was.name);
        lab.objects
            .patch(&node, PatchForm::Merge, &was.patch(is))
            .await
            .map_err(|source| LabError::Ask { what, source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_takes_off_what_was_put_on_and_puts_on_what_was_taken_off() {
        let was = json!({ "metadata": { "name": "a", "labels": { "disk": "ssd" } }, "spec": {} });
        let is = json!({
            "metadata": { "name": "a", "labels": { "disk": "hdd", "rack": "7" } },
            "spec": { "unschedulable": true, "taints": [{ "key": "k", "effect": "NoSchedule" }] },
        });
        let expected = json!({
            "metadata": { "labels": { "disk": "ssd", "rack": null } }, "spec": { "taints": null, "unschedulable": null },
        });
        assert_eq!(Before::of(&was).patch(&Before::of(&is)), expected);
    }
}
