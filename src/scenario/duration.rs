//! Durations as packs write them: `20s`, `2m`, `1m30s`, `500ms`.
//! Serde's side of them, for the fields that hold one.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// The longest a check or a step may wait.
pub const LONGEST: Duration = Duration::from_secs(600);

/// Reads a duration. The error says what one looks like.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as 20s, 2m or 1m30s");
    let mut rest = text.trim();
    let mut sum = Duration::ZERO;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let units = rest[digits..].find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len() - digits);
        let millis = match &rest[digits..digits + units] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        let part = Duration::from_millis(number.checked_mul(millis).ok_or_else(wrong)?);
        sum = sum.checked_add(part).ok_or_else(wrong)?;
        rest = &rest[digits + units..];
    }
    if sum > LONGEST {
        return Err(format!("`{text}` is longer than the ten minutes anything may be waited for"));
    }
    Ok(sum)
}

/// For `#[serde(deserialize_with)]` on an optional duration.
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse(&text).map_err(de::Error::custom)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_others_refused() {
        assert_eq!(parse("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "20", "s", "20 s", "-1s", "1d", "99999999999999999999s", "20m"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
