//! DefaultTolerationSeconds: Pods stay five minutes on a node that is not ready or not to be reached, unless they say otherwise.
//! Source: `plugin/pkg/admission/defaulttolerationseconds/admission.go`.

use serde_json::{Value, json};

use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;

pub const PLUGIN: Plugin = Plugin { name: "DefaultTolerationSeconds", mutate, ..Plugin::NOTHING };

const SECONDS: i64 = 300;

fn mutate(attributes: &Attributes, pod: &mut Value) -> Result<()> {
    if !attributes.is("", "pods") {
        return Ok(());
    }
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerates = |toleration: &Value| {
            let (own, effect) = (meta::text(toleration, "/key"), meta::text(toleration, "/effect"));
            (own == key || own.is_empty()) && (effect == "NoExecute" || effect.is_empty())
        };
        let tolerations = meta::list(pod, "/spec/tolerations");
        if tolerations.iter().any(tolerates) {
            continue;
        }
        let added = json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS });
        let tolerations = [tolerations, &[added]].concat();
        meta::child(pod, "spec")["tolerations"] = Value::Array(tolerations);
    }
    Ok(())
}
