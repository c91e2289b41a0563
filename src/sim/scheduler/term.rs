//! The terms of inter-Pod affinity, read once and asked often.
//! `matchLabelKeys` are in the selectors since the Pod was created. Source: `k8s.io/kube-scheduler/framework` AffinityTerm.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::object::meta;
use crate::object::selector::LabelSelector;

/// One term: Pods so labelled, in these namespaces, counted by a node's label.
#[derive(Clone, Debug)]
pub struct Term {
    pub selector: LabelSelector,
    namespaces: BTreeSet<String>,
    namespace_selector: LabelSelector,
    pub topology: String,
    /// 1 for required terms.
    pub weight: i64,
}

impl Term {
    /// The terms under one of the four lists of a Pod's affinity, such as `podAffinity` and `required`.
    pub fn all(pod: &Value, side: &str, how: &str) -> Vec<Self> {
        let list = meta::list(pod, &format!("/spec/affinity/{side}/{how}DuringSchedulingIgnoredDuringExecution"));
        let read = |term: &Value| match term.get("podAffinityTerm") {
            Some(inner) => Self::of(pod, inner, meta::number(term, "/weight").unwrap_or_default()),
            None => Self::of(pod, term, 1),
        };
        list.iter().map(read).collect()
    }

    fn of(pod: &Value, term: &Value, weight: i64) -> Self {
        let selector =
            LabelSelector::from_object(term.get("labelSelector")).unwrap_or_else(|_| LabelSelector::nothing());
        let namespace_selector =
            LabelSelector::from_object(term.get("namespaceSelector")).unwrap_or_else(|_| LabelSelector::nothing());
        let mut namespaces: BTreeSet<String> =
            meta::list(term, "/namespaces").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if namespaces.is_empty() && namespace_selector.is_nothing() {
            namespaces.insert(meta::namespace(pod).to_owned());
        }
        let topology = meta::text(term, "/topologyKey").to_owned();
        Self { selector, namespaces, namespace_selector, topology, weight }
    }

    /// Whether it is about Pods with these labels in this namespace. `namespace_labels` is asked only when the term needs them.
    pub fn matches<'a>(
        &self,
        namespace: &str,
        labels: Option<&Map<String, Value>>,
        namespace_labels: impl FnOnce() -> Option<&'a Map<String, Value>>,
    ) -> bool {
        let here = self.namespaces.contains(namespace)
            || (!self.namespace_selector.is_nothing() && self.namespace_selector.matches(namespace_labels()));
        here && self.selector.matches(labels)
    }
}

impl Term {
    /// Whether it may be about such Pods, as far as can be told without the labels of their namespace.
    pub fn could_match(&self, namespace: &str, labels: Option<&Map<String, Value>>) -> bool {
        (self.namespaces.contains(namespace) || !self.namespace_selector.is_nothing()) && self.selector.matches(labels)
    }
}
