//! DefaultIngressClass: an Ingress that names no class gets the default one.
//! Source: `plugin/pkg/admission/network/defaultingressclass`.

use serde_json::{Value, json};

use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;

pub const PLUGIN: Plugin = Plugin { name: "DefaultIngressClass", mutate, ..Plugin::NOTHING };

fn mutate(attributes: &Attributes, ingress: &mut Value) -> Result<()> {
    if !attributes.creates("networking.k8s.io", "ingresses") {
        return Ok(());
    }
    let named = ingress.pointer("/spec/ingressClassName").is_some_and(Value::is_string);
    if named || meta::annotation(ingress, "kubernetes.io/ingress.class").is_some() {
        return Ok(());
    }
    let (classes, _) = attributes.storage.list("ingressclasses.networking.k8s.io", None);
    let is_default =
        |class: &&Object| meta::annotation(class, "ingressclass.kubernetes.io/is-default-class") == Some("true");
    let newest = classes.iter().filter(is_default).rev();
    if let Some(class) = newest.max_by_key(|class| meta::text(class, "/metadata/creationTimestamp")) {
        meta::child(ingress, "spec")["ingressClassName"] = json!(meta::name(class));
    }
    Ok(())
}
