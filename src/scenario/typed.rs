//! Makes the model's types of a document's tree: a serde deserializer whose errors know their place and the way to it.
//! Going on behind an error, so that all of a file's errors are told at once, stands in `recover`.

use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{self, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::nearest::nearest;
use super::node::{Key, Node, Tree};
use super::problem::Problem;
use super::source::Source;

/// Why a tree is not what a type wants.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct TypeError {
    /// What kind of error it is.
    pub kind: Kind,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Where, in bytes of the file.
    pub span: Option<Range<usize>>,
    /// The keys and list positions that lead there, innermost first.
    pub path: Vec<String>,
}

/// What going on behind the error asks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A key that the type does not have, and the field that was probably meant.
    Unknown(Option<&'static str>),
    /// This field is not there.
    Missing(&'static str),
    /// A value that is not right, and the words that would be.
    Value(&'static [&'static str]),
}

impl TypeError {
    /// The error as a problem of `source`.
    pub fn problem(&self, source: &Arc<Source>) -> Problem {
        let code = match self.kind {
            Kind::Unknown(_) => "unknown-field",
            Kind::Missing(_) => "missing-field",
            Kind::Value(_) => "bad-value",
        };
        let place = source.place(self.span.clone().unwrap_or(0..0));
        Problem { help: self.help.clone(), ..Problem::at(place, code, &self.message) }
    }

    fn new(kind: Kind, message: String, help: Option<String>) -> Self {
        Self { kind, message, help, span: None, path: Vec::new() }
    }

    fn within(mut self, node: &Node) -> Self {
        self.span.get_or_insert_with(|| node.span.clone());
        self
    }

    fn behind(mut self, step: impl Display) -> Self {
        self.path.push(step.to_string());
        self
    }
}

impl de::Error for TypeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Kind::Value(&[]), message.to_string(), None)
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Kind::Value(&[]), format!("expected {expected}, found {found}"), None)
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let near = nearest(field, known.iter().copied());
        Self::new(Kind::Unknown(near), format!("there is no field `{field}` here"), Some(advice(near, known)))
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        let help = advice(nearest(word, known.iter().copied()), known);
        Self::new(Kind::Value(known), format!("`{word}` is none of the words known here"), Some(help))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Missing(field), format!("the field `{field}` is missing here"), None)
    }
}

fn advice(near: Option<&str>, known: &[&str]) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("one of {}", known.join(", ")),
    }
}

/// Says what a type wanted where a tree has something else.
fn mismatch(node: &Node, expected: &dyn de::Expected) -> TypeError {
    TypeError::custom(format!("expected {expected}, found {}", node.words())).within(node)
}

/// The text of a plain value that a template drew, where text is wanted.
fn drawn_text(node: &Node) -> Option<String> {
    match &node.tree {
        Tree::Int(value) if node.drawn => Some(value.to_string()),
        Tree::Float(value) if node.drawn => Some(value.to_string()),
        Tree::Bool(value) if node.drawn => Some(value.to_string()),
        _ => None,
    }
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match &self.tree {
            Tree::Null => visitor.visit_unit(),
            Tree::Bool(value) => visitor.visit_bool(*value),
            Tree::Int(value) => visitor.visit_i64(*value),
            Tree::Float(value) => visitor.visit_f64(*value),
            Tree::Text(text) => visitor.visit_borrowed_str(text),
            Tree::List(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Tree::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
        }
        .map_err(|error: TypeError| error.within(self))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match (&self.tree, drawn_text(self)) {
            (_, Some(text)) => visitor.visit_string(text),
            (Tree::Text(text), None) => visitor.visit_borrowed_str(text),
            (Tree::Int(_) | Tree::Float(_) | Tree::Bool(_), None) => {
                let error = TypeError::custom(format!("expected text, found {}", self.words()));
                Err(TypeError { help: Some("put it in quotes".to_owned()), ..error })
            }
            _ => Err(TypeError::custom(format!("expected text, found {}", self.words()))),
        }
        .map_err(|error| error.within(self))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if matches!(self.tree, Tree::Null) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_newtype_struct(self).map_err(|error| error.within(self))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if matches!(self.tree, Tree::Map(_)) {
            self.deserialize_any(visitor)
        } else {
            Err(mismatch(self, &"a mapping"))
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if matches!(self.tree, Tree::List(_)) { self.deserialize_any(visitor) } else { Err(mismatch(self, &"a list")) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        let text = self.text().ok_or_else(|| mismatch(self, &"a word"))?;
        visitor.visit_enum(text.into_deserializer()).map_err(|error: TypeError| error.within(self))
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        let number = match &self.tree {
            Tree::Int(value) => u64::try_from(*value).ok(),
            Tree::Text(text) if self.drawn => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| mismatch(self, &"a whole number from 0"))?;
        visitor.visit_u64(number).map_err(|error: TypeError| error.within(self))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.tree {
            Tree::Bool(value) => visitor.visit_bool(value),
            _ => Err(mismatch(self, &"true or false")),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = TypeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, TypeError> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        seed.deserialize(node).map(Some).map_err(|error| error.within(node).behind(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, (Key, Node)>,
    value: Option<&'de (Key, Node)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = TypeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, TypeError> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let at_key = |error: TypeError| {
            let span = Some(error.span.clone().unwrap_or(key.span.clone()));
            TypeError { span, ..error }.behind(&key.text)
        };
        seed.deserialize(key.text.as_str().into_deserializer()).map(Some).map_err(at_key)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, TypeError> {
        let (key, node) = self.value.ok_or_else(|| TypeError::custom("a value was asked for before its key"))?;
        seed.deserialize(node).map_err(|error| {
            let span = if matches!(node.tree, Tree::Null) { &key.span } else { &node.span };
            let span = Some(error.span.clone().filter(|span| !span.is_empty()).unwrap_or(span.clone()));
            TypeError { span, ..error }.behind(&key.text)
        })
    }
}
