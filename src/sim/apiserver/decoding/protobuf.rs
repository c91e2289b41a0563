//! Decodes Kubernetes protobuf, which kubectl 1.32 and newer send with no fallback, into the same trees JSON gives. Never encodes.
//!
//! Table-driven: `assets/kubernetes/protobuf.txt.gz` has `+message`, then `number field wire` lines. Wires: `s`tring, `i`nt32, `l` int64, `b`ool,
//! b`y`tes, `n` double, `q`uantity, `x` IntOrString, `t`ime, `u` MicroTime, `r`awExtension, `f`ieldsV1, `j`SON, `A` `B` `S` the JSON-schema
//! unions, `w` a wrapped list of strings, `mN` message N, `^…` inlined, `[` list of, `{` map of. Zeros are kept: normalising drops what Go would.

use super::bare::bare;
use crate::object::schema::Type;
use base64::Engine;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::Read;
use std::sync::OnceLock;
use thiserror::Error;

const PACKED: &[u8] = include_bytes!("../../../../assets/kubernetes/protobuf.txt.gz");
const MAGIC: &[u8] = b"k8s\0";
/// Deeper messages are refused; JSON schemas of custom resources are the deepest there are.
const DEEPEST: usize = 64;

/// Why bytes are no Kubernetes protobuf; words as Go's where it has them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProtobufError {
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NoMagic,
    #[error("unexpected EOF")]
    Truncated,
    #[error("proto: illegal wireType {0}")]
    WireType(u64),
    #[error("proto: integer overflow")]
    Overflow,
    #[error("proto: invalid UTF-8")]
    NotText,
    #[error("proto: nested too deeply")]
    Deep,
    #[error("proto: no message {0}")]
    NoMessage(String),
    #[error("{0}")]
    Json(String),
}

type Result<T> = std::result::Result<T, ProtobufError>;

enum Wire {
    Text,
    Int32,
    Int64,
    Bool,
    Bytes,
    Double,
    Quantity,
    IntOrString,
    Time { micro: bool },
    Raw,
    SchemaOrArray,
    SchemaOrBool,
    SchemaOrTexts,
    Wrapped,
    Message(usize),
    Inline(usize),
    List(Box<Wire>),
    Map(Box<Wire>),
}

struct Entry {
    number: u64,
    name: &'static str,
    wire: Wire,
}

#[derive(Default)]
struct Table {
    messages: Vec<Vec<Entry>>,
    names: HashMap<&'static str, usize>,
}

