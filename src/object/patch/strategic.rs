//! Strategic merge patch: maps merge, lists merge by their merge keys, and directives (`$patch`, `$retainKeys`, `$setElementOrder/…`,
//! `$deleteFromPrimitiveList/…`) say the rest. Merge keys and strategies come from the schema; custom resources have none and are refused.
//! Source: k8s.io/apimachinery `pkg/util/strategicpatch/patch.go`, whose results `tests/golden/strategic` holds.

use serde_json::{Map, Value};

use super::golang::{not_a, printed, type_name};
use super::{PatchError, order};
use crate::object::schema::{Field, Merge, Shape, Type};

const MARKER: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ELEMENT_ORDER: &str = "$setElementOrder";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";

type Fields = Map<String, Value>;

/// Merges `patch` into `object`, an object of type `of`; leaves it as it was when the patch is refused.
///
/// # Errors
/// `BadRequest` for malformed directives and for kinds without a schema, `Unprocessable` for lists of lists, `Internal` for what upstream
/// does not classify, such as a list element without its merge key.
pub fn strategic(object: &mut Value, patch: &Value, of: Option<Type>) -> Result<(), PatchError> {
    let Some(of) = of else { return Err(bad("strategic merge patch format is not supported")) };
    let Value::Object(changes) = patch else { return Err(bad(&not_a("map[string]interface {}", patch))) };
    let fields = object.as_object().cloned().unwrap_or_default();
    *object = Value::Object(merge_map(fields, changes.clone(), &Shape::Object(of))?);
    Ok(())
}

fn bad(message: &str) -> PatchError {
    PatchError::BadRequest(message.to_owned())
}

fn internal(message: String) -> PatchError {
    PatchError::Internal(message)
}

fn bad_type(expected: &str, found: &Value) -> PatchError {
    internal(format!("expected a {expected}, but received a {}", type_name(found)))
}

fn bad_marker(marker: &Value, fields: &Fields) -> PatchError {
    internal(format!("unknown patch type: {} in map: {}", printed(marker), printed(&Value::Object(fields.clone()))))
}

fn merge_map(mut object: Fields, mut patch: Fields, shape: &Shape) -> Result<Fields, PatchError> {
    if let Some(marker) = patch.get(MARKER) {
        return match marker.as_str() {
            Some("replace") => {
                patch.shift_remove(MARKER);
                Ok(patch)
            }
            Some("delete") => Ok(Fields::new()),
            _ => Err(bad_marker(marker, &patch)),
        };
    }
    retain_keys(&mut object, &mut patch)?;
    merge_ordered_lists(&mut object, &mut patch, shape)?;
    for (name, change) in patch {
        if let Some(list) = name.strip_prefix(DELETE_FROM) {
            let list = list.strip_prefix('/').ok_or_else(|| bad("invalid patch format of primitive list"))?;
            delete_from_list(&mut object, list, change)?;
        } else {
            merge_field(&mut object, name, change, shape)?;
        }
    }
    Ok(object)
}

/// `$retainKeys`: fields of the object that it does not list go.
fn retain_keys(object: &mut Fields, patch: &mut Fields) -> Result<(), PatchError> {
    let Some(keys) = patch.shift_remove(RETAIN_KEYS) else { return Ok(()) };
    let malformed = || bad("invalid patch format of retainKeys");
    let keys = keys.as_array().ok_or_else(malformed)?;
    let listed = |name: &str| keys.iter().any(|key| key == name);
    let directive = |name: &str| name.starts_with(DELETE_FROM) || name.starts_with(ELEMENT_ORDER);
    if patch.iter().any(|(name, change)| !(change.is_null() || directive(name) || listed(name))) {
        return Err(malformed());
    }
    object.retain(|name, _| listed(name));
    Ok(())
}

