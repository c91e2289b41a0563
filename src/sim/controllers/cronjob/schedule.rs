//! When a schedule is due: the next time after another, in a time zone, and the last one that was missed.
//! Source: `robfig/cron/v3/spec.go` and `mostRecentScheduleTime` in `pkg/controller/cronjob/utils.go`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::sim::apiserver::registry::kinds::cron_schedule::Schedule;

/// How far ahead a schedule is looked for: 30 February never comes.
const FARTHEST_DAYS: i64 = 5 * 366;

/// Missed starts beyond which a warning is due.
const MANY: i64 = 100;

/// A schedule where it is.
pub struct Timetable {
    pub schedule: Schedule,
    pub zone: TimeZone,
}

/// What was missed since some time.
#[derive(Debug, PartialEq, Eq)]
pub struct Missed {
    /// The last time that came.
    pub last: Option<Timestamp>,
    /// Whether there were more than a hundred.
    pub many: bool,
}

impl Timetable {
    /// The first time after `after`; `None` when there is none in five years.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let (bits, any_day) = match self.schedule {
            Schedule::Every(seconds) => {
                let whole = Timestamp::from_second(after.as_second()).ok()?;
                return whole.checked_add(SignedDuration::from_secs(seconds)).ok();
            }
            Schedule::Fields { bits, any_day } => (bits, any_day),
        };
        let first = self.zone.to_datetime(after).date();
        let days = std::iter::successors(Some(first), |date| date.tomorrow().ok());
        let limit = usize::try_from(FARTHEST_DAYS).unwrap_or_default();
        days.take(limit)
            .filter(|date| has_day(&bits, any_day, *date))
            .find_map(|date| self.first_on(&bits, date, after))
    }

    fn first_on(&self, bits: &[u64; 5], date: Date, after: Timestamp) -> Option<Timestamp> {
        let hours = (0..24_i8).filter(|hour| bits[1] >> hour & 1 == 1);
        let times = hours
            .flat_map(|hour| (0..60_i8).filter(|minute| bits[0] >> minute & 1 == 1).map(move |minute| (hour, minute)));
        times.into_iter().find_map(|(hour, minute)| {
            let time = self.zone.to_zoned(date.at(hour, minute, 0, 0)).ok()?;
            // An hour that a clock change leaves out is not made up for.
            (time.hour() == hour && time.timestamp() > after).then(|| time.timestamp())
        })
    }

    /// What was missed after `since` until `now`; an error for a schedule that never comes.
    pub fn missed(&self, since: Timestamp, now: Timestamp) -> Result<Missed, String> {
        let never = || "time difference between two schedules is less than 1 second".to_owned();
        let first = self.next(since).ok_or_else(never)?;
        if now < first {
            return Ok(Missed { last: None, many: false });
        }
        let second = self.next(first).ok_or_else(never)?;
        if now < second {
            return Ok(Missed { last: Some(first), many: false });
        }
        let gap = second.duration_since(first).as_secs().max(1);
        let missed = now.duration_since(first).as_secs() / gap + 1;
        // Not all are walked through: only those since shortly before the last, reckoned by the first gap.
        let mut time = first.checked_add(SignedDuration::from_secs((missed - 2) * gap)).unwrap_or(first);
        let mut last = None;
        while let Some(next) = self.next(time).filter(|next| *next <= now) {
            last = Some(next);
            time = next;
        }
        Ok(Missed { last, many: missed > MANY })
    }
}

/// Whether a date's month, day and weekday are in the schedule. Day and weekday need both hold only when one of them is any.
fn has_day(bits: &[u64; 5], any_day: [bool; 2], date: Date) -> bool {
    let has = |field: usize, value: i8| bits[field] >> value & 1 == 1;
    let (day, weekday) = (has(2, date.day()), has(4, date.weekday().to_sunday_zero_offset()));
    let fits = if any_day.contains(&true) { day && weekday } else { day || weekday };
    has(3, date.month()) && fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::apiserver::registry::kinds::cron_schedule;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn next(schedule: &str, zone: &str, after: &str) -> Option<String> {
        let zone = TimeZone::get(zone).unwrap();
        let timetable = Timetable { schedule: cron_schedule::parse(schedule).unwrap(), zone };
        timetable.next(at(after)).map(|time| time.to_string())
    }

    #[test]
    fn the_next_time_is_found() {
        let monday = "2026-03-02T10:07:30Z";
        for (schedule, expected) in [
            ("*/15 * * * *", "2026-03-02T10:15:00Z"),
            ("7 10 * * *", "2026-03-03T10:07:00Z"),
            ("0 9 * * sat", "2026-03-07T09:00:00Z"),
            ("0 0 13 * 5", "2026-03-06T00:00:00Z"),
            ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
            ("@hourly", "2026-03-02T11:00:00Z"),
            ("@every 90s", "2026-03-02T10:09:00Z"),
        ] {
            assert_eq!(next(schedule, "UTC", monday).as_deref(), Some(expected), "{schedule}");
        }
        assert_eq!(next("0 0 30 2 *", "UTC", monday), None);
    }

    #[test]
    fn time_zones_and_their_clock_changes_count() {
        assert_eq!(next("0 9 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z").as_deref(), Some("2026-03-29T07:00:00Z"));
        let left_out = next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z");
        assert_eq!(left_out.as_deref(), Some("2026-03-30T00:30:00Z"));
    }

    #[test]
    fn missed_times_are_counted_and_the_last_is_known() {
        let timetable = Timetable { schedule: cron_schedule::parse("0 * * * *").unwrap(), zone: TimeZone::UTC };
        let since = at("2026-03-02T10:30:00Z");
        let missed = |now: &str| timetable.missed(since, at(now)).unwrap();
        assert_eq!(missed("2026-03-02T10:59:00Z"), Missed { last: None, many: false });
        let last = Some(at("2026-03-02T13:00:00Z"));
        assert_eq!(missed("2026-03-02T13:20:00Z"), Missed { last, many: false });
        assert!(missed("2026-03-12T13:20:00Z").many);
    }
}