/// Takes the envelope off: API version, kind and the message's bytes.
pub fn envelope(bytes: &[u8]) -> Result<(String, String, &[u8])> {
    let mut reader = Reader(bytes.strip_prefix(MAGIC).ok_or(ProtobufError::NoMagic)?);
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    while let Some((number, item)) = reader.next()? {
        match (number, item) {
            (1, Item::Bytes(bytes)) => {
                let mut meta = Reader(bytes);
                while let Some((number, item)) = meta.next()? {
                    match number {
                        1 => api_version = item.text()?,
                        2 => kind = item.text()?,
                        _ => {}
                    }
                }
            }
            (2, Item::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    Ok((api_version, kind, raw))
}

/// Decodes a message as an object of type `of`. Zeros of plain fields are in it: [normalise](crate::object::schema::normalise) it.
pub fn message(of: Type, bytes: &[u8]) -> Result<Value> {
    let table = table();
    let place = table.names.get(of.name()).ok_or_else(|| ProtobufError::NoMessage(of.name().into()))?;
    let mut map = Map::new();
    table.message(*place, bytes, &mut map, 0)?;
    Ok(Value::Object(map))
}

impl Table {
    fn message(&self, place: usize, bytes: &[u8], into: &mut Map<String, Value>, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return Err(ProtobufError::Deep);
        }
        let fields = self.messages.get(place).map(Vec::as_slice).unwrap_or_default();
        let mut reader = Reader(bytes);
        while let Some((number, item)) = reader.next()? {
            let Some(entry) = fields.iter().find(|entry| entry.number == number) else { continue };
            match &entry.wire {
                Wire::Inline(inner) => self.message(*inner, item.bytes()?, into, depth + 1)?,
                Wire::List(inner) => {
                    let list = into.entry(entry.name).or_insert_with(|| json!([]));
                    if let Value::Array(list) = list {
                        self.list(inner, item, list, depth)?;
                    }
                }
                Wire::Map(inner) => {
                    let map = into.entry(entry.name).or_insert_with(|| json!({}));
                    if let Value::Object(map) = map {
                        let (key, value) = self.pair(inner, item.bytes()?, depth)?;
                        map.insert(key, value);
                    }
                }
                wire => {
                    let value = self.value(wire, item, depth)?;
                    into.insert(entry.name.into(), value);
                }
            }
        }
        Ok(())
    }

    fn list(&self, inner: &Wire, item: Item, list: &mut Vec<Value>, depth: usize) -> Result<()> {
        if let (Wire::Int32 | Wire::Int64, Item::Bytes(packed)) = (inner, &item) {
            let mut reader = Reader(packed);
            while !reader.0.is_empty() {
                let number = reader.varint()?;
                list.push(self.value(inner, Item::Number(number), depth)?);
            }
            return Ok(());
        }
        list.push(self.value(inner, item, depth)?);
        Ok(())
    }

    fn pair(&self, inner: &Wire, bytes: &[u8], depth: usize) -> Result<(String, Value)> {
        let (mut key, mut value) = (String::new(), None);
        let mut reader = Reader(bytes);
        while let Some((number, item)) = reader.next()? {
            match number {
                1 => key = item.text()?,
                2 => value = Some(self.value(inner, item, depth)?),
                _ => {}
            }
        }
        // A missing value is the zero value.
        let value = match value {
            Some(value) => value,
            None => self.value(inner, Item::Bytes(&[]), depth)?,
        };
        Ok((key, value))
    }

    fn value(&self, wire: &Wire, item: Item, depth: usize) -> Result<Value> {
        Ok(match wire {
            Wire::Text => item.text()?.into(),
            Wire::Int32 => json!(item.number()? as i32),
            Wire::Int64 => json!(item.number()? as i64),
            Wire::Bool => json!(item.number()? != 0),
            Wire::Double => json!(f64::from_bits(item.number()?)),
            Wire::Bytes => base64::engine::general_purpose::STANDARD.encode(item.bytes()?).into(),
            Wire::Quantity => first(item.bytes()?, 1)?.map_or(Ok("0".into()), |item| item.text())?.into(),
            Wire::IntOrString => int_or_string(item.bytes()?)?,
            Wire::Time { micro } => time(item.bytes()?, *micro)?,
            Wire::Raw => raw(item.bytes()?)?,
            Wire::SchemaOrArray | Wire::SchemaOrBool | Wire::SchemaOrTexts => {
                self.schema_union(wire, item.bytes()?, depth)?
            }
            Wire::Wrapped => texts(item.bytes()?, 1)?,
            Wire::Message(place) | Wire::Inline(place) => {
                let mut map = Map::new();
                self.message(*place, item.bytes()?, &mut map, depth + 1)?;
                Value::Object(map)
            }
            Wire::List(inner) => {
                let mut list = Vec::new();
                self.list(inner, item, &mut list, depth)?;
                Value::Array(list)
            }
            Wire::Map(_) => json!({}),
        })
    }

    /// `JSONSchemaPropsOr{Array,Bool,StringArray}`, which JSON has without their wrappings.
    fn schema_union(&self, wire: &Wire, bytes: &[u8], depth: usize) -> Result<Value> {
        const SCHEMA: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
        let place = *self.names.get(SCHEMA).ok_or_else(|| ProtobufError::NoMessage(SCHEMA.into()))?;
        let (mut schema, mut others, mut allows) = (None, Vec::new(), true);
        let mut reader = Reader(bytes);
        while let Some((number, item)) = reader.next()? {
            match (wire, number) {
                (Wire::SchemaOrBool, 1) => allows = item.number()? != 0,
                (Wire::SchemaOrBool, 2) | (_, 1) => schema = Some(self.value(&Wire::Message(place), item, depth)?),
                (Wire::SchemaOrArray, 2) => others.push(self.value(&Wire::Message(place), item, depth)?),
                (_, 2) => others.push(item.text()?.into()),
                _ => {}
            }
        }
        Ok(match (schema, wire) {
            (Some(mut schema), _) => {
                bare(&mut schema);
                schema
            }
            (None, Wire::SchemaOrBool) => allows.into(),
            (None, _) => Value::Array(others),
        })
    }
}

fn int_or_string(bytes: &[u8]) -> Result<Value> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    let mut reader = Reader(bytes);
    while let Some((field, item)) = reader.next()? {
        match field {
            1 => is_text = item.number()? == 1,
            2 => number = item.number()? as i32,
            3 => text = item.text()?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}

fn time(bytes: &[u8], micro: bool) -> Result<Value> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let seconds = first(bytes, 1)?.map_or(Ok(0), |item| item.number())? as i64;
    let nanos = first(bytes, 2)?.map_or(Ok(0), |item| item.number())? as i32;
    let Ok(time) = jiff::Timestamp::new(seconds, if micro { nanos.clamp(0, 999_999_999) } else { 0 }) else {
        return Ok(Value::Null);
    };
    let whole = time.strftime("%Y-%m-%dT%H:%M:%S");
    Ok(if micro { format!("{whole}.{:06}Z", time.subsec_nanosecond().max(0) / 1000) } else { format!("{whole}Z") }
        .into())
}

/// JSON inside a message: RawExtension, FieldsV1, JSON.
fn raw(bytes: &[u8]) -> Result<Value> {
    match first(bytes, 1)? {
        None => Ok(Value::Null),
        Some(item) => match item.bytes()? {
            [] => Ok(Value::Null),
            json => serde_json::from_slice(json).map_err(|error| ProtobufError::Json(error.to_string())),
        },
    }
}

fn texts(bytes: &[u8], field: u64) -> Result<Value> {
    let mut out = Vec::new();
    let mut reader = Reader(bytes);
    while let Some((number, item)) = reader.next()? {
        if number == field {
            out.push(item.text()?.into());
        }
    }
    Ok(Value::Array(out))
}

/// The last item with that number.
fn first(bytes: &[u8], field: u64) -> Result<Option<Item<'_>>> {
    let mut found = None;
    let mut reader = Reader(bytes);
    while let Some((number, item)) = reader.next()? {
        if number == field {
            found = Some(item);
        }
    }
    Ok(found)
}

/// One field's value on the wire.
enum Item<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    fn number(&self) -> Result<u64> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Bytes([]) => Ok(0),
            Self::Bytes(_) => Err(ProtobufError::WireType(2)),
        }
    }

    fn bytes(&self) -> Result<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err(ProtobufError::WireType(0)),
        }
    }

    fn text(&self) -> Result<String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| ProtobufError::NotText)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(u64, Item<'a>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let item = match tag & 7 {
            0 => Item::Number(self.varint()?),
            1 => Item::Number(self.fixed::<8>().map(u64::from_le_bytes)?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| ProtobufError::Truncated)?;
                Item::Bytes(self.take(length)?)
            }
            5 => Item::Number(self.fixed::<4>().map(u32::from_le_bytes)?.into()),
            other => return Err(ProtobufError::WireType(other)),
        };
        Ok(Some((tag >> 3, item)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(ProtobufError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| ProtobufError::Truncated)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.fixed::<1>()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(ProtobufError::Overflow)
    }
}

