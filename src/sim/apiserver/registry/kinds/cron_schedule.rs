//! Reading a CronJob's schedule, and the words for what is wrong with it.
//! When it is due is the cronjob controller's. Source: the parser Kubernetes uses, `robfig/cron/v3/parser.go`.

use std::num::IntErrorKind;

use crate::object::duration::duration;

/// The allowed range of a field, and its names.
struct Bounds {
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Bounds; 5] = [
    Bounds { least: 0, most: 59, names: &[] },
    Bounds { least: 0, most: 23, names: &[] },
    Bounds { least: 1, most: 31, names: &[] },
    Bounds { least: 1, most: 12, names: &MONTHS },
    Bounds { least: 0, most: 6, names: &DAYS },
];

/// A schedule: which minutes, hours, days of the month, months and days of the week, each as a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Bit `n` of a field is set when `n` is in it.
    Fields {
        /// Minutes, hours, days of the month, months, days of the week.
        bits: [u64; 5],
        /// Whether the day of the month, and the day of the week, is `*` or `?` without a step.
        any_day: [bool; 2],
    },
    /// `@every`: this many seconds apart.
    Every(i64),
}

/// Reads a schedule; the error is what the API server says.
pub fn parse(text: &str) -> Result<Schedule, String> {
    let text = match text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) {
        Some(rest) => rest.split_once(' ').map(|(_, rest)| rest.trim()).unwrap_or_default(),
        None => text,
    };
    if text.is_empty() {
        return Err("empty spec string".to_owned());
    }
    if text.starts_with('@') {
        return descriptor(text);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
    };
    let mut bits = [0; 5];
    for (index, field) in [minute, hour, day, month, weekday].into_iter().enumerate() {
        // What stands between two commas may be nothing.
        for part in field.split(',').filter(|part| !part.is_empty()) {
            bits[index] |= range(part, &FIELDS[index])?;
        }
    }
    // A star with a step is a choice like any other.
    let any = |field: &str| field.split(',').any(|part| matches!(part, "*" | "?" | "*/1" | "?/1"));
    Ok(Schedule::Fields { bits, any_day: [any(day), any(weekday)] })
}

fn descriptor(text: &str) -> Result<Schedule, String> {
    let fields = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => {
            let Some(every) = text.strip_prefix("@every ") else {
                return Err(format!("unrecognized descriptor: {text}"));
            };
            let every = duration(every).map_err(|why| format!("failed to parse duration {text}: {why}"))?;
            return Ok(Schedule::Every(every.as_secs().max(1)));
        }
    };
    parse(fields)
}

fn number(text: &str, bounds: &Bounds) -> Result<u32, String> {
    let lower = text.to_lowercase();
    if let Some(place) = bounds.names.iter().position(|name| *name == lower) {
        return Ok(bounds.least + u32::try_from(place).unwrap_or_default());
    }
    match text.parse::<i64>() {
        Ok(found) if found < 0 => Err(format!("negative number ({found}) not allowed: {text}")),
        Ok(found) => Ok(u32::try_from(found).unwrap_or(u32::MAX)),
        Err(error) => {
            let why = match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}"))
        }
    }
}

/// One part of a field: `*`, `5`, `1-5`, each with `/step`.
fn range(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let single = ends.len() == 1;
    let (start, mut end) = match ends[..] {
        ["*" | "?"] => (bounds.least, bounds.most),
        [one] => {
            let one = number(one, bounds)?;
            (one, one)
        }
        [from, to] => (number(from, bounds)?, number(to, bounds)?),
        _ => return Err(format!("too many hyphens: {text}")),
    };
    let step = match parts[..] {
        [_] => 1,
        [first, step] => {
            let step = number(step, &Bounds { least: 0, most: 0, names: &[] })?;
            if single && !matches!(first, "*" | "?") {
                end = bounds.most;
            }
            step
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    if start < bounds.least {
        return Err(format!("beginning of range ({start}) below minimum ({}): {text}", bounds.least));
    }
    if end > bounds.most {
        return Err(format!("end of range ({end}) above maximum ({}): {text}", bounds.most));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok((start..=end).step_by(step as usize).fold(0, |bits, value| bits | 1 << value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_become_bits() {
        let Ok(Schedule::Fields { bits, any_day }) = parse("*/15 9-10 * * MON,fri") else { panic!("five fields") };
        assert_eq!(bits[0], 1 | 1 << 15 | 1 << 30 | 1 << 45);
        assert_eq!(bits[1], 1 << 9 | 1 << 10);
        assert_eq!(bits[4], 1 << 1 | 1 << 5);
        assert_eq!(any_day, [true, false]);
        let Ok(Schedule::Fields { any_day, .. }) = parse("0 0 */2 * *") else { panic!("five fields") };
        assert_eq!(any_day, [false, true]);
        assert_eq!(parse("@every 1h30m"), Ok(Schedule::Every(5400)));
        assert_eq!(parse("@daily"), parse("0 0 * * *"));
        assert_eq!(parse("1,,2 * * * *"), parse("1,2 * * * *"));
    }
}
