//! `ps`: the processes of the node. Those of the login alone are this machine's own to list.
//! Source: procps-ng 4.0, `ps(1)`: the columns of `-f`, `u` and those that `-o` names.

use jiff::Timestamp;

use crate::sim::shell::call::Call;
use crate::sim::shell::processes::{self, Process};

/// A column: its name, its heading, whether it stands to the right, and how wide it is.
const COLUMNS: &[(&str, &str, bool, usize)] = &[
    ("user", "USER", false, 8),
    ("uid", "UID", false, 8),
    ("pid", "PID", true, 7),
    ("ppid", "PPID", true, 7),
    ("c", "C", true, 2),
    ("%cpu", "%CPU", true, 4),
    ("%mem", "%MEM", true, 4),
    ("vsz", "VSZ", true, 6),
    ("rss", "RSS", true, 5),
    ("tty", "TTY", false, 8),
    ("stat", "STAT", false, 4),
    ("start", "START", true, 5),
    ("stime", "STIME", true, 5),
    ("etime", "ELAPSED", true, 11),
    ("time", "TIME", true, 8),
    ("comm", "COMMAND", false, 15),
    ("cmd", "CMD", false, 0),
    ("args", "COMMAND", false, 0),
];

/// Names that mean the same as others.
const ALIASES: &[(&str, &str)] = &[
    ("pcpu", "%cpu"),
    ("pmem", "%mem"),
    ("command", "args"),
    ("ucmd", "comm"),
    ("tt", "tty"),
    ("s", "stat"),
    ("ruser", "user"),
    ("euser", "user"),
    ("lstart", "start"),
];

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    /// Whether it is more than the processes of the login.
    all: bool,
    pids: Vec<u32>,
    names: Vec<String>,
    /// The columns, with headings of their own where one is given.
    columns: Vec<(String, Option<String>)>,
    without_heading: bool,
}

fn columns(text: &str) -> Vec<(String, Option<String>)> {
    text.split(',')
        .map(|part| match part.split_once('=') {
            Some((name, heading)) => (name.to_owned(), Some(heading.to_owned())),
            None => (part.to_owned(), None),
        })
        .collect()
}

/// Reads the arguments: letters with a dash before them mean other things than those without.
fn read(args: &[String]) -> Option<Asked> {
    let mut asked = Asked::default();
    let usual = |names: &str| names.split(' ').map(|name| (name.to_owned(), None)).collect::<Vec<_>>();
    asked.columns = usual("pid tty time comm");
    let mut args = args.iter();
    let pids = |text: &str| text.split([',', ' ']).filter_map(|word| word.parse().ok()).collect::<Vec<u32>>();
    while let Some(arg) = args.next() {
        if let Some(list) = arg.strip_prefix("--") {
            let (name, value) = list.split_once('=').unwrap_or((list, ""));
            match name {
                "no-headers" | "no-heading" => asked.without_heading = true,
                "sort" | "forest" | "cols" | "width" => {}
                "pid" => asked.pids.extend(pids(value)),
                _ => return None,
            }
            continue;
        }
        let dashed = arg.starts_with('-');
        if !dashed && arg.chars().all(|letter| letter.is_ascii_digit()) {
            asked.pids.extend(pids(arg));
            continue;
        }
        let letters = arg.trim_start_matches('-');
        for (at, letter) in letters.char_indices() {
            let mut value = || {
                let joined = &letters[at + 1..];
                if joined.is_empty() { args.next().cloned().unwrap_or_default() } else { joined.to_owned() }
            };
            match (letter, dashed) {
                ('e' | 'A', true) | ('a' | 'x', false) => asked.all = true,
                ('f' | 'F', true) => asked.columns = usual("uid pid ppid c stime tty time cmd"),
                ('u', false) => asked.columns = usual("user pid %cpu %mem vsz rss tty stat start time args"),
                ('o', _) => {
                    asked.columns = columns(&value());
                    break;
                }
                ('p', _) => {
                    asked.pids.extend(pids(&value()));
                    break;
                }
                ('C', true) => {
                    asked.names.extend(value().split(',').map(str::to_owned));
                    break;
                }
                ('w' | 'f' | 'e' | 'l' | 'h', false) | ('w' | 'H' | 'l', true) => {
                    asked.without_heading |= letter == 'h'
                }
                _ => return None,
            }
        }
    }
    Some(asked)
}

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let Some(asked) = read(call.args()).filter(|asked| asked.all || !asked.pids.is_empty() || !asked.names.is_empty())
    else {
        call.instead();
        return 0;
    };
    let now = call.inside.client.clock().now();
    let mut columns = Vec::new();
    for (name, heading) in &asked.columns {
        let name = ALIASES.iter().find(|(alias, _)| alias == name).map_or(name.as_str(), |(_, name)| *name);
        let Some((_, usual, right, width)) = COLUMNS.iter().find(|(known, ..)| *known == name) else {
            call.complain(format_args!("error: unknown user-defined format specifier \"{name}\""));
            return 1;
        };
        columns.push((name, heading.clone().unwrap_or_else(|| (*usual).to_owned()), *right, *width));
    }
    let without = asked.without_heading || columns.iter().all(|(_, heading, ..)| heading.is_empty());
    let shown = |process: &Process| {
        let named = asked.names.iter().any(|name| name.chars().take(15).eq(process.name().chars()));
        asked.all || asked.pids.contains(&process.pid) || named
    };
    let found: Vec<Process> = processes::all(&call).into_iter().filter(shown).collect();
    let line = |cells: Vec<String>| {
        let last = columns.len().saturating_sub(1);
        let cell = |(at, text): (usize, String)| match columns[at] {
            (_, _, true, width) => format!("{text:>width$}"),
            (_, _, false, _) if at == last => text,
            (_, _, false, width) => format!("{text:<width$}"),
        };
        cells.into_iter().enumerate().map(cell).collect::<Vec<_>>().join(" ")
    };
    if !without {
        call.say(line(columns.iter().map(|(_, heading, ..)| heading.clone()).collect()));
    }
    for process in &found {
        call.say(line(columns.iter().map(|(name, ..)| cell(process, name, now)).collect()));
    }
    u8::from(found.is_empty())
}

