//! Topology spread constraints and tolerations.
//! Source: `pkg/apis/core/validation/validation.go`, validateTopologySpreadConstraints, ValidateTolerations.

use super::super::at::At;
use super::super::check;
use super::label_keys;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

/// `spec.topologySpreadConstraints`.
pub fn constraints(constraints: At<'_, '_>, errors: &mut ErrorList) {
    let all = constraints.list();
    for (index, constraint) in constraints.items().enumerate() {
        let (skew, key) = (constraint.key("maxSkew"), constraint.key("topologyKey"));
        let action = constraint.key("whenUnsatisfiable");
        if skew.count() <= 0 {
            errors.invalid(skew.path(), skew.count(), "must be greater than zero");
        }
        if key.is_empty() {
            key.required_because("can not be empty", errors);
        }
        action.one_of(&["DoNotSchedule", "ScheduleAnyway"], errors);
        let same = |other: &serde_json::Value| {
            other["topologyKey"] == key.text() && other["whenUnsatisfiable"] == action.text()
        };
        if all[index + 1..].iter().any(same) {
            let pair = format!("{{{}, {}}}", key.text(), action.text());
            errors.duplicate(format!("{}.{{topologyKey, whenUnsatisfiable}}", constraint.path()), pair);
        }
        let domains = constraint.key("minDomains");
        if domains.is_set() {
            if domains.count() <= 0 {
                domains.invalid("must be greater than zero", errors);
            }
            if action.text() != "DoNotSchedule" {
                let why = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}", action.text());
                domains.invalid(why, errors);
            }
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            constraint.key(policy).one_of_if_set(&["Honor", "Ignore"], errors);
        }
        label_keys::validate(constraint, errors);
        check::selector(constraint.key("labelSelector"), errors);
    }
}

/// What taints can do.
pub const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// `spec.tolerations`.
pub fn tolerations(tolerations: At<'_, '_>, errors: &mut ErrorList) {
    for toleration in tolerations.items() {
        let (key, operator) = (toleration.key("key"), toleration.key("operator"));
        let (value, effect) = (toleration.key("value"), toleration.key("effect"));
        if !key.is_empty() {
            check::qualified(key, errors);
        } else if operator.text() != "Exists" {
            let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            operator.invalid_text(why, errors);
        }
        if toleration.key("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
            effect.invalid_text("effect must be 'NoExecute' when `tolerationSeconds` is set", errors);
        }
        match operator.text() {
            "Equal" | "" => {
                let wrong = names::label_value(value.text());
                if !wrong.is_empty() {
                    errors.invalid(operator.path(), value.text(), wrong.join(";"));
                }
            }
            "Exists" if !value.is_empty() => {
                errors.invalid(operator.path(), value.text(), "value must be empty when `operator` is 'Exists'");
            }
            "Exists" => {}
            // Numbers are compared where the gate TaintTolerationComparisonOperators is on, which it is not by default in 1.35.
            "Lt" | "Gt" => {
                errors.not_supported(operator.path(), operator.text(), &["Equal", "Exists", "Lt", "Gt"]);
            }
            _ => operator.one_of(&["Equal", "Exists"], errors),
        }
        if !effect.is_empty() {
            effect.one_of(&EFFECTS, errors);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::meta;

    #[test]
    fn tolerations_do_not_compare_numbers_yet() {
        let pod =
            json!({ "tolerations": [{ "key": "sla", "operator": "Gt", "value": "950", "effect": "NoSchedule" }] });
        let mut errors = ErrorList::default();
        tolerations(At::root(&pod).key("tolerations"), &mut errors);
        let causes = errors.causes();
        assert_eq!(meta::text(&causes, "/0/field"), "tolerations[0].operator");
        let why = "Unsupported value: \"Gt\": supported values: \"Equal\", \"Exists\", \"Lt\", \"Gt\"";
        assert_eq!(meta::text(&causes, "/0/message"), why);
    }
}
