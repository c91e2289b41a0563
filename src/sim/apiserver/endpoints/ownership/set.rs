//! A set of paths into an object, and its written form, `FieldsV1`.
//! Which paths an object has is told in `walk.rs`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::object::schema::path_shown;

/// A set of paths as a tree: elements as `FieldsV1` writes them (`f:spec`, `k:{"name":"web"}`, `v:"x"`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Whether the path that leads here is in the set.
    member: bool,
    below: BTreeMap<String, Set>,
}

impl Set {
    /// Reads `FieldsV1`; anything that is no map is the empty set.
    pub fn read(fields: &Value) -> Self {
        Self { member: false, ..Self::read_node(fields) }
    }

    fn read_node(node: &Value) -> Self {
        let empty = Map::new();
        let map = node.as_object().unwrap_or(&empty);
        let below = map.iter().filter(|(key, _)| *key != ".").map(|(key, node)| (key.clone(), Self::read_node(node)));
        Self { member: map.is_empty() || map.contains_key("."), below: below.collect() }
    }

    /// Writes `FieldsV1`.
    pub fn write(&self) -> Value {
        let mut map = Map::new();
        for (key, node) in &self.below {
            let mut written = node.write();
            if node.member && !node.below.is_empty() {
                let mut whole = Map::from_iter([(".".to_owned(), Value::Object(Map::new()))]);
                whole.extend(written.as_object_mut().map(std::mem::take).unwrap_or_default());
                written = Value::Object(whole);
            }
            map.insert(key.clone(), written);
        }
        Value::Object(map)
    }

    /// Whether no path is in it.
    pub fn is_empty(&self) -> bool {
        !self.member && self.below.values().all(Self::is_empty)
    }

    /// Whether the path that leads here is in it, not only some below.
    pub fn is_member(&self) -> bool {
        self.member
    }

    /// Puts a path in.
    pub fn insert(&mut self, path: &[String]) {
        let mut node = self;
        for element in path {
            node = node.below.entry(element.clone()).or_default();
        }
        node.member = true;
    }

    /// What is below an element.
    pub fn child(&self, element: &str) -> Option<&Self> {
        self.below.get(element)
    }

    /// Takes an element and everything below it out.
    pub fn without(mut self, element: &str) -> Self {
        self.below.remove(element);
        self
    }

    /// The elements at the top.
    pub fn elements(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.below.iter().map(|(element, node)| (element.as_str(), node))
    }

    /// Paths in either.
    pub fn union(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    fn add(&mut self, other: &Self) {
        self.member |= other.member;
        for (key, node) in &other.below {
            self.below.entry(key.clone()).or_default().add(node);
        }
    }

    /// Paths in this one only.
    pub fn difference(&self, other: &Self) -> Self {
        let kept = self.below.iter().map(|(key, node)| {
            let kept = other.below.get(key).map_or_else(|| node.clone(), |other| node.difference(other));
            (key.clone(), kept)
        });
        Self { member: self.member && !other.member, below: kept.filter(|(_, node)| !node.is_empty()).collect() }
    }

    /// Paths in both.
    pub fn intersection(&self, other: &Self) -> Self {
        let kept = self.below.iter().filter_map(|(key, node)| {
            let both = node.intersection(other.below.get(key)?);
            (!both.is_empty()).then(|| (key.clone(), both))
        });
        Self { member: self.member && other.member, below: kept.collect() }
    }

    /// Every path as errors show it: `.spec.containers[name="web"].image`.
    pub fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect(&mut String::new(), &mut found);
        found
    }

    fn collect(&self, path: &mut String, found: &mut Vec<String>) {
        if self.member {
            found.push(path.clone());
        }
        for (element, node) in &self.below {
            let length = path.len();
            path.push_str(&path_shown(element));
            node.collect(path, found);
            path.truncate(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(fields: Value) -> Set {
        Set::read(&fields)
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"k:{\"name\":\"a\"}": {}}});
        assert_eq!(set(fields.clone()).write(), fields);
        assert_eq!(set(json!({})).write(), json!({}));
        assert!(set(json!({})).is_empty());
    }

    #[test]
    fn algebra_is_by_exact_path() {
        let labels = set(json!({"f:labels": {".": {}, "f:a": {}, "f:b": {}}}));
        let a = set(json!({"f:labels": {"f:a": {}}}));
        assert_eq!(labels.difference(&a).write(), json!({"f:labels": {".": {}, "f:b": {}}}));
        assert_eq!(labels.intersection(&a), a);
        assert_eq!(a.clone().union(&labels), labels);
        assert!(a.difference(&a).is_empty());
    }

    #[test]
    fn paths_read_as_in_conflicts() {
        let fields =
            set(json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}}}));
        let ports = r#".spec.ports[port=80,protocol="TCP"]"#;
        assert_eq!(fields.paths(), [ports.to_owned(), format!("{ports}.name")]);
    }
}