fn cell(process: &Process, column: &str, now: Timestamp) -> String {
    let ran = now.duration_since(process.started).as_secs().max(0);
    let bytes = process.words.iter().map(String::len).sum::<usize>();
    match column {
        "user" | "uid" => process.user.clone(),
        "pid" => process.pid.to_string(),
        "ppid" => process.parent.to_string(),
        "c" => "0".to_owned(),
        "%cpu" => "0.0".to_owned(),
        "%mem" => format!("{}.{}", bytes / 400, bytes / 40 % 10),
        "vsz" => (120_000 + bytes * 1024).to_string(),
        "rss" => (8_000 + bytes * 64).to_string(),
        "tty" => "?".to_owned(),
        "stat" => (if process.pid == 1 { "Ss" } else { "Ssl" }).to_owned(),
        "start" | "stime" if ran < 86400 => process.started.strftime("%H:%M").to_string(),
        "start" | "stime" => process.started.strftime("%b%d").to_string(),
        "etime" => elapsed(ran),
        "time" => format!("00:{:02}:{:02}", ran / 3000 % 60, ran / 50 % 60),
        "comm" => process.name().to_owned(),
        _ => process.line(),
    }
}

/// How long something runs: `[[DD-]hh:]mm:ss`.
fn elapsed(seconds: i64) -> String {
    let (days, hours) = (seconds / 86400, seconds / 3600 % 24);
    let rest = format!("{:02}:{:02}", seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => rest,
        (0, hours) => format!("{hours:02}:{rest}"),
        (days, hours) => format!("{days}-{hours:02}:{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Option<Asked> {
        read(&line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn letters_mean_other_things_with_a_dash() {
        let names = |line: &str| {
            let asked = asked(line).expect("it is understood");
            (asked.all, asked.columns.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(names("aux"), (true, "user pid %cpu %mem vsz rss tty stat start time args".to_owned()));
        assert_eq!(names("-ef"), (true, "uid pid ppid c stime tty time cmd".to_owned()));
        assert_eq!(names("-eo pid,args"), (true, "pid args".to_owned()));
        assert_eq!(names("-A"), (true, "pid tty time comm".to_owned()));
        assert_eq!(
            asked("-C kubelet -o pid=").map(|asked| (asked.all, asked.names)),
            Some((false, vec!["kubelet".to_owned()]))
        );
        assert_eq!(asked("-fp 12,13").map(|asked| asked.pids), Some(vec![12, 13]));
        assert!(!asked("").expect("no letters").all, "the login's own");
        assert_eq!(asked("-Z"), None);
        assert_eq!((elapsed(59), elapsed(90_061)), ("00:59".to_owned(), "1-01:01:01".to_owned()));
    }
}
