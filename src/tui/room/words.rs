//! Times in words, as people say them.
//! Clocks and durations on the screens are theirs.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

fn day(at: Timestamp) -> civil::Date {
    at.to_zoned(TimeZone::system()).date()
}

fn days_between(from: Timestamp, to: Timestamp) -> i32 {
    (day(to) - day(from)).get_days()
}

/// `today`, `yesterday`, `3 days ago`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    match days_between(at, now) {
        ..=0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

/// `due today`, `again in 3 days`.
pub fn due(at: Timestamp, now: Timestamp) -> String {
    match days_between(now, at) {
        ..=0 => "due today".to_owned(),
        1 => "again tomorrow".to_owned(),
        days => format!("again in {days} days"),
    }
}

/// `today 14:05`, `yesterday 14:05`, `12 Mar`, `12 Mar 2025`.
pub fn when(at: Timestamp, now: Timestamp) -> String {
    let zoned = at.to_zoned(TimeZone::system());
    match days_between(at, now) {
        ..=0 => zoned.strftime("today %H:%M").to_string(),
        1 => zoned.strftime("yesterday %H:%M").to_string(),
        _ if zoned.year() == now.to_zoned(TimeZone::system()).year() => zoned.strftime("%-d %b").to_string(),
        _ => zoned.strftime("%-d %b %Y").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_worded_by_day() -> Result<(), jiff::Error> {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse()?;
        let days = |days: i64| now + jiff::SignedDuration::from_hours(24 * days);
        assert_eq!([ago(now, now), ago(days(-1), now), ago(days(-5), now)], ["today", "yesterday", "5 days ago"]);
        assert_eq!(
            [due(days(-2), now), due(days(1), now), due(days(3), now)],
            ["due today", "again tomorrow", "again in 3 days"]
        );
        assert_eq!(when(days(-400), now), "3 Feb 2025");
        Ok(())
    }
}
