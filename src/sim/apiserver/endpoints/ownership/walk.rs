//! Walks over objects along their schema: which paths one has, what two differ in, and taking paths away.
//! Source: sigs.k8s.io/structured-merge-diff `typed/{tofieldset,compare,remove}.go`.

use serde_json::{Map, Value};

use super::Set;
use crate::object::schema::{Field, ListType, Shape, Type};

/// What is known about a place: its field, and what it holds.
#[derive(Clone, Copy, Default)]
pub struct Place<'a> {
    field: Option<&'static Field>,
    shape: Option<&'a Shape>,
}

/// How the value at a place is owned.
enum Form<'a> {
    /// As one.
    Leaf,
    Map(&'a Map<String, Value>),
    /// Element by element: each with its path element.
    List(Vec<(String, &'a Value)>),
}

impl<'a> Place<'a> {
    /// The whole object.
    pub fn root(shape: Option<&'a Shape>) -> Self {
        Self { field: None, shape }
    }

    fn object(self) -> Option<Type> {
        match self.shape {
            Some(Shape::Object(of)) => Some(*of),
            _ => None,
        }
    }

    fn member(self, name: &str) -> Self {
        let field = self.object().and_then(|of| of.field(name));
        let shape = match self.shape {
            Some(Shape::Map(inner)) => Some(&**inner),
            _ => field.map(|field| &field.shape),
        };
        Self { field, shape }
    }

    /// Whether Go always writes it: a struct that is no pointer stands there, empty, before anything is set.
    fn stands(self) -> bool {
        let object = matches!(self.shape, Some(Shape::Object(_)));
        object && self.field.is_some_and(|field| !field.go.pointer && !field.go.omit_zero)
    }

    fn element(self) -> Self {
        let shape = match self.shape {
            Some(Shape::List(inner)) => Some(&**inner),
            _ => None,
        };
        Self { field: None, shape }
    }

    /// The place a path element leads to.
    fn at(self, element: &str) -> Self {
        element.strip_prefix("f:").map_or_else(|| self.element(), |name| self.member(name))
    }

    fn form(self, value: &Value) -> Form<'_> {
        let list = self.field.and_then(|field| field.list_type);
        if self.field.is_some_and(|field| field.atomic) || self.object().is_some_and(Type::atomic) {
            return Form::Leaf;
        }
        match (value, list) {
            (Value::Object(map), _) => Form::Map(map),
            (Value::Array(items), Some(ListType::Set)) => {
                Form::List(items.iter().map(|item| (format!("v:{item}"), item)).collect())
            }
            (Value::Array(items), Some(ListType::Map)) => {
                let keys = self.field.map(|field| field.list_map_keys.as_slice()).unwrap_or_default();
                let of = self.element().object();
                Form::List(items.iter().map(|item| (key_of(item, keys, of), item)).collect())
            }
            _ => Form::Leaf,
        }
    }
}

/// `k:{"containerPort":80,"protocol":"TCP"}`: the keys in alphabetical order, those not given with their default.
fn key_of(item: &Value, keys: &[&str], of: Option<Type>) -> String {
    let default = |key: &str| of.and_then(|of| of.field(key)).and_then(|field| field.default.clone());
    let mut pairs: Vec<(&str, Value)> = keys
        .iter()
        .filter_map(|key| {
            item.get(*key).filter(|value| !value.is_null()).cloned().or_else(|| default(key)).map(|value| (*key, value))
        })
        .collect();
    pairs.sort_by_key(|(key, _)| *key);
    let map: Map<String, Value> = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    format!("k:{}", Value::Object(map))
}

/// Every path of an applied configuration.
///
/// # Errors
/// The path of a field the schema does not have.
pub fn fields_of(place: Place, value: &Value) -> Result<Set, String> {
    let mut found = Set::default();
    fill(place, value, &mut Vec::new(), &mut found)?;
    Ok(found)
}

fn fill(place: Place, value: &Value, path: &mut Vec<String>, found: &mut Set) -> Result<(), String> {
    match place.form(value) {
        Form::Leaf => found.insert(path),
        Form::Map(map) => {
            for (name, value) in map {
                let inner = place.member(name);
                path.push(format!("f:{name}"));
                if place.object().is_some() && inner.field.is_none() {
                    return Err(undeclared(path));
                }
                fill(inner, value, path, found)?;
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if empty || inner.field.is_none() {
                    found.insert(path);
                }
                path.pop();
            }
        }
        Form::List(items) => {
            for (element, value) in items {
                path.push(element);
                fill(place.element(), value, path, found)?;
                found.insert(path);
                path.pop();
            }
        }
    }
    Ok(())
}

fn undeclared(path: &[String]) -> String {
    let mut set = Set::default();
    set.insert(path);
    format!("{}: field not declared in schema", set.paths().concat())
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
    match (old, new) {
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
        let inner = place.member(name);
        differ(inner, (Some(value), standing(inner, new.is_some())), path, found);
        path.pop();
    }
    for (name, value) in new.into_iter().flatten() {
        let inner = place.member(name);
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

/// Takes away what is in `last` and no longer in `kept`; lists elements and fields go with all they hold.
pub fn prune(place: Place, value: &mut Value, last: &Set, kept: Option<&Set>) {
    for (element, below) in last.elements() {
        let still = kept.and_then(|kept| kept.child(element));
        let inner = place.at(element);
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
