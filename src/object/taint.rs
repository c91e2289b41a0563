//! Taints and tolerations: which toleration answers which taint.
//! What follows from a taint nobody tolerates is the scheduler's and the eviction controller's.
//! Source: `k8s.io/api/core/v1/toleration.go`, ToleratesTaint.

use serde_json::Value;

use super::meta;

/// Whether a toleration answers a taint. An empty effect or key answers every one.
pub fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |value, pointer| meta::text(value, pointer);
    let (effect, key) = (text(toleration, "/effect"), text(toleration, "/key"));
    if !effect.is_empty() && effect != text(taint, "/effect") {
        return false;
    }
    if !key.is_empty() && key != text(taint, "/key") {
        return false;
    }
    match text(toleration, "/operator") {
        "" | "Equal" => text(toleration, "/value") == text(taint, "/value"),
        operator => operator == "Exists",
    }
}

/// Whether one of the tolerations answers a taint.
pub fn tolerated(tolerations: &[Value], taint: &Value) -> bool {
    tolerations.iter().any(|toleration| tolerates(toleration, taint))
}

/// The first of `taints` with one of these effects that no toleration answers.
pub fn untolerated<'a>(taints: &'a [Value], tolerations: &[Value], effects: &[&str]) -> Option<&'a Value> {
    let counts = |taint: &&Value| effects.contains(&meta::text(taint, "/effect"));
    taints.iter().filter(counts).find(|taint| !tolerated(tolerations, taint))
}

/// Whether two taints are the same to Kubernetes: of one key and effect.
pub fn same(one: &Value, other: &Value) -> bool {
    meta::text(one, "/key") == meta::text(other, "/key") && meta::text(one, "/effect") == meta::text(other, "/effect")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_values_and_effects_must_agree_unless_left_out() {
        let taint = json!({ "key": "gpu", "value": "yes", "effect": "NoSchedule" });
        for good in [
            json!({ "operator": "Exists" }),
            json!({ "key": "gpu", "operator": "Exists", "effect": "NoSchedule" }),
            json!({ "key": "gpu", "value": "yes" }),
            json!({ "key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule" }),
        ] {
            assert!(tolerates(&good, &taint), "{good}");
        }
        for bad in [
            json!({ "key": "gpu" }),
            json!({ "key": "cpu", "operator": "Exists" }),
            json!({ "key": "gpu", "value": "yes", "effect": "NoExecute" }),
            json!({ "key": "gpu", "operator": "Exists", "effect": "PreferNoSchedule" }),
        ] {
            assert!(!tolerates(&bad, &taint), "{bad}");
        }
    }

    #[test]
    fn effects_nobody_asked_for_do_not_count() {
        let taints =
            [json!({ "key": "a", "effect": "PreferNoSchedule" }), json!({ "key": "b", "effect": "NoExecute" })];
        assert_eq!(untolerated(&taints, &[], &["NoSchedule"]), None);
        assert_eq!(untolerated(&taints, &[], &["NoSchedule", "NoExecute"]), Some(&taints[1]));
    }
}
