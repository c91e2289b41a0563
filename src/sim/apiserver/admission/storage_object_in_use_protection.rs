//! StorageObjectInUseProtection: claims and volumes are held by a finalizer while somebody uses them.
//! Taking it off is the protection controllers'. Source: `plugin/pkg/admission/storage/storageobjectinuseprotection`.

use serde_json::{Value, json};

use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;

pub const PLUGIN: Plugin = Plugin { name: "StorageObjectInUseProtection", mutate, ..Plugin::NOTHING };

const FINALIZERS: [(&str, &str, &str); 3] = [
    ("", "persistentvolumes", "kubernetes.io/pv-protection"),
    ("", "persistentvolumeclaims", "kubernetes.io/pvc-protection"),
    ("storage.k8s.io", "volumeattributesclasses", "kubernetes.io/vac-protection"),
];

fn mutate(attributes: &Attributes, object: &mut Value) -> Result<()> {
    let concerned = FINALIZERS.iter().find(|(group, plural, _)| attributes.creates(group, plural));
    let Some((.., finalizer)) = concerned else { return Ok(()) };
    if !meta::finalizers(object).any(|found| found == *finalizer) {
        let finalizers = [meta::list(object, "/metadata/finalizers"), &[json!(finalizer)]].concat();
        meta::child(object, "metadata")["finalizers"] = Value::Array(finalizers);
    }
    Ok(())
}
