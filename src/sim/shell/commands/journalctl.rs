//! `journalctl`: what the services of a node wrote.
//! Source: systemd 255, `src/journal/journalctl.c`; the short output format of `src/shared/logs-show.c`.

use jiff::{SignedDuration, Timestamp};

use crate::sim::machine::journal::Entry;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known = &[
    ("unit", 'u', true),
    ("follow", 'f', false),
    ("lines", 'n', true),
    ("no-pager", '\0', false),
    ("reverse", 'r', false),
    ("pager-end", 'e', false),
    ("catalog", 'x', false),
    ("since", 'S', true),
    ("until", 'U', true),
    ("output", 'o', true),
    ("boot", 'b', false),
    ("grep", 'g', true),
    ("priority", 'p', true),
    ("quiet", 'q', false),
    ("identifier", 't', true),
    ("dmesg", 'k', false),
    ("all", 'a', false),
    ("full", 'l', false),
    ("no-full", '\0', false),
    ("utc", '\0', false),
    ("no-hostname", '\0', false),
];

/// What is to be shown.
struct Wanted {
    units: Vec<String>,
    identifiers: Vec<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    pattern: Option<regex::Regex>,
}

impl Wanted {
    fn of(flags: &Flags, now: Timestamp) -> Result<Self, String> {
        let time = |name: &str| flags.get(name).map(|text| moment(text, now)).transpose();
        let words = |name: &str| flags.all(name).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let pattern = flags.get("grep").map(|pattern| {
            let any_case = !pattern.contains(|letter: char| letter.is_ascii_uppercase());
            regex::RegexBuilder::new(pattern).case_insensitive(any_case).build()
        });
        let pattern = pattern.transpose().map_err(|error| format!("Bad pattern: {error}"))?;
        let unit = |name: String| if name.contains('.') { name } else { format!("{name}.service") };
        let units = words("unit").into_iter().map(unit).collect();
        Ok(Self { units, identifiers: words("identifier"), since: time("since")?, until: time("until")?, pattern })
    }

    fn has(&self, entry: &Entry) -> bool {
        let named = |wanted: &[String], word: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == word);
        named(&self.units, &entry.unit)
            && named(&self.identifiers, &entry.program)
            && self.since.is_none_or(|since| entry.time >= since)
            && self.until.is_none_or(|until| entry.time <= until)
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&entry.text))
    }
}

/// A moment as systemd reads it (systemd.time(7)), as far as people type it.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let failed = || format!("Failed to parse timestamp: {text}");
    let day = now.strftime("%Y-%m-%d").to_string();
    let at = |date: &str, time: &str| {
        let time = if time.matches(':').count() == 1 { format!("{time}:00") } else { time.to_owned() };
        format!("{date}T{time}Z").parse::<Timestamp>().map_err(|_| failed())
    };
    if let Some(span) = text.strip_suffix(" ago").or_else(|| text.strip_prefix('-')) {
        let span: jiff::Span = span.trim().parse().map_err(|_| failed())?;
        let span = SignedDuration::try_from(span).map_err(|_| failed())?;
        return now.checked_sub(span).map_err(|_| failed());
    }
    match (text, text.split_once(' ')) {
        ("now", _) => Ok(now),
        ("today", _) => at(&day, "00:00:00"),
        ("yesterday", _) => Ok(at(&day, "00:00:00")? - SignedDuration::from_hours(24)),
        (_, Some((date, time))) => at(date, time),
        (time, None) if time.contains(':') => at(&day, time),
        (date, None) => at(date, "00:00:00"),
    }
}

fn line(entry: &Entry, host: &str, format: &str) -> String {
    match format {
        "cat" => entry.text.clone(),
        "json" => serde_json::json!({
            "__REALTIME_TIMESTAMP": entry.time.as_microsecond().to_string(),
            "_HOSTNAME": host,
            "_SYSTEMD_UNIT": entry.unit,
            "SYSLOG_IDENTIFIER": entry.program,
            "_PID": entry.pid.to_string(),
            "MESSAGE": entry.text,
        })
        .to_string(),
        format => {
            let time = match format {
                "short-iso" => entry.time.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
                "short-precise" => entry.time.strftime("%b %d %H:%M:%S.%6f"),
                _ => entry.time.strftime("%b %d %H:%M:%S"),
            };
            format!("{time} {host} {}[{}]: {}", entry.program, entry.pid, entry.text)
        }
    }
}

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let now = call.inside.client.clock().now();
    let args: Vec<String> =
        call.args().iter().map(|arg| if arg == "-xeu" { "-eu".to_owned() } else { arg.clone() }).collect();
    let read = Flags::read(&args, &[KNOWN]).and_then(|flags| Wanted::of(&flags, now).map(|wanted| (flags, wanted)));
    let (flags, wanted) = match read {
        Ok(read) => read,
        Err(why) => {
            call.complain(why.replace("unknown flag:", "journalctl: unrecognized option"));
            return 1;
        }
    };
    let format = flags.get("output").unwrap_or("short").to_owned();
    let mut changes = call.machine.journal().watch();
    let (mut known, entries) = call.machine.journal().since(0);
    let mut shown: Vec<&Entry> = entries.iter().filter(|entry| wanted.has(entry)).collect();
    let last = flags.get("lines").map(|lines| lines.parse().unwrap_or(usize::MAX));
    let last = last.or((flags.on("follow")).then_some(10)).or(flags.on("pager-end").then_some(1000));
    shown.drain(..shown.len().saturating_sub(last.unwrap_or(usize::MAX)));
    if flags.on("reverse") {
        shown.reverse();
    }
    if shown.is_empty() && !flags.on("follow") && !flags.on("quiet") {
        call.say("-- No entries --");
    }
    shown.iter().for_each(|entry| call.say(line(entry, &call.machine.name, &format)));
    while flags.on("follow") && changes.changed().await.is_ok() {
        let (written, new) = call.machine.journal().since(known);
        known = written;
        new.iter()
            .filter(|entry| wanted.has(entry))
            .for_each(|entry| call.say(line(entry, &call.machine.name, &format)));
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_systemd_reads_them() {
        let now: Timestamp = "2026-03-04T12:30:00Z".parse().unwrap();
        let read = |text| moment(text, now).map(|time| time.to_string());
        assert_eq!(read("10m ago").unwrap(), "2026-03-04T12:20:00Z");
        assert_eq!(read("-1h").unwrap(), "2026-03-04T11:30:00Z");
        assert_eq!(read("yesterday").unwrap(), "2026-03-03T00:00:00Z");
        assert_eq!(read("2026-03-01 08:00").unwrap(), "2026-03-01T08:00:00Z");
        assert_eq!(read("09:15").unwrap(), "2026-03-04T09:15:00Z");
        assert_eq!(read("soon").unwrap_err(), "Failed to parse timestamp: soon");
    }
}
