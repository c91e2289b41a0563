//! Which objects a quota's scopes are about.
//! Source: `podMatchesScopeFunc` in `pkg/quota/v1/evaluator/core/pods.go`, `pvcMatchesScopeFunc` in `persistent_volume_claims.go`.

use serde_json::Value;

use crate::object::meta;
use crate::sim::apiserver::registry::kinds::pod_spec::qos;

/// Whether all scopes of the quota hold for an object. Only Pods and claims have scopes.
pub fn holds(quota: &Value, resource: &str, object: &Value) -> bool {
    let plain = meta::list(quota, "/spec/scopes").iter().filter_map(Value::as_str);
    let mut plain = plain.map(|name| (name, "Exists", &[] as &[Value]));
    let mut chosen = meta::list(quota, "/spec/scopeSelector/matchExpressions")
        .iter()
        .map(|one| (meta::text(one, "/scopeName"), meta::text(one, "/operator"), meta::list(one, "/values")));
    let matches = |(name, operator, values): (&str, &str, &[Value])| match resource {
        "pods" => pod(object, name, operator, values),
        "persistentvolumeclaims" => name == "VolumeAttributesClass" && claim(object, operator, values),
        _ => false,
    };
    plain.all(matches) && chosen.all(matches)
}

fn pod(pod: &Value, scope: &str, operator: &str, values: &[Value]) -> bool {
    let terminating = meta::number(pod, "/spec/activeDeadlineSeconds").is_some_and(|seconds| seconds >= 0);
    let best_effort = || qos::class(&pod["spec"]) == "BestEffort";
    match scope {
        "Terminating" => terminating,
        "NotTerminating" => !terminating,
        "BestEffort" => best_effort(),
        "NotBestEffort" => !best_effort(),
        "PriorityClass" => chooses(meta::text(pod, "/spec/priorityClassName"), operator, values),
        "CrossNamespacePodAffinity" => crosses(pod),
        _ => false,
    }
}

/// A claim is of the class it has, of that it had, and of that it is to have.
fn claim(claim: &Value, operator: &str, values: &[Value]) -> bool {
    let names = [
        "/spec/volumeAttributesClassName",
        "/status/currentVolumeAttributesClassName",
        "/status/modifyVolumeStatus/targetVolumeAttributesClassName",
    ];
    let mut named = names.map(|name| meta::text(claim, name)).into_iter().filter(|name| !name.is_empty()).peekable();
    match named.peek() {
        None => chooses("", operator, values),
        Some(_) => named.any(|name| chooses(name, operator, values)),
    }
}

fn chooses(class: &str, operator: &str, values: &[Value]) -> bool {
    let among = values.iter().any(|value| value == class);
    match operator {
        "In" => !class.is_empty() && among,
        "NotIn" => class.is_empty() || !among,
        "DoesNotExist" => class.is_empty(),
        _ => !class.is_empty(),
    }
}

/// Whether the Pod wants to be near or far from Pods of other namespaces.
fn crosses(pod: &Value) -> bool {
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    let terms = ["podAffinity", "podAntiAffinity"].iter().flat_map(|kind| {
        let plain = meta::list(pod, &format!("/spec/affinity/{kind}/{required}")).iter();
        let weighted = meta::list(pod, &format!("/spec/affinity/{kind}/{preferred}")).iter();
        plain.chain(weighted.filter_map(|term| term.get("podAffinityTerm")))
    });
    terms.into_iter().any(|term| {
        !meta::list(term, "/namespaces").is_empty() || term.get("namespaceSelector").is_some_and(Value::is_object)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_are_of_the_class_they_had_too() {
        let chosen = json!([{ "scopeName": "VolumeAttributesClass", "operator": "In", "values": ["gold"] }]);
        let gold = json!({ "spec": { "scopeSelector": { "matchExpressions": chosen } } });
        let claim = |key: &str| json!({ "spec": { "volumeAttributesClassName": "copper" }, "status": { key: "gold" } });
        assert!(holds(&gold, "persistentvolumeclaims", &claim("currentVolumeAttributesClassName")));
        assert!(!holds(&gold, "persistentvolumeclaims", &claim("phase")));
    }
}
