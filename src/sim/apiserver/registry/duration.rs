//! Ages as tables show them: `12s`, `3m20s`, `5h`, `2d4h`.
//! Source: `k8s.io/apimachinery/pkg/util/duration/duration.go`, HumanDuration.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::object::meta;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

fn pair(seconds: i64, large: (i64, &str), small: (i64, &str)) -> String {
    let rest = seconds % large.0 / small.0;
    let whole = seconds / large.0;
    if rest == 0 { format!("{whole}{}", large.1) } else { format!("{whole}{}{rest}{}", large.1, small.1) }
}

/// A number of seconds, as short as its size allows.
pub fn human(seconds: i64) -> String {
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        _ if seconds < 2 * MINUTE => format!("{seconds}s"),
        _ if seconds < 10 * MINUTE => pair(seconds, (MINUTE, "m"), (1, "s")),
        _ if seconds < 3 * HOUR => format!("{}m", seconds / MINUTE),
        _ if seconds < 8 * HOUR => pair(seconds, (HOUR, "h"), (MINUTE, "m")),
        _ if seconds < 2 * DAY => format!("{}h", seconds / HOUR),
        _ if seconds < 8 * DAY => pair(seconds, (DAY, "d"), (HOUR, "h")),
        _ if seconds < 2 * YEAR => format!("{}d", seconds / DAY),
        _ if seconds < 8 * YEAR => pair(seconds, (YEAR, "y"), (DAY, "d")),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// How long ago the time at `pointer` was; `<unknown>` where there is none.
pub fn since(object: &Value, pointer: &str, now: Timestamp) -> String {
    match meta::text(object, pointer).parse::<Timestamp>() {
        Ok(then) => human(now.duration_since(then).as_secs()),
        Err(_) => "<unknown>".to_owned(),
    }
}

/// The Age cell.
pub fn age(object: &Value, now: Timestamp) -> Value {
    json!(since(object, "/metadata/creationTimestamp", now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        let cases = [
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (10_799, "179m"),
            (3 * HOUR, "3h"),
            (2 * DAY + 4 * HOUR, "2d4h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(seconds), text);
        }
    }
}
