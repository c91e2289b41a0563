//! What Go's decoders call a fault, word for word: encoding/json (sigs.k8s.io/json), time, base64, and the converter of strategic merge patches.
//! Checked against a real API server 1.35.4.

use crate::object::schema::{self, Shape};
use base64::DecodeError;
use base64::Engine;
use serde_json::Value;

/// Where a document comes from: decides the words and the kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// JSON text, or a tree that Go would have as JSON text (merge and JSON patches).
    #[default]
    Json,
    /// YAML text.
    Yaml,
    /// A tree that Go converts without going through text (strategic merge patches).
    Converter,
}

/// The Go type of a shape, as Go prints it.
pub(super) fn go_type(shape: &Shape, name: Option<&str>) -> String {
    if let Some(name) = name {
        return name.to_string();
    }
    match shape {
        Shape::Object(of) => of.go_name().to_string(),
        Shape::Map(inner) => format!("map[string]{}", go_type(inner, None)),
        Shape::List(inner) => format!("[]{}", go_type(inner, None)),
        Shape::String => "string".into(),
        Shape::Time => "v1.Time".into(),
        Shape::MicroTime => "v1.MicroTime".into(),
        Shape::IntOrString => "intstr.IntOrString".into(),
        Shape::Int32 => "int32".into(),
        Shape::Int64 => "int64".into(),
        Shape::Number => "float64".into(),
        Shape::Bool => "bool".into(),
        Shape::Quantity => "resource.Quantity".into(),
        Shape::Bytes => "[]uint8".into(),
        Shape::Any => "interface {}".into(),
    }
}

/// `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`, or the converter's words for it.
pub(super) fn misfit(
    dialect: Dialect,
    found: &Value,
    go_type: &str,
    shape: &Shape,
    (structure, stack): (&str, &[&str]),
) -> String {
    if dialect == Dialect::Converter {
        return converter(found, go_type, shape);
    }
    let found = match (found, shape) {
        (Value::Number(number), Shape::Int32 | Shape::Int64) => format!("number {number}"),
        _ => self::found(found).to_string(),
    };
    if stack.is_empty() {
        return format!("json: cannot unmarshal {found} into Go value of type {go_type}");
    }
    let path = stack.join(".");
    format!("json: cannot unmarshal {found} into Go struct field {structure}.{path} of type {go_type}")
}

/// encoding/json's word for a value.
pub(super) fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A tree as Go prints a `map[string]interface{}` with `%+v`: `map[spec:map[replicas:1]]`.
pub fn go_map(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_map).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{}", go_map(value))).collect();
            pairs.sort();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

/// k8s.io/apimachinery/pkg/runtime/converter.go.
fn converter(found: &Value, go_type: &str, shape: &Shape) -> String {
    let kind = match found {
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        _ => "map",
    };
    match shape {
        Shape::Object(_) => format!("cannot restore struct from: {kind}"),
        Shape::Map(_) => format!("cannot restore map from {kind}"),
        Shape::List(_) | Shape::Bytes => format!("cannot restore slice from {kind}"),
        Shape::String if kind == "int64" => format!("cannot convert int64 to {go_type}"),
        Shape::Int32 | Shape::Int64 if kind == "float64" => format!("cannot convert float64 to {go_type}"),
        Shape::String => "unrecognized type: string".into(),
        Shape::Bool => "unrecognized type: bool".into(),
        _ => format!("unrecognized type: {go_type}"),
    }
}

