//! Reads the packed tables of types. Their form, one thing a line, words separated by tabs:
//! `+type [a]` (a: atomic); below it `field shape flags key…`; then `@api-version kind place-of-type`.
//!
//! Shapes: `s`tring, `i`nt32, `l` int64, `n`umber, `b`ool, `q`uantity, `x` IntOrString, `t`ime, `u` MicroTime, b`y`tes, `a`ny, `oN` object of
//! type N, `[` list of, `{` map of. Flags: `r`equired, `p`ointer, `o`mitempty, omit`z`ero. Keys: `l`ist type, list-map `k`eys, patch `s`trategy,
//! `m`erge key, `e`num, `d`efault, map `t`ype, `g`o type, embedded `v`ia.

use super::{Field, Go, ListType, Merge, Shape, Type};
use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::sync::OnceLock;

const PACKED: &[u8] = include_bytes!("../../../assets/kubernetes/schema.txt.gz");
/// The kinds of configuration files, in the same form; types count from the first of theirs.
const CONFIGURATIONS: &str = include_str!("../../../assets/kubernetes/configurations.txt");

pub(super) struct Table {
    pub(super) types: Vec<Entry>,
    pub(super) fields: Vec<Field>,
    pub(super) names: HashMap<&'static str, Type>,
    pub(super) kinds: HashMap<(&'static str, &'static str), Type>,
    pub(super) configurations: HashMap<(&'static str, &'static str), Type>,
}

pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) fields: Range<usize>,
    pub(super) atomic: bool,
}

pub(super) fn get() -> &'static Table {
    static TEXT: OnceLock<String> = OnceLock::new();
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let packed = TEXT.get_or_init(|| {
            let mut text = String::with_capacity(1 << 17);
            // The asset is part of the binary; a test reads all of it.
            let _ = flate2::read::GzDecoder::new(PACKED).read_to_string(&mut text);
            text
        });
        let mut table = Table {
            types: Vec::with_capacity(700),
            fields: Vec::with_capacity(3100),
            names: HashMap::with_capacity(700),
            kinds: HashMap::new(),
            configurations: HashMap::new(),
        };
        table.kinds = read(&mut table, packed);
        table.configurations = read(&mut table, CONFIGURATIONS);
        table
    })
}

/// Reads a text into the table; its kinds.
fn read(table: &mut Table, text: &'static str) -> HashMap<(&'static str, &'static str), Type> {
    let (first, mut kinds) = (table.types.len(), HashMap::with_capacity(300));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix('+') {
            let (name, flags) = rest.split_once('\t').unwrap_or((rest, ""));
            table.names.insert(name, Type(u16::try_from(table.types.len()).unwrap_or_default()));
            let at = table.fields.len();
            table.types.push(Entry { name, fields: at..at, atomic: flags.contains('a') });
        } else if let Some(rest) = line.strip_prefix('@') {
            kinds.extend(kind(rest, first));
        } else if let (Some(field), Some(entry)) = (field(line, first), table.types.last_mut()) {
            table.fields.push(field);
            entry.fields.end = table.fields.len();
        }
    }
    kinds
}

/// The type at a place in a text whose first type has this place in the table.
fn at(place: &str, first: usize) -> Option<Type> {
    Some(Type(u16::try_from(first + place.parse::<usize>().ok()?).ok()?))
}

fn kind(line: &'static str, first: usize) -> Option<((&'static str, &'static str), Type)> {
    let mut words = line.split('\t');
    let (group_version, kind, place) = (words.next()?, words.next()?, words.next()?);
    Some(((group_version, kind), at(place, first)?))
}

fn field(line: &'static str, first: usize) -> Option<Field> {
    let mut words = line.split('\t');
    let (name, shape_text, flags) = (words.next()?, words.next()?, words.next()?);
    let mut field = Field {
        name,
        shape: shape(shape_text, first)?,
        merge: Merge::Default,
        merge_key: None,
        list_type: None,
        list_map_keys: Vec::new(),
        atomic: false,
        default: None,
        required: flags.contains('r'),
        enum_values: Vec::new(),
        go: Go {
            pointer: flags.contains('p'),
            omit_empty: flags.contains('o'),
            omit_zero: flags.contains('z'),
            ..Go::default()
        },
    };
    for word in words {
        let (letter, value) = word.split_at_checked(1)?;
        fact(&mut field, letter, value);
    }
    Some(field)
}

fn fact(field: &mut Field, letter: &str, value: &'static str) {
    match letter {
        "l" => {
            field.list_type = match value {
                "map" => Some(ListType::Map),
                "set" => Some(ListType::Set),
                _ => Some(ListType::Atomic),
            }
        }
        "k" => field.list_map_keys = value.split(',').collect(),
        "s" => {
            field.merge = match value {
                "merge" => Merge::Merge,
                "replace" => Merge::Replace,
                "retainKeys" => Merge::RetainKeys,
                "merge,retainKeys" => Merge::MergeRetainKeys,
                _ => Merge::Default,
            }
        }
        "m" => field.merge_key = Some(value),
        "e" => field.enum_values = value.split(',').collect(),
        "d" => field.default = serde_json::from_str(value).ok(),
        "t" => field.atomic = value == "atomic",
        "g" => field.go.type_name = Some(value),
        "v" => field.go.embedded = value,
        _ => {}
    }
}

fn shape(text: &str, first: usize) -> Option<Shape> {
    let (letter, rest) = text.split_at_checked(1)?;
    Some(match letter {
        "s" => Shape::String,
        "i" => Shape::Int32,
        "l" => Shape::Int64,
        "n" => Shape::Number,
        "b" => Shape::Bool,
        "q" => Shape::Quantity,
        "x" => Shape::IntOrString,
        "t" => Shape::Time,
        "u" => Shape::MicroTime,
        "y" => Shape::Bytes,
        "a" => Shape::Any,
        "o" => Shape::Object(at(rest, first)?),
        "[" => Shape::List(Box::new(shape(rest, first)?)),
        "{" => Shape::Map(Box::new(shape(rest, first)?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_asset_is_read() {
        let mut text = String::new();
        flate2::read::GzDecoder::new(PACKED).read_to_string(&mut text).unwrap();
        let table = get();
        let lines = text.lines().count() + CONFIGURATIONS.lines().count();
        assert_eq!(
            lines,
            table.types.len() + table.fields.len() + table.kinds.len() + table.configurations.len(),
            "a line was not understood"
        );
        assert!(table.types.len() > 500 && table.kinds.len() > 200);
    }

    #[test]
    fn every_object_shape_points_at_a_type() {
        let table = get();
        for field in &table.fields {
            if let Some(of) = field.shape.object() {
                assert!(usize::from(of.0) < table.types.len(), "{}", field.name);
            }
        }
    }
}
