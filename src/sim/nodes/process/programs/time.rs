//! Programs about time: `sleep`, `date`, `timeout`, `watch`.
//! Time itself is the engine's.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::sim::nodes::process::program::Program;
use crate::sim::nodes::process::sh::{self};

/// `5`, `1.5`, `2m`, `1h`, `1d`, `infinity`.
fn span(word: &str) -> Option<Duration> {
    if matches!(word, "infinity" | "inf") {
        return Some(Duration::from_secs(86400 * 365));
    }
    let (number, unit) = match word.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, word.chars().last().unwrap_or('s')),
        None => (word, 's'),
    };
    let seconds = match unit {
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86400.0,
        _ => 1.0,
    };
    let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

pub async fn sleep(program: Program) -> i32 {
    let words: Vec<&str> = program.args().collect();
    if words.is_empty() {
        return program.fail("missing operand", 1).await;
    }
    let mut total = Duration::ZERO;
    for word in words {
        match span(word) {
            Some(time) => total = total.saturating_add(time),
            None => return program.fail(&format!("invalid number '{word}'"), 1).await,
        }
    }
    program.sleep(total).await;
    0
}

pub async fn date(program: Program) -> i32 {
    let (options, rest) = super::options(&program, "dDrs");
    let set = super::value(&options, 's');
    let now = program.engine().now();
    let now = match set.or_else(|| super::value(&options, 'd')) {
        Some(text) => match moment(text, now) {
            Some(then) => then,
            None => return program.fail(&format!("invalid date '{text}'"), 1).await,
        },
        None => now,
    };
    let iso = super::has(&options, 'I') || program.words.iter().any(|word| word.starts_with("--iso"));
    let format = match rest.iter().find_map(|word| word.strip_prefix('+')) {
        Some(format) => format.replace("%N", &format!("{:09}", now.subsec_nanosecond())),
        None if iso => "%Y-%m-%d".to_owned(),
        None if super::has(&options, 'R') => "%a, %d %b %Y %H:%M:%S +0000".to_owned(),
        None => "%a %b %e %H:%M:%S UTC %Y".to_owned(),
    };
    let zoned = now.to_zoned(TimeZone::UTC);
    let text = jiff::fmt::strtime::format(&format, &zoned).unwrap_or(format);
    let refused = set.is_some() && !program.may("SYS_TIME");
    if refused {
        let word = if program.container.image.is_busybox() { "can't" } else { "cannot" };
        program.fail(&format!("{word} set date: Operation not permitted"), 1).await;
    }
    i32::from(!program.say(&text).await || refused)
}

fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(seconds) = text.strip_prefix('@') {
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    if text == "now" {
        return Some(now);
    }
    let mut words = text.split_whitespace();
    if let (Some(number), Some(unit)) = (words.next().and_then(|word| word.parse::<i64>().ok()), words.next()) {
        let seconds = match unit.trim_end_matches('s') {
            "second" | "sec" => 1,
            "minute" | "min" => 60,
            "hour" => 3600,
            "day" => 86400,
            _ => return None,
        };
        let sign = if words.next() == Some("ago") { -1 } else { 1 };
        return now.checked_add(SignedDuration::from_secs(sign * number * seconds)).ok();
    }
    let clock =
        || text.parse::<jiff::civil::Time>().ok().map(|time| now.to_zoned(TimeZone::UTC).date().to_datetime(time));
    let civil = text.parse::<jiff::civil::DateTime>().ok().or_else(clock);
    text.parse().ok().or_else(|| civil?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp()))
}

/// `timeout 5 command`.
pub async fn timeout(program: Program) -> i32 {
    let (_, mut words) = super::options(&program, "ks");
    if words.first().is_some_and(|word| word.starts_with("--")) {
        words.remove(0);
    }
    // Options of the command are its own.
    let at = program.words.iter().position(|word| Some(word) == words.first()).unwrap_or(program.words.len());
    let mut rest = program.words[at..].to_vec();
    if rest.len() < 2 {
        return program.fail("missing operand", 1).await;
    }
    let Some(time) = span(&rest.remove(0)) else { return program.fail("invalid time interval", 1).await };
    let late = program.sleep(time);
    let work = run(&program, rest);
    match futures::future::select(std::pin::pin!(work), std::pin::pin!(late)).await {
        futures::future::Either::Left((code, _)) => code,
        futures::future::Either::Right(_) => {
            if program.container.image.is_busybox() {
                143
            } else {
                124
            }
        }
    }
}

/// Runs a command as a shell would.
pub async fn run(program: &Program, words: Vec<String>) -> i32 {
    let mut inner = program.clone();
    inner.words = words;
    match sh::find(program, &inner.words[0].clone()) {
        sh::Found::Program(row) => (row.run)(inner).await,
        sh::Found::Script(path) => {
            inner.words = [vec!["sh".to_owned(), path], inner.words[1..].to_vec()].concat();
            Box::pin(sh::start(inner)).await
        }
        _ => program.fail(&format!("can't execute '{}': No such file or directory", inner.words[0]), 127).await,
    }
}

/// `watch -n 2 command`.
pub async fn watch(program: Program) -> i32 {
    let (options, rest) = super::options(&program, "n");
    let every = super::value(&options, 'n').and_then(span).unwrap_or(Duration::from_secs(2));
    if rest.is_empty() {
        return 1;
    }
    loop {
        Box::pin(run(&program, vec!["sh".to_owned(), "-c".to_owned(), rest.join(" ")])).await;
        program.sleep(every.max(Duration::from_millis(100))).await;
    }
}
