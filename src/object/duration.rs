//! Durations as Go reads and writes them: `24h0m0s`, `1.5h`, `90s`.
//! What they are for is others'. Source: Go's `time.ParseDuration` and `Duration.String`.

use jiff::SignedDuration;

/// The longest that Go can tell of, in nanoseconds.
const MOST: f64 = 9_223_372_036_854_775_807.0;

/// Units and how many nanoseconds each has.
const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// Reads a duration.
pub fn duration(text: &str) -> Result<SignedDuration, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let unit = &rest[..rest.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(rest.len())];
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, size) = known.ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?;
        nanos += number * size;
        rest = &rest[unit.len()..];
    }
    if nanos > MOST {
        return Err(invalid());
    }
    let whole = SignedDuration::try_from_secs_f64(nanos / 1e9).map_err(|_| invalid())?;
    Ok(if negative { -whole } else { whole })
}

/// The value of a flag that is a duration.
pub fn flag_duration(flag: &str, text: &str) -> Result<SignedDuration, String> {
    duration(text).map_err(|why| format!("invalid argument {text:?} for \"--{flag}\" flag: {why}"))
}

/// A duration of whole seconds as Go writes it.
pub fn go(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        assert_eq!(duration("1h30m"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(duration("1.5h"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(duration("-2m"), Ok(-SignedDuration::from_mins(2)));
        assert_eq!(duration("0"), Ok(SignedDuration::ZERO));
        assert_eq!(duration("90").unwrap_err(), "time: missing unit in duration \"90\"");
        assert_eq!(duration("2d").unwrap_err(), "time: unknown unit \"d\" in duration \"2d\"");
        assert_eq!(duration("soon").unwrap_err(), "time: invalid duration \"soon\"");
        assert!(duration("9999999h").is_err());
        assert_eq!(go(SignedDuration::from_hours(24)), "24h0m0s");
        assert_eq!(go(SignedDuration::from_secs(90)), "1m30s");
    }
}
