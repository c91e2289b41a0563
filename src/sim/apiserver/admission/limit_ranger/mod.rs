//! LimitRanger: containers get the requests and limits a namespace gives by default, and stay within its bounds.
//! Source: `plugin/pkg/admission/limitranger/admission.go`.

mod bounds;
mod defaults;

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;

pub const PLUGIN: Plugin = Plugin { name: "LimitRanger", mutate, validate };

fn mutate(attributes: &Attributes, pod: &mut Value) -> Result<()> {
    if attributes.creates("", "pods") {
        ranges(attributes).iter().for_each(|range| defaults::fill(range, pod));
    }
    Ok(())
}

fn validate(attributes: &Attributes, object: &Value) -> Result<()> {
    let terminating = attributes.old.is_some_and(meta::is_terminating);
    if attributes.operation == Operation::Delete || terminating || !attributes.resource.group.is_empty() {
        return Ok(());
    }
    let check = match (attributes.resource.plural, attributes.subresource, attributes.operation) {
        ("pods", "", Operation::Create) | ("pods", "resize", _) => bounds::pod,
        ("persistentvolumeclaims", "", _) => bounds::claim,
        _ => return Ok(()),
    };
    for range in ranges(attributes) {
        let faults = check(&range, object);
        if !faults.is_empty() {
            return Err(attributes.forbidden(object, &bounds::sentence(&faults)));
        }
    }
    Ok(())
}

fn ranges(attributes: &Attributes) -> Vec<Object> {
    attributes.storage.list("limitranges", Some(attributes.namespace)).0
}
