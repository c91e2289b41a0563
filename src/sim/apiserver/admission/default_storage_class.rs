//! DefaultStorageClass: a claim that names no class gets the default one. An empty name is a name.
//! Source: `plugin/pkg/admission/storage/storageclass/setdefault` and `pkg/volume/util/storageclass.go`.

use serde_json::{Value, json};

use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;

pub const PLUGIN: Plugin = Plugin { name: "DefaultStorageClass", mutate, ..Plugin::NOTHING };

const IS_DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

fn mutate(attributes: &Attributes, claim: &mut Value) -> Result<()> {
    if !attributes.creates("", "persistentvolumeclaims") {
        return Ok(());
    }
    let named = claim.pointer("/spec/storageClassName").is_some_and(Value::is_string);
    if named || meta::annotation(claim, "volume.beta.kubernetes.io/storage-class").is_some() {
        return Ok(());
    }
    let (classes, _) = attributes.storage.list("storageclasses.storage.k8s.io", None);
    let is_default = |class: &&Object| IS_DEFAULT.iter().any(|key| meta::annotation(class, key) == Some("true"));
    // Of several the newest; of those of one moment the first by name, which they are ordered by.
    let newest = classes.iter().filter(is_default).rev();
    if let Some(class) = newest.max_by_key(|class| meta::text(class, "/metadata/creationTimestamp")) {
        meta::child(claim, "spec")["storageClassName"] = json!(meta::name(class));
    }
    Ok(())
}
