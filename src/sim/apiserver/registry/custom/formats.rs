//! The formats of strings that a schema may ask for, and durations as rules read them.
//! Source: `k8s.io/kube-openapi/pkg/validation/strfmt`. Formats that are not here are not looked at.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::SignedDuration;
use jiff::civil::Date;
use regex::Regex;
use serde_json::{Value, json};

use crate::object::duration as go;

/// Whether a text is in a format.
pub(super) fn fits(text: &str, format: &str) -> bool {
    match format {
        "date" => is_date(text),
        "date-time" => match text.split_once(['T', 't']) {
            Some((date, time)) => is_date(date) && matches(TIME, time),
            None => false,
        },
        "duration" => duration(text).is_some(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.contains(':') && text.parse::<Ipv6Addr>().is_ok(),
        _ => true,
    }
}

const DATE: &str = r"^\d{4}-\d{2}-\d{2}$";
const TIME: &str = r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([zZ]|[+-]\d{2}:\d{2})$";
const DURATION: &str = r"(\d+)\s*([A-Za-zµ]+)";
/// How long units are, in nanoseconds; the last name of each may go on.
const UNITS: [(&[&str], i64); 8] = [
    (&["ns", "nano"], 1),
    (&["us", "µs", "micro"], 1_000),
    (&["ms", "milli"], 1_000_000),
    (&["s", "sec"], 1_000_000_000),
    (&["m", "min"], 60_000_000_000),
    (&["h", "hr", "hour"], 3_600_000_000_000),
    (&["d", "day"], 86_400_000_000_000),
    (&["w", "wk", "week"], 604_800_000_000_000),
];

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

fn is_date(text: &str) -> bool {
    matches(DATE, text) && text.parse::<Date>().is_ok()
}

/// A duration as Go reads it, or in words such as `1d` and `2 weeks` (`duration.go`, ParseDuration).
fn duration(text: &str) -> Option<SignedDuration> {
    if let Ok(found) = go::duration(text) {
        return Some(found);
    }
    let pattern = Regex::new(DURATION).ok()?;
    let parts = pattern.captures_iter(text).filter_map(|part| {
        let (count, unit) = (part.get(1)?.as_str().parse::<i64>().ok()?, part.get(2)?.as_str().to_lowercase());
        let is_it =
            |names: &&[&str]| names.contains(&unit.as_str()) || names.last().is_some_and(|last| unit.starts_with(last));
        let (_, size) = UNITS.iter().find(|(names, _)| is_it(names))?;
        count.checked_mul(*size)
    });
    let parts: Vec<i64> = parts.collect();
    (!parts.is_empty()).then(|| SignedDuration::from_nanos(parts.into_iter().fold(0, i64::saturating_add)))
}

/// Spells the durations in an object as rules read them.
pub(super) fn spell(value: &mut Value, schema: &Value) {
    match value {
        Value::String(text) if schema["format"] == "duration" => {
            if let Some(found) = duration(text) {
                *value = json!(format!("{}us", found.as_micros()));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| spell(item, &schema["items"])),
        Value::Object(map) => {
            for (key, inner) in map {
                spell(inner, schema["properties"].get(key).unwrap_or(&schema["additionalProperties"]));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_read() {
        assert!(fits("2024-01-02T03:04:05Z", "date-time") && fits("2024-01-02t03:04:05.5+01:00", "date-time"));
        assert!(!fits("2020-01-01", "date-time") && !fits("2024-02-30T03:04:05Z", "date-time"));
        assert!(fits("2020-01-01", "date") && !fits("yesterday", "date"));
        assert_eq!(duration("1d"), Some(SignedDuration::from_hours(24)));
        assert_eq!(duration("2 weeks"), Some(SignedDuration::from_hours(336)));
        assert_eq!([duration("1h30m"), duration("soon")], [Some(SignedDuration::from_mins(90)), None]);
    }
}