/// Why Go could not read a time, if so. Fractions of a second may stand anywhere, but a MicroTime must have its six digits.
pub(super) fn time_fault(text: &str, micro: bool) -> Option<String> {
    let layout = if micro { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
    let fault = |rest: &str, piece: &str| {
        Some(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {piece:?}"))
    };
    let mut rest = text;
    let pieces = ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", ".000000"];
    for piece in &pieces[..if micro { 12 } else { 11 }] {
        let Some((head, tail)) = rest.split_at_checked(piece.len()).filter(|(head, _)| alike(head, piece)) else {
            return fault(rest, piece);
        };
        let beyond = match (*piece, head.parse::<u32>()) {
            ("01", Ok(0 | 13..)) => "month",
            ("15", Ok(24..)) => "hour",
            ("04", Ok(60..)) => "minute",
            ("05", Ok(60..)) => "second",
            _ => "",
        };
        if !beyond.is_empty() {
            return Some(format!("parsing time {text:?}: {beyond} out of range"));
        }
        rest = tail;
    }
    if !micro && let Some(fraction) = rest.strip_prefix('.') {
        let after = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
        rest = if after == fraction { rest } else { after };
    }
    let offset = rest.strip_prefix(['+', '-']).is_some_and(|offset| alike(offset, "07:00"));
    if rest != "Z" && !offset {
        return fault(rest, "Z07:00");
    }
    let day = text.get(..10).is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok());
    (!day).then(|| format!("parsing time {text:?}: day out of range"))
}

/// Whether a text is like a piece of a layout: digits where it has digits.
fn alike(text: &str, piece: &str) -> bool {
    text.len() == piece.len()
        && text
            .bytes()
            .zip(piece.bytes())
            .all(|(found, like)| if like.is_ascii_digit() { found.is_ascii_digit() } else { found == like })
}

/// Why Go could not read base64, if so. Line ends count in Go's offsets but are skipped.
pub(super) fn base64_fault(text: &str) -> Option<String> {
    let (places, kept): (Vec<usize>, Vec<u8>) =
        text.bytes().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n')).unzip();
    let at = match schema::BASE64.decode(&kept).err()? {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
        // Go names the start of the four letters that are not four.
        DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => kept.len().saturating_sub(1) / 4 * 4,
    };
    let at = places.get(at).copied().unwrap_or(text.len());
    Some(format!("illegal base64 data at input byte {at}"))
}

/// What Go says of JSON that is none.
pub(super) fn json_fault(error: &serde_json::Error, text: &[u8]) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".into();
    }
    let said = error.to_string();
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let line = lines.get(error.line().saturating_sub(1)).copied().unwrap_or_default();
    let byte = line.get(error.column().saturating_sub(1)).copied().unwrap_or(b'\n');
    let found = match byte {
        b'\'' => "'\\''".into(),
        b'\n' => "'\\n'".into(),
        b'\t' => "'\\t'".into(),
        byte => format!("'{}'", char::from(byte)),
    };
    let place = [
        ("key must be a string", "looking for beginning of object key string"),
        ("expected `:`", "after object key"),
        ("expected `,` or `}`", "after object key:value pair"),
        ("expected `,` or `]`", "after array element"),
        ("trailing characters", "after top-level value"),
        ("trailing comma", "looking for beginning of value"),
        ("invalid escape", "in string escape code"),
        ("control character", "in string literal"),
        ("expected ident", "in literal"),
        ("invalid number", "in numeric literal"),
    ]
    .into_iter()
    .find(|(ours, _)| said.contains(ours))
    .map_or("looking for beginning of value", |(_, theirs)| theirs);
    format!("invalid character {found} {place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fail_as_in_go() {
        assert_eq!(time_fault("2025-01-31T12:00:00Z", false), None);
        assert_eq!(time_fault("2025-01-31T12:00:00.123+02:00", false), None);
        assert_eq!(time_fault("2025-01-31T12:00:00.123456+02:00", true), None);
        assert_eq!(
            time_fault("2025-01-31T12:00:00Z", true).unwrap(),
            r#"parsing time "2025-01-31T12:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000""#
        );
        let fault = |text: &str| time_fault(text, false).unwrap();
        assert_eq!(fault("abc"), r#"parsing time "abc" as "2006-01-02T15:04:05Z07:00": cannot parse "abc" as "2006""#);
        assert_eq!(
            fault("2025-01-31"),
            r#"parsing time "2025-01-31" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T""#
        );
        assert_eq!(fault("2025-13-31T00:00:00Z"), r#"parsing time "2025-13-31T00:00:00Z": month out of range"#);
        assert_eq!(fault("2025-02-30T00:00:00Z"), r#"parsing time "2025-02-30T00:00:00Z": day out of range"#);
        assert_eq!(
            fault("2025-01-31T00:00:00"),
            r#"parsing time "2025-01-31T00:00:00" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00""#
        );
    }

    #[test]
    fn base64_fails_at_gos_offset() {
        assert_eq!(base64_fault("Z2Vo\nZWlt\n"), None);
        assert_eq!(base64_fault("YR=="), None);
        assert_eq!(base64_fault("Z2Vo1").unwrap(), "illegal base64 data at input byte 4");
        assert_eq!(base64_fault("%%%").unwrap(), "illegal base64 data at input byte 0");
        assert_eq!(base64_fault("Z2Vo\nZ%lt").unwrap(), "illegal base64 data at input byte 6");
    }

    #[test]
    fn broken_json_is_told_as_in_go() {
        for (text, told) in [
            ("{\"a\":1", "unexpected end of JSON input"),
            ("", "unexpected end of JSON input"),
            ("apiVersion: v1", "invalid character 'a' looking for beginning of value"),
            ("{kind:1}", "invalid character 'k' looking for beginning of object key string"),
            ("{'kind':1}", "invalid character '\\'' looking for beginning of object key string"),
            ("{\"a\":\"\\x\"}", "invalid character 'x' in string escape code"),
            ("{\"a\":1} x", "invalid character 'x' after top-level value"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
        ] {
            let error = serde_json::from_str::<Value>(text).unwrap_err();
            assert_eq!(json_fault(&error, text.as_bytes()), told);
        }
    }
}
