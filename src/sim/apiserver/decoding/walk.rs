//! The typed walk over a document: drops what the type does not know, and notes unknown fields, duplicates and misfits in document order.
//! Works on any serde source (JSON text, YAML text, a tree); what errors are called is in `words`.

use super::words::{self, Dialect};
use crate::object::quantity::Quantity;
use crate::object::schema::{self, Field, Shape, Type};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_yaml::Spanned;
use std::collections::BTreeSet;

/// No more strict errors than this are kept, as in sigs.k8s.io/json.
const MOST: usize = 100;

/// What a walk found, and where it is.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) dialect: Dialect,
    /// Whether the document has no type, so that all of it is looked at for fields given twice; Go reads what may be anything as it stands.
    untyped: bool,
    /// `unknown field "spec.replica"`, `duplicate field "spec.replicas"`.
    pub(super) strict: Vec<String>,
    /// `line 6: key "a" already set in map`; YAML only.
    pub(super) yaml: Vec<String>,
    /// The first value that does not fit.
    misfit: Option<String>,
    /// The first value that a type's own reading refuses; comes before `misfit`.
    refused: Option<String>,
    path: String,
    /// Go's names of the fields we are in, embedded structs included.
    stack: Vec<&'static str>,
    /// Go's struct of the innermost field.
    structure: &'static str,
}

impl Walk {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, ..Self::default() }
    }

    /// Reads an object of type `of`.
    pub(super) fn read<'de, D: Deserializer<'de>>(&mut self, of: Type, from: D) -> Result<Value, D::Error> {
        let shape = Shape::Object(of);
        Seed { walk: self, shape: &shape, name: None }.deserialize(from)
    }

    /// Reads a document of which no type is known.
    pub(super) fn read_any<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<Value, D::Error> {
        self.untyped = true;
        Seed { walk: self, shape: &Shape::Any, name: None }.deserialize(from)
    }

    /// Why the document cannot be read as the type at all.
    pub(super) fn fault(&mut self) -> Option<String> {
        self.refused.take().or(self.misfit.take())
    }

    fn strict(&mut self, error: String) {
        if self.strict.len() < MOST && !self.strict.contains(&error) {
            self.strict.push(error);
        }
    }

    fn misfit(&mut self, found: &Value, shape: &Shape, name: Option<&str>) {
        if self.misfit.is_none() {
            self.misfit = Some(self.context(found, &words::go_type(shape, name), shape));
        }
    }

    fn context(&self, found: &Value, go_type: &str, shape: &Shape) -> String {
        words::misfit(self.dialect, found, go_type, shape, (self.structure, &self.stack))
    }

    fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(why);
    }

    fn within<R>(&mut self, name: &str, walk: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.path.len();
        if length > 0 && !name.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(name);
        let result = walk(self);
        self.path.truncate(length);
        result
    }

    /// Within a struct's field, for Go's words.
    fn field<R>(&mut self, of: Type, field: &'static Field, walk: impl FnOnce(&mut Self) -> R) -> R {
        let (structure, depth) = (self.structure, self.stack.len());
        self.structure = of.short_name();
        if !field.go.embedded.is_empty() {
            self.stack.push(field.go.embedded);
        }
        self.stack.push(field.name);
        let result = self.within(field.name, walk);
        self.stack.truncate(depth);
        self.structure = structure;
        result
    }

    /// A scalar of the shape, or null and a note.
    fn scalar(&mut self, value: Value, shape: &Shape, name: Option<&str>) -> Value {
        match (shape, &value) {
            (Shape::Any, _)
            | (_, Value::Null)
            | (Shape::String | Shape::IntOrString, Value::String(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Number, Value::Number(_)) => return value,
            (Shape::Int32 | Shape::IntOrString, Value::Number(_)) if fits_int32(&value) => return value,
            (Shape::Int64, Value::Number(number)) if number.is_i64() => return value,
            (Shape::Quantity, _) => match Quantity::of(&value) {
                Ok(_) => return value,
                Err(error) => self.refuse(error.to_string()),
            },
            (Shape::IntOrString, _) => {
                let why = self.context(&value, "int32", &Shape::Int32);
                self.refuse(why);
            }
            (Shape::Time | Shape::MicroTime, Value::String(text)) => {
                let micro = matches!(shape, Shape::MicroTime);
                match words::time_fault(text, micro) {
                    None => return value,
                    Some(why) => self.refuse(why),
                }
            }
            (Shape::Time | Shape::MicroTime, _) => {
                let why = self.context(&value, "string", &Shape::String);
                self.refuse(why);
            }
            (Shape::Bytes, Value::String(text)) => match words::base64_fault(text) {
                None => return value,
                Some(why) => {
                    // Bytes in a tree go through text, and Go says so.
                    let prefix = if self.dialect == Dialect::Converter { "error decoding from json: " } else { "" };
                    self.misfit.get_or_insert(format!("{prefix}{why}"));
                }
            },
            _ => self.misfit(&value, shape, name),
        }
        Value::Null
    }
}

