//! Who a stateful Pod is: its name, ordinal, labels, host name, and the claims that are its own.
//! Source: `pkg/controller/statefulset/stateful_set_utils.go`.

use serde_json::{Map, Value, json};

use crate::object::meta;
use crate::sim::controllers::history::{self, REVISION_HASH};
use crate::sim::controllers::pod_control;

const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// The ordinal of a Pod of this StatefulSet; `None` for a name that is not one of its.
pub fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    let digits = meta::name(pod).strip_prefix(meta::name(set))?.strip_prefix('-')?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// The first ordinal.
pub fn start(set: &Value) -> i64 {
    meta::number(set, "/spec/ordinals/start").unwrap_or_default()
}

/// The name of the Pod with this ordinal.
pub fn pod_name(set: &Value, ordinal: i64) -> String {
    format!("{}-{ordinal}", meta::name(set))
}

/// Whether a Pod says who it is.
pub fn is_itself(pod: &Value) -> bool {
    meta::label(pod, POD_NAME) == Some(meta::name(pod))
}

/// Makes a Pod say who it is.
pub fn name_itself(pod: &mut Value, ordinal: i64) {
    let name = meta::name(pod).to_owned();
    meta::set_label(pod, POD_NAME, &name);
    meta::set_label(pod, POD_INDEX, &ordinal.to_string());
}

/// The Pod with this ordinal, made from a revision's template.
pub fn new_pod(set: &Value, revision: &Value, ordinal: i64) -> Value {
    let mut of_revision = set.clone();
    of_revision["spec"]["template"] = history::template_of(revision);
    let mut pod = pod_control::from_template(&of_revision);
    let name = pod_name(set, ordinal);
    pod["metadata"]["name"] = json!(name);
    name_itself(&mut pod, ordinal);
    meta::set_label(&mut pod, REVISION_HASH, meta::name(revision));
    pod["spec"]["hostname"] = json!(name);
    let service = meta::text(set, "/spec/serviceName");
    if !service.is_empty() {
        pod["spec"]["subdomain"] = json!(service);
    }
    let own = claims(set, ordinal);
    if !own.is_empty() {
        let volume = |(template, claim): &(&str, Value)| json!({ "name": template, "persistentVolumeClaim": { "claimName": meta::name(claim) } });
        let mut volumes: Vec<Value> = own.iter().map(volume).collect();
        let is_own = |name: &str| own.iter().any(|(template, _)| *template == name);
        let others = meta::list(&pod, "/spec/volumes").iter().filter(|volume| !is_own(meta::text(volume, "/name")));
        volumes.extend(others.cloned().collect::<Vec<_>>());
        pod["spec"]["volumes"] = Value::Array(volumes);
    }
    pod
}

/// The claims of the Pod with this ordinal, each with the name of its template.
pub fn claims(set: &Value, ordinal: i64) -> Vec<(&str, Value)> {
    let claim = |template: &Value| {
        let mut claim = template.clone();
        meta::remove(&mut claim, "status");
        let name = format!("{}-{}", meta::name(template), pod_name(set, ordinal));
        let metadata = meta::child(&mut claim, "metadata");
        metadata["name"] = json!(name);
        metadata["namespace"] = json!(meta::namespace(set));
        for (key, value) in meta::map(set, "/spec/selector/matchLabels").unwrap_or(&Map::new()) {
            meta::child(metadata, "labels")[key] = value.clone();
        }
        claim
    };
    meta::list(set, "/spec/volumeClaimTemplates")
        .iter()
        .map(|template| (meta::name(template), claim(template)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_have_ordinals() {
        let set = json!({"metadata": {"name": "web"}});
        let of = |name: &str| ordinal(&set, &json!({"metadata": {"name": name}}));
        assert_eq!(
            [of("web-0"), of("web-12"), of("web-x"), of("web-"), of("web2-0")],
            [Some(0), Some(12), None, None, None]
        );
    }
}
