//! `matchLabelKeys` and `mismatchLabelKeys`: labels whose values a Pod's own are, asked for beside a selector.
//! They are merged into the selector when a Pod is created; templates keep them as they were written.
//! Source: `pkg/registry/core/pod/strategy.go`, mutatePodAffinity and mutateTopologySpreadConstraints (both on by default in 1.35);
//! `pkg/apis/core/validation/validation.go`, ValidateMatchLabelKeysAndMismatchLabelKeys.

use serde_json::{Map, Value, json};

use super::super::at::At;
use super::super::check;
use super::super::filling::{each, part};
use super::affinity::{PREFERRED, REQUIRED};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

const MATCH: &str = "matchLabelKeys";
const MISMATCH: &str = "mismatchLabelKeys";

/// Merges the keys of a new Pod's terms and constraints into their selectors.
pub fn merge(pod: &mut Value) {
    let labels = meta::map(pod, "/metadata/labels").cloned().unwrap_or_default();
    let Some(spec) = pod.get_mut("spec") else { return };
    each(spec, "topologySpreadConstraints", |constraint| merge_into(constraint, &labels));
    part(spec, "affinity", |affinity| {
        for side in ["podAffinity", "podAntiAffinity"] {
            part(affinity, side, |side| {
                each(side, PREFERRED, |one| part(one, "podAffinityTerm", |term| merge_into(term, &labels)));
                each(side, REQUIRED, |term| merge_into(term, &labels));
            });
        }
    });
}

/// What is without a selector selects nothing, and stays so.
fn merge_into(term: &mut Value, labels: &Map<String, Value>) {
    let mut requirements = Vec::new();
    for (list, operator) in [(MATCH, "In"), (MISMATCH, "NotIn")] {
        for key in meta::list(term, &format!("/{list}")).iter().filter_map(Value::as_str) {
            // A label that the Pod does not have restricts nothing.
            if let Some(value) = labels.get(key) {
                requirements.push(json!({ "key": key, "operator": operator, "values": [value] }));
            }
        }
    }
    if requirements.is_empty() {
        return;
    }
    part(term, "labelSelector", |selector| {
        meta::edit_list(selector, "matchExpressions", |all| all.extend(requirements));
    });
}

/// Checks the keys of a term or constraint: names of labels beside a selector that does not ask for them, each in one list only.
pub fn validate(term: At<'_, '_>, errors: &mut ErrorList) {
    let (matching, mismatching) = (term.key(MATCH), term.key(MISMATCH));
    let has_selector = term.key("labelSelector").is_set();
    for keys in [matching, mismatching] {
        if !keys.is_empty() && !has_selector {
            keys.forbidden("must not be specified when labelSelector is not set", errors);
            continue;
        }
        for key in keys.items() {
            check::qualified(key, errors);
        }
    }
    asked_twice(term, errors);
    for key in matching.items() {
        if mismatching.list().contains(key.value()) {
            key.invalid_text("exists in both matchLabelKeys and mismatchLabelKeys", errors);
        }
    }
}

/// Finds keys that the selector asks for, too. A Pod's selector has the merged requirement already, so it is the second that tells.
fn asked_twice(term: At<'_, '_>, errors: &mut ErrorList) {
    let (keys, selector) = (term.key(MATCH), term.key("labelSelector"));
    let (labels, expressions) = (selector.key("matchLabels"), selector.key("matchExpressions"));
    let mut asked: Vec<&str> = labels.entries().map(|(name, _)| name).collect();
    for expression in expressions.items() {
        let key = expression.key("key").text();
        let place = keys.list().iter().rposition(|listed| listed.as_str() == Some(key));
        if let Some(place) = place.filter(|_| asked.contains(&key)) {
            // Upstream leaves the name of the list out of the path.
            let path = format!("{}[{place}]", term.path());
            errors.invalid(path, key, "exists in both matchLabelKeys and labelSelector");
        }
        asked.push(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(term: &Value) -> Vec<String> {
        let mut errors = ErrorList::default();
        let object = json!({ "terms": [term] });
        let root = At::root(&object);
        let terms = root.key("terms");
        terms.items().for_each(|term| validate(term, &mut errors));
        let causes = errors.causes();
        let line = |cause: &Value| format!("{}: {}", meta::text(cause, "/field"), meta::text(cause, "/message"));
        causes.as_array().into_iter().flatten().map(line).collect()
    }

    #[test]
    fn the_values_of_a_new_pod_are_merged_into_its_selectors() {
        let selector = json!({ "matchLabels": { "app": "web" } });
        let term = json!({
            "labelSelector": selector,
            "matchLabelKeys": ["hash", "none"],
            "mismatchLabelKeys": ["tenant"],
        });
        let mut pod = json!({
            "metadata": { "labels": { "hash": "1", "tenant": "a" } },
            "spec": {
                "affinity": {
                    "podAffinity": { REQUIRED: [term] },
                    "podAntiAffinity": { PREFERRED: [{ "weight": 1, "podAffinityTerm": term }] },
                },
                "topologySpreadConstraints": [
                    { "labelSelector": selector, "matchLabelKeys": ["hash"] },
                    { "matchLabelKeys": ["hash"] },
                ],
            },
        });
        merge(&mut pod);
        let hash = json!({ "key": "hash", "operator": "In", "values": ["1"] });
        let both = json!([hash, { "key": "tenant", "operator": "NotIn", "values": ["a"] }]);
        let spec = &pod["spec"];
        assert_eq!(spec["affinity"]["podAffinity"][REQUIRED][0]["labelSelector"]["matchExpressions"], both);
        let preferred = &spec["affinity"]["podAntiAffinity"][PREFERRED][0]["podAffinityTerm"];
        assert_eq!(preferred["labelSelector"]["matchExpressions"], both);
        let spread = &spec["topologySpreadConstraints"];
        assert_eq!(spread[0]["labelSelector"], json!({ "matchLabels": { "app": "web" }, "matchExpressions": [hash] }));
        assert_eq!(spread[1], json!({ "matchLabelKeys": ["hash"] }));
    }

    #[test]
    fn keys_have_a_selector_and_one_place() {
        let why = "Forbidden: must not be specified when labelSelector is not set";
        assert_eq!(told(&json!({ "matchLabelKeys": ["a"] })), [format!("terms[0].matchLabelKeys: {why}")]);
        let merged = json!({ "key": "a", "operator": "In", "values": ["1"] });
        assert!(
            told(&json!({ "labelSelector": { "matchExpressions": [merged] }, "matchLabelKeys": ["a"] })).is_empty()
        );
        let selector = json!({ "matchLabels": { "a": "1" }, "matchExpressions": [merged] });
        assert_eq!(
            told(&json!({ "labelSelector": selector, "matchLabelKeys": ["a"] })),
            ["terms[0][0]: Invalid value: \"a\": exists in both matchLabelKeys and labelSelector"]
        );
        assert_eq!(
            told(&json!({ "labelSelector": {}, "matchLabelKeys": ["b", "a"], "mismatchLabelKeys": ["a"] })),
            ["terms[0].matchLabelKeys[1]: Invalid value: \"a\": exists in both matchLabelKeys and mismatchLabelKeys"]
        );
        let invalid = told(&json!({ "labelSelector": {}, "mismatchLabelKeys": ["a b"] }));
        assert!(
            invalid[0].starts_with("terms[0].mismatchLabelKeys[0]: Invalid value: \"a b\": name part"),
            "{invalid:?}"
        );
    }
}