fn fits_int32(value: &Value) -> bool {
    value.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

/// Reads one value of a shape; `name` is Go's name of the type where it is not the shape's own.
struct Seed<'w, 's> {
    walk: &'w mut Walk,
    shape: &'s Shape,
    name: Option<&'s str>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.deserialize(from)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(self.walk.scalar(value.into(), self.shape, self.name))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(self.walk.scalar(value.into(), self.shape, self.name))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(self.walk.scalar(value.into(), self.shape, self.name))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(self.walk.scalar(value.into(), self.shape, self.name))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(self.walk.scalar(value.into(), self.shape, self.name))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(self.walk.scalar(value.into(), self.shape, self.name))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let (inner, name) = match self.shape {
            Shape::List(inner) => (inner.as_ref(), self.name.and_then(schema::element_name)),
            Shape::Any => (self.shape, None),
            _ => {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(self.walk.scalar(Value::Array(Vec::new()), self.shape, self.name));
            }
        };
        let mut out = Vec::new();
        loop {
            let place = format!("[{}]", out.len());
            let next = self.walk.within(&place, |walk| items.next_element_seed(Seed { walk, shape: inner, name }))?;
            match next {
                Some(item) => out.push(item),
                None => return Ok(Value::Array(out)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = match self.shape {
            Shape::Object(of) => return object(self.walk, *of, map),
            Shape::Map(inner) => inner.as_ref(),
            Shape::Any => self.shape,
            _ => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(self.walk.scalar(Value::Object(Map::new()), self.shape, self.name));
            }
        };
        let checked = self.walk.untyped || !matches!(self.shape, Shape::Any);
        let mut out = Map::new();
        while let Some((key, line)) = key(self.walk.dialect, &mut map)? {
            if out.contains_key(&key) && checked {
                duplicate(self.walk, &key, line);
            }
            let name = self.name.and_then(schema::element_name);
            let value = self.walk.within(&key, |walk| map.next_value_seed(Seed { walk, shape: inner, name }))?;
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}

fn object<'de, A: MapAccess<'de>>(walk: &mut Walk, of: Type, mut map: A) -> Result<Value, A::Error> {
    let mut out = Map::new();
    let mut seen: BTreeSet<&'static str> = BTreeSet::new();
    while let Some((key, line)) = key(walk.dialect, &mut map)? {
        let Some(field) = of.field(&key) else {
            let path = walk.within(&key, |walk| walk.path.clone());
            walk.strict(format!("unknown field \"{path}\""));
            map.next_value::<IgnoredAny>()?;
            continue;
        };
        if !seen.insert(field.name) {
            duplicate(walk, &key, line);
        }
        let name = field.go.type_name;
        let value = walk.field(of, field, |walk| map.next_value_seed(Seed { walk, shape: &field.shape, name }))?;
        match (out.get_mut(&key), value) {
            // Go decodes a repeated struct or map into the one it has.
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            // And takes null for no word at all, save where there is a nil to set.
            (Some(_), Value::Null) if !field.go.pointer && !matches!(field.shape, Shape::List(_) | Shape::Map(_)) => {}
            (_, value) => drop(out.insert(key, value)),
        }
    }
    Ok(Value::Object(out))
}

/// The next key, and in YAML its line.
fn key<'de, A: MapAccess<'de>>(dialect: Dialect, map: &mut A) -> Result<Option<(String, u64)>, A::Error> {
    Ok(match dialect {
        Dialect::Yaml => map.next_key::<Spanned<String>>()?.map(|key| (key.value, key.referenced.line())),
        _ => map.next_key::<String>()?.map(|key| (key, 0)),
    })
}

fn duplicate(walk: &mut Walk, key: &str, line: u64) {
    if walk.dialect == Dialect::Yaml {
        walk.yaml.push(format!("line {line}: key \"{key}\" already set in map"));
    } else {
        let path = walk.within(key, |walk| walk.path.clone());
        walk.strict(format!("duplicate field \"{path}\""));
    }
}
