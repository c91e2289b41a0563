//! Walks over objects along their schema: which paths one has, what two differ in, and taking paths away.
//! Source: sigs.k8s.io/structured-merge-diff `typed/{tofieldset,compare,remove}.go`.

use serde_json::{Map, Value};

use super::Set;
use crate::object::schema::{Form, Member, Place};

/// Every path of an applied configuration.
pub fn fields_of(place: Place, value: &Value) -> Set {
    let mut found = Set::default();
    fill(place, value, &mut Vec::new(), &mut found);
    found
}

fn fill(place: Place, value: &Value, path: &mut Vec<String>, found: &mut Set) {
    match place.form(value) {
        Form::Leaf => found.insert(path),
        Form::Map(map) => {
            for (name, value) in map {
                path.push(format!("f:{name}"));
                fill(place.below(name), value, path, found);
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if empty || !matches!(place.member(name), Member::Declared(_)) {
                    found.insert(path);
                }
                path.pop();
            }
        }
        Form::List(items) => {
            for (element, value) in items {
                path.push(element);
                fill(place.element(), value, path, found);
                found.insert(path);
                path.pop();
            }
        }
    }
}

/// What one object has, changes or lacks against another.
#[derive(Default)]
pub struct Comparison {
    /// Paths that are new, or have another value.
    pub changed: Set,
    pub removed: Set,
}

/// Compares two states of an object.
pub fn compare(place: Place, old: &Value, new: &Value) -> Comparison {
    let mut found = Comparison::default();
    differ(place, (Some(old), Some(new)), &mut Vec::new(), &mut found);
    found
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn differ(place: Place, (old, new): (Option<&Value>, Option<&Value>), path: &mut Vec<String>, found: &mut Comparison) {
    let (old, new) = (present(old), present(new));
    if old == new {
        return;
    }
    match (old.map(|old| place.form(old)), new.map_or(Form::Leaf, |new| place.form(new))) {
        (Some(Form::Map(old)), Form::Map(new)) => differ_in_map(place, (Some(old), Some(new)), path, found),
        (None, Form::Map(new)) if !new.is_empty() => differ_in_map(place, (None, Some(new)), path, found),
        (Some(Form::Map(old)), _) if new.is_none() && !old.is_empty() => {
            differ_in_map(place, (Some(old), None), path, found);
        }
        (Some(Form::List(old)), Form::List(new)) => return differ_in_list(place, (&old, &new), path, found),
        (None, Form::List(new)) if !new.is_empty() => differ_in_list(place, (&[], &new), path, found),
        (Some(Form::List(old)), _) if new.is_none() && !old.is_empty() => {
            differ_in_list(place, (&old, &[]), path, found);
        }
        (Some(_), _) if new.is_some() => found.changed.insert(path),
        _ => {}
    }
    // A list that Go always writes is there, empty, before anything is in it.
    match (old, new) {
        (None, Some(new)) if place.lists() && new.is_array() => {}
        (None, Some(_)) => found.changed.insert(path),
        (Some(_), None) => found.removed.insert(path),
        _ => {}
    }
}

type Maps<'a> = (Option<&'a Map<String, Value>>, Option<&'a Map<String, Value>>);

fn differ_in_map(place: Place, (old, new): Maps, path: &mut Vec<String>, found: &mut Comparison) {
    let empty = Value::Object(Map::new());
    let standing = |place: Place, whole: bool| Some(&empty).filter(|_| whole && place.stands());
    let only_old = old.into_iter().flatten().filter(|(name, _)| !new.is_some_and(|new| new.contains_key(*name)));
    for (name, value) in only_old {
        path.push(format!("f:{name}"));
        let inner = place.below(name);
        differ(inner, (Some(value), standing(inner, new.is_some())), path, found);
        path.pop();
    }
    for (name, value) in new.into_iter().flatten() {
        let inner = place.below(name);
        let before = old.and_then(|old| old.get(name)).or_else(|| standing(inner, old.is_some()));
        if before == Some(value) {
            continue;
        }
        path.push(format!("f:{name}"));
        differ(inner, (before, Some(value)), path, found);
        path.pop();
    }
}

type Items<'a> = [(String, &'a Value)];

fn differ_in_list(place: Place, (old, new): (&Items, &Items), path: &mut Vec<String>, found: &mut Comparison) {
    let at = |items: &Items, element: &str| items.iter().position(|(key, _)| key == element);
    for (element, value) in old {
        if at(new, element).is_none() {
            path.push(element.clone());
            differ(place.element(), (Some(value), None), path, found);
            path.pop();
        }
    }
    for (element, value) in new {
        let before = at(old, element).map(|at| old[at].1);
        path.push(element.clone());
        differ(place.element(), (before, Some(value)), path, found);
        path.pop();
    }
}

/// Takes away what is in `last` and no longer in `kept`; lists elements and fields go with all they hold. An element is kept by who owns it
/// itself: a part of it does not keep it, but for the fields of a type, which stand with what is below them (`EnsureNamedFieldsAreMembers`).
pub fn prune(place: Place, value: &mut Value, last: &Set, kept: Option<&Set>) {
    for (element, below) in last.elements() {
        let inner = place.at(element);
        let named = element.strip_prefix("f:").is_some_and(|name| matches!(place.member(name), Member::Declared(_)));
        let owned = |set: &Set| named || set.is_member();
        let still = kept.and_then(|kept| kept.child(element)).filter(|still| !owned(below) || owned(still));
        if let Some(name) = element.strip_prefix("f:") {
            match (still, value.get_mut(name)) {
                (None, Some(_)) => drop(value.as_object_mut().and_then(|map| map.shift_remove(name))),
                (Some(_), Some(value)) => prune(inner, value, below, still),
                (_, None) => {}
            }
            continue;
        }
        let Form::List(items) = place.form(value) else { continue };
        let Some(at) = items.iter().position(|(key, _)| key == element) else { continue };
        let Some(items) = value.as_array_mut() else { continue };
        match still {
            None => drop(items.remove(at)),
            Some(_) => prune(inner, &mut items[at], below, still),
        }
    }
}
