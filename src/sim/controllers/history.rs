//! ControllerRevisions: the states a DaemonSet or StatefulSet had, numbered, so that it can go back.
//! Source: `pkg/controller/history/controller_history.go`.

use serde_json::{Value, json};

use super::{claim, template};
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::controllerrevision::CONTROLLERREVISION;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::Context;

/// What Pods say about the revision they were made from.
pub const REVISION_HASH: &str = "controller-revision-hash";

/// The revisions of an owner, the oldest first, after adopting and releasing.
pub fn revisions(context: &Context, owner: &Value, selector: &LabelSelector) -> Result<Vec<Object>> {
    let found = context.client.list(&CONTROLLERREVISION, meta::namespace(owner));
    let mut revisions = claim::claim(context, &CONTROLLERREVISION, owner, selector, found)?;
    revisions.sort_by(|one, other| order(one).cmp(&order(other)));
    Ok(revisions)
}

fn order(revision: &Value) -> (i64, &str, &str) {
    (number(revision), meta::text(revision, "/metadata/creationTimestamp"), meta::name(revision))
}

/// The number of a revision.
pub fn number(revision: &Value) -> i64 {
    meta::number(revision, "/revision").unwrap_or_default()
}

/// The Pod template a revision keeps.
pub fn template_of(revision: &Value) -> Value {
    let mut template = revision.pointer("/data/spec/template").cloned().unwrap_or_default();
    meta::remove(&mut template, "$patch");
    template
}

/// Whether a revision is that of the owner's template.
pub fn is_current(revision: &Value, owner: &Value) -> bool {
    owner.pointer("/spec/template").is_some_and(|template| template::same(&template_of(revision), template))
}

/// The revision of the owner's template with the highest number there is; made, or renumbered, where need be.
/// `label` is where the revision says its hash.
pub fn record(
    context: &Context,
    resource: &'static Resource,
    owner: &Value,
    label: &str,
    known: &[Object],
) -> Result<Object> {
    let (same, others): (Vec<&Object>, Vec<&Object>) = known.iter().partition(|known| is_current(known, owner));
    let next = others.iter().map(|other| number(other)).max().unwrap_or_default() + 1;
    if let Some(found) = same.last() {
        if number(found) >= next {
            return Ok(Object::clone(found));
        }
        return context.client.modify(&CONTROLLERREVISION, meta::namespace(owner), meta::name(found), |fresh| {
            fresh["revision"] = json!(next);
        });
    }
    let made = snapshot(owner, label, next);
    match context.client.create(&CONTROLLERREVISION, made.clone()) {
        Err(status) if status.reason == "AlreadyExists" => {
            let found = context.client.get(&CONTROLLERREVISION, meta::namespace(&made), meta::name(&made))?;
            if is_current(&found, owner) && claim::is_controlled_by(&found, owner) {
                return Ok(found);
            }
            context.client.modify_status(resource, meta::namespace(owner), meta::name(owner), |fresh| {
                let collisions = meta::number(fresh, "/status/collisionCount").unwrap_or_default();
                meta::child(fresh, "status")["collisionCount"] = json!(collisions + 1);
            })?;
            Err(status)
        }
        created => created,
    }
}

fn snapshot(owner: &Value, label: &str, revision: i64) -> Value {
    let mut template = owner["spec"]["template"].clone();
    let collisions = meta::number(owner, "/status/collisionCount").filter(|count| *count > 0);
    let hash = template::hash(&template, collisions);
    let mut metadata = json!({
        "name": format!("{}-{hash}", meta::name(owner).chars().take(223).collect::<String>()),
        "namespace": meta::namespace(owner),
        "labels": template.pointer("/metadata/labels").cloned().unwrap_or_else(|| json!({})),
        "ownerReferences": [meta::controller_reference(owner)],
    });
    metadata["labels"][label] = json!(hash);
    if let Some(annotations) = owner.pointer("/metadata/annotations") {
        metadata["annotations"] = annotations.clone();
    }
    template["$patch"] = json!("replace");
    json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": { "spec": { "template": sorted(&template) } },
        "revision": revision,
    })
}

/// With its keys in order: clients compare the bytes with those Go writes of a map.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

/// Deletes the oldest of `old` beyond the owner's `revisionHistoryLimit`, except those that `is_live`.
pub fn truncate(context: &Context, owner: &Value, old: &[Object], is_live: impl Fn(&Value) -> bool) -> Result<()> {
    let limit = meta::number(owner, "/spec/revisionHistoryLimit").unwrap_or(10);
    let excess = old.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    for revision in old.iter().filter(|revision| !is_live(revision)).take(excess) {
        let options = DeleteOptions::of_uid(meta::uid(revision));
        let (namespace, name) = (meta::namespace(revision), meta::name(revision));
        match context.client.delete(&CONTROLLERREVISION, namespace, name, &options) {
            Err(status) if !status.is_not_found() => return Err(status),
            _ => {}
        }
    }
    Ok(())
}
