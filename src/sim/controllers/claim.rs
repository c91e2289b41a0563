//! Whose is what: a controller adopts orphans its selector matches and releases what it no longer matches.
//! Source: `pkg/controller/controller_ref_manager.go`.

use serde_json::Value;

use super::pods;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, key};

/// The selector of a workload, in the object form or, for replication controllers, as plain labels. One that is empty or wrong selects nothing.
pub fn selector(owner: &Value) -> LabelSelector {
    let found = owner.pointer("/spec/selector");
    let parsed = match found {
        Some(plain) if meta::text(owner, "/kind") == "ReplicationController" => {
            LabelSelector::from_map(plain.as_object())
        }
        other => LabelSelector::from_object(other),
    };
    match parsed {
        Ok(selector) if !selector.is_everything() => selector,
        _ => LabelSelector::nothing(),
    }
}

/// Whether `object` is controlled by `owner`.
pub fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    meta::controller_of(object).is_some_and(|reference| meta::text(reference, "/uid") == meta::uid(owner))
}

/// The objects of `candidates` that belong to `owner`, after adopting and releasing. An owner that is going does neither.
pub fn claim(
    context: &Context,
    resource: &'static Resource,
    owner: &Value,
    selector: &LabelSelector,
    candidates: Vec<Object>,
) -> Result<Vec<Object>> {
    let mut claimed = Vec::new();
    for object in candidates {
        let matches = selector.matches(meta::map(&object, "/metadata/labels"));
        match meta::controller_of(&object) {
            Some(reference) if meta::text(reference, "/uid") != meta::uid(owner) => {}
            Some(_) if matches => claimed.push(object),
            Some(_) if meta::is_terminating(owner) => {}
            Some(_) => ignore_missing(release(context, resource, owner, &object))?,
            None if !matches || meta::is_terminating(owner) || meta::is_terminating(&object) => {}
            None => match adopt(context, resource, owner, &object) {
                Err(status) if status.is_not_found() => {}
                adopted => claimed.push(adopted?),
            },
        }
    }
    Ok(claimed)
}

/// The Pods of the owner's namespace that belong to it, after adopting and releasing; those that ended are left aside.
pub fn claim_pods(context: &Context, owner: &Value, selector: &LabelSelector) -> Result<Pods> {
    let (mut active, mut ending) = (Vec::new(), Vec::new());
    for pod in context.client.list(&POD, meta::namespace(owner)) {
        if pods::is_active(&pod) {
            active.push(pod);
        } else if pods::is_ending(&pod) && is_controlled_by(&pod, owner) && selector.selects(&pod) {
            ending.push(pod);
        }
    }
    Ok(Pods { active: claim(context, &POD, owner, selector, active)?, ending })
}

/// The Pods of a workload.
pub struct Pods {
    /// Neither ended nor asked to.
    pub active: Vec<Object>,
    /// Asked to end, and still there.
    pub ending: Vec<Object>,
}

fn ignore_missing(result: Result<Object>) -> Result<()> {
    match result {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(()),
    }
}

fn adopt(context: &Context, resource: &'static Resource, owner: &Value, object: &Value) -> Result<Object> {
    let reference = meta::controller_reference(owner);
    context.client.modify(resource, meta::namespace(object), meta::name(object), |fresh| {
        if meta::uid(fresh) != meta::uid(object) || meta::controller_of(fresh).is_some() {
            return;
        }
        meta::edit_list(&mut fresh["metadata"], "ownerReferences", |owners| owners.push(reference.clone()));
    })
}

fn release(context: &Context, resource: &'static Resource, owner: &Value, object: &Value) -> Result<Object> {
    context.client.modify(resource, meta::namespace(object), meta::name(object), |fresh| {
        disown(fresh, meta::uid(owner));
    })
}

/// Takes the owner of this uid out of `metadata.ownerReferences`.
pub fn disown(object: &mut Value, uid: &str) {
    let keep = |owner: &Value| meta::text(owner, "/uid") != uid;
    meta::edit_list(&mut object["metadata"], "ownerReferences", |owners| owners.retain(keep));
}

/// The keys an object concerns: its controller of `kind`, or, when it has no controller, every owner in the namespace whose selector matches it.
pub fn keys(context: &Context, object: &Object, owners: &'static Resource) -> Vec<Key> {
    if meta::controller_of(object).is_some() {
        return crate::sim::reconciler::controller_key(object, owners.kind);
    }
    let labels = meta::map(object, "/metadata/labels");
    if meta::is_terminating(object) || labels.is_none_or(serde_json::Map::is_empty) {
        return Vec::new();
    }
    let owners = context.client.list(owners, meta::namespace(object));
    owners.iter().filter(|owner| selector(owner).matches(labels)).map(key).collect()
}