/// `$setElementOrder/list`: merges the list together with the order asked for.
fn merge_ordered_lists(object: &mut Fields, patch: &mut Fields, shape: &Shape) -> Result<(), PatchError> {
    let directives: Vec<String> = patch.keys().filter(|name| name.starts_with(ELEMENT_ORDER)).cloned().collect();
    for directive in directives {
        let Some(wanted) = patch.shift_remove(&directive) else { continue };
        let Value::Array(wanted) = wanted else { return Err(bad_type("[]interface {}", &wanted)) };
        let name = directive.split_once('/').filter(|(prefix, _)| *prefix == ELEMENT_ORDER).map(|(_, name)| name);
        let name = name.ok_or_else(|| bad("invalid patch format of setElementOrder list"))?;
        let live = object.get(name).map(elements).transpose()?;
        let changes = patch.get(name).map(elements).transpose()?;
        let (field, inner) = lookup(shape, name)?;
        let key = field.and_then(|field| field.merge_key);
        agrees_with_order(changes.unwrap_or_default(), &wanted, key)?;
        let merged = match (live, changes) {
            (None, None) => continue,
            (Some(live), None) => live.to_vec(),
            (None, Some(changes)) => changes.iter().cloned().filter_map(without_directives).collect(),
            (Some(live), Some(changes)) => merge_list(live.to_vec(), changes.to_vec(), field, &inner)?,
        };
        same_types(live.unwrap_or_default(), changes.unwrap_or_default())?;
        have_key(&merged, key)?;
        have_key(&wanted, key)?;
        let arranged = order::arrange(merged, &wanted, live.unwrap_or_default(), key);
        object.insert(name.to_owned(), Value::Array(arranged));
        patch.shift_remove(name);
    }
    Ok(())
}

/// What the patch lists must come in the order it asks for, and be all in it; what it deletes does not count.
fn agrees_with_order(changes: &[Value], wanted: &[Value], key: Option<&str>) -> Result<(), PatchError> {
    if wanted.is_empty() || changes.is_empty() {
        return Ok(());
    }
    let deletes = |element: &&Value| key.is_some() && element.get(MARKER).is_some_and(|marker| marker == "delete");
    let mut rest = changes.iter().filter(|element| !deletes(element)).peekable();
    for element in wanted {
        while rest.next_if(|change| change.get(MARKER).is_some()).is_some() {}
        let Some(change) = rest.peek() else { return Ok(()) };
        have_key(&[(*change).clone(), element.clone()], key)?;
        rest.next_if(|change| order::same(element, change, key));
    }
    if rest.peek().is_none() {
        return Ok(());
    }
    let (changes, wanted) = (printed(&changes.into()), printed(&wanted.into()));
    Err(internal(format!("The order in patch list:\n{changes}\n doesn't match {ELEMENT_ORDER} list:\n{wanted}\n")))
}

fn delete_from_list(object: &mut Fields, name: &str, doomed: Value) -> Result<(), PatchError> {
    match (object.get_mut(name), doomed) {
        (_, Value::Null) => {
            object.shift_remove(name);
        }
        (Some(Value::Array(live)), Value::Array(doomed)) => {
            same_types(live, &doomed)?;
            live.retain(|element| !doomed.contains(element));
        }
        _ => {}
    }
    Ok(())
}

fn merge_field(object: &mut Fields, name: String, change: Value, shape: &Shape) -> Result<(), PatchError> {
    if change.is_null() {
        object.shift_remove(&name);
        return Ok(());
    }
    match (object.get_mut(&name), change) {
        (Some(Value::Object(live)), Value::Object(changes)) => {
            let (field, inner) = lookup(shape, &name)?;
            let replaced = field.is_some_and(|field| field.merge == Merge::Replace);
            *live = if replaced { changes } else { merge_map(std::mem::take(live), changes, &inner)? };
        }
        (Some(Value::Array(live)), Value::Array(changes)) => {
            let (field, inner) = lookup(shape, &name)?;
            *live = merge_list(std::mem::take(live), changes, field, &inner)?;
        }
        (_, change) => match without_directives(without_nulls(change)) {
            Some(value) => {
                object.insert(name, value);
            }
            None => {
                object.shift_remove(&name);
            }
        },
    }
    Ok(())
}

