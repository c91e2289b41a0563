//! What the endpoints do beside the usual with objects of definitions: reading them by their schema, and taking them away with it.
//! What a schema makes of an object is the registry's.

use serde_json::{Value, json};

use super::{ApiServer, FieldValidation, Request};
use crate::object::meta;
use crate::sim::apiserver::status::{Result, Status, group_resource};

/// Drops the fields that the schema does not know, or refuses them, and fills in defaults. Built-in kinds were read by their types already.
pub(super) fn settle(request: &Request, object: &mut Value) -> Result<()> {
    let resource = request.resource;
    let Some(custom) = resource.strategy.custom else { return Ok(()) };
    let mut told = request.repeated.take();
    told.extend(unknown(custom.settle(object)));
    match request.field_validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => request.warnings.borrow_mut().extend(told),
        FieldValidation::Strict if told.is_empty() => {}
        FieldValidation::Strict => {
            let (kind, version) = (resource.kind, resource.version);
            let told = told.join(", ");
            return Err(Status::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a {kind}: strict decoding error: {told}"
            )));
        }
    }
    Ok(())
}

fn unknown(paths: Vec<String>) -> impl Iterator<Item = String> {
    paths.into_iter().map(|path| format!("unknown field \"{path}\""))
}

/// The fields of a patched object that its schema does not know, where strict validation has to refuse them.
pub(super) fn unknown_fields(request: &Request, object: &Value) -> Vec<String> {
    let custom = request.resource.strategy.custom.filter(|_| request.field_validation == FieldValidation::Strict);
    custom.into_iter().flat_map(|custom| unknown(custom.settle(&mut object.clone()))).collect()
}

/// A stored object in the version asked for: versions of a definition differ in nothing but their name.
pub(super) fn in_version(request_version: &str, object: &Value) -> Option<Value> {
    if object["apiVersion"] == request_version {
        return None;
    }
    let mut shown = object.clone();
    shown["apiVersion"] = json!(request_version);
    Some(shown)
}

impl ApiServer {
    /// Takes away the objects of a definition that is gone.
    pub(super) fn clean_up(&self, definition: &Value) {
        let group = meta::text(definition, "/spec/group");
        let resource = group_resource(group, meta::text(definition, "/spec/names/plural"));
        for object in self.storage.list(&resource, None).0 {
            let key = (meta::namespace(&object).to_owned(), meta::name(&object).to_owned());
            // Nobody else takes them: writes come one after another.
            let _ = self.storage.remove(&resource, key, None);
        }
    }
}