fn table() -> &'static Table {
    static TEXT: OnceLock<String> = OnceLock::new();
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let text = TEXT.get_or_init(|| {
            let mut text = String::with_capacity(1 << 16);
            // The asset is part of the binary; a test reads all of it.
            let _ = flate2::read::GzDecoder::new(PACKED).read_to_string(&mut text);
            text
        });
        let mut table = Table::default();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('+') {
                table.names.insert(name, table.messages.len());
                table.messages.push(Vec::new());
            } else if let (Some(entry), Some(last)) = (entry(line), table.messages.last_mut()) {
                last.push(entry);
            }
        }
        table
    })
}

fn entry(line: &'static str) -> Option<Entry> {
    let mut words = line.split('\t');
    Some(Entry { number: words.next()?.parse().ok()?, name: words.next()?, wire: wire(words.next()?)? })
}

fn wire(text: &str) -> Option<Wire> {
    let (letter, rest) = text.split_at_checked(1)?;
    Some(match letter {
        "s" => Wire::Text,
        "i" => Wire::Int32,
        "l" => Wire::Int64,
        "b" => Wire::Bool,
        "y" => Wire::Bytes,
        "n" => Wire::Double,
        "q" => Wire::Quantity,
        "x" => Wire::IntOrString,
        "t" => Wire::Time { micro: false },
        "u" => Wire::Time { micro: true },
        "r" | "f" | "j" => Wire::Raw,
        "A" => Wire::SchemaOrArray,
        "B" => Wire::SchemaOrBool,
        "S" => Wire::SchemaOrTexts,
        "w" => Wire::Wrapped,
        "m" => Wire::Message(rest.parse().ok()?),
        "^" => Wire::Inline(rest.strip_prefix('m')?.parse().ok()?),
        "[" => Wire::List(Box::new(wire(rest)?)),
        "{" => Wire::Map(Box::new(wire(rest)?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::schema;
    use proptest::prelude::*;

    #[test]
    fn the_whole_table_is_read() {
        let mut text = String::new();
        flate2::read::GzDecoder::new(PACKED).read_to_string(&mut text).unwrap();
        let table = table();
        let fields: usize = table.messages.iter().map(Vec::len).sum();
        assert_eq!(text.lines().count(), table.messages.len() + fields, "a line was not understood");
    }

    #[test]
    fn an_envelope_needs_its_magic_and_its_length() {
        assert_eq!(envelope(b"{}"), Err(ProtobufError::NoMagic));
        assert_eq!(envelope(b"k8s\0\x0a\x7f"), Err(ProtobufError::Truncated));
        assert_eq!(envelope(b"k8s\0"), Ok((String::new(), String::new(), &[][..])));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = envelope(&bytes);
            for (api_version, kind) in [("v1", "Pod"), ("apiextensions.k8s.io/v1", "CustomResourceDefinition"), ("apps/v1", "DeleteOptions")] {
                let _ = message(schema::of(api_version, kind).unwrap(), &bytes);
            }
        }
    }
}