/// Merges two lists the way the field says; without a merge strategy the patch's list stands.
fn merge_list(
    live: Vec<Value>,
    changes: Vec<Value>,
    field: Option<&Field>,
    inner: &Shape,
) -> Result<Vec<Value>, PatchError> {
    if !field.is_some_and(|field| field.merge.merges()) {
        return Ok(changes);
    }
    if live.is_empty() && changes.is_empty() {
        return Ok(live);
    }
    same_types(&live, &changes)?;
    let maps = live.iter().chain(&changes).any(Value::is_object);
    if !maps {
        let mut merged = live.clone();
        merged.extend(changes.iter().filter(|change| !live.contains(change)).cloned());
        return Ok(order::arrange(unique(merged), &changes, &live, None));
    }
    let Some(key) = field.and_then(|field| field.merge_key) else {
        return Err(internal("cannot merge lists without merge key for struct".to_owned()));
    };
    let (live, changes) = obey_markers(live, changes, key)?;
    have_key(&live, Some(key))?;
    let mut merged = live.clone();
    for change in &changes {
        have_key(std::slice::from_ref(change), Some(key))?;
        match (merged.iter_mut().find(|element| order::same(element, change, Some(key))), change) {
            (Some(Value::Object(element)), Value::Object(change)) => {
                *element = merge_map(std::mem::take(element), change.clone(), inner)?;
            }
            _ => merged.push(change.clone()),
        }
    }
    Ok(order::arrange(merged, &changes, &live, Some(key)))
}

/// Does what elements with `$patch` say, and takes them out of the changes.
fn obey_markers(mut live: Vec<Value>, changes: Vec<Value>, key: &str) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut plain = Vec::with_capacity(changes.len());
    let mut replace = false;
    for change in changes {
        match change.get(MARKER).map(|marker| (marker.as_str(), marker)) {
            None => plain.push(change),
            Some((Some("delete"), _)) => {
                have_key(std::slice::from_ref(&change), Some(key))?;
                live.retain(|element| !order::same(element, &change, Some(key)));
            }
            Some((Some("replace"), _)) => replace = true,
            Some((Some("merge"), _)) => {
                return Err(internal("merging lists cannot yet be specified in the patch".to_owned()));
            }
            Some((_, marker)) => return Err(bad_marker(marker, change.as_object().unwrap_or(&Fields::new()))),
        }
    }
    Ok(if replace { (Vec::new(), plain) } else { (live, plain) })
}

/// The field behind a name and the shape of what it holds, list elements for lists.
fn lookup(shape: &Shape, name: &str) -> Result<(Option<&'static Field>, Shape), PatchError> {
    match shape {
        Shape::Object(of) => {
            let field = of.field(name).ok_or_else(|| {
                internal(format!("unable to find api field in struct {} for the json field {name:?}", of.short_name()))
            })?;
            let inner = match &field.shape {
                Shape::List(element) => (**element).clone(),
                other => other.clone(),
            };
            Ok((Some(field), inner))
        }
        Shape::Map(_) => {
            Err(internal("merging an object in json but data type is not struct, instead is: map".to_owned()))
        }
        _ => Ok((None, Shape::Any)),
    }
}

fn elements(value: &Value) -> Result<&[Value], PatchError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| bad_type("[]interface {}", value))
}

fn have_key(elements: &[Value], key: Option<&str>) -> Result<(), PatchError> {
    let Some(key) = key else { return Ok(()) };
    for element in elements {
        let Value::Object(fields) = element else { return Err(bad_type("map[string]interface {}", element)) };
        if !fields.contains_key(key) {
            return Err(internal(format!("map: {} does not contain declared merge key: {key}", printed(element))));
        }
    }
    Ok(())
}

/// Elements of both lists must be of one type, and no lists.
fn same_types(live: &[Value], changes: &[Value]) -> Result<(), PatchError> {
    let mut all = live.iter().chain(changes);
    let Some(first) = all.next() else { return Err(internal("no elements in any of the given slices".to_owned())) };
    if first.is_array() {
        return Err(PatchError::Unprocessable("lists of lists are not supported".to_owned()));
    }
    if all.any(|element| type_name(element) != type_name(first)) {
        let both = format!("[{} {}]", printed(&live.into()), printed(&changes.into()));
        return Err(internal(format!("list element types are not identical: {both}")));
    }
    Ok(())
}

fn unique(elements: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(elements.len());
    for element in elements {
        if !kept.contains(&element) {
            kept.push(element);
        }
    }
    kept
}

fn without_nulls(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(|field| *field = without_nulls(field.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_nulls(item.take())),
        _ => {}
    }
    value
}

/// The value without the maps in it that carry a `$patch`; `None` when it is one itself.
fn without_directives(value: Value) -> Option<Value> {
    Some(match value {
        Value::Object(fields) if fields.contains_key(MARKER) => return None,
        Value::Object(fields) => Value::Object(
            fields.into_iter().filter_map(|(name, field)| Some((name, without_directives(field)?))).collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().filter_map(without_directives).collect()),
        scalar => scalar,
    })
}
