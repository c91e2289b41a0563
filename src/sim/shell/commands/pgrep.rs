//! `pgrep`, `pkill`, `pidof` and `killall`: processes by their names, and signals to them.
//! Sources: procps-ng 4.0 `pgrep(1)`, sysvinit's `pidof(8)`, psmisc `killall(1)`.

use regex::Regex;

use crate::sim::nodes::process::signals;
use crate::sim::shell::call::Call;
use crate::sim::shell::processes::{self, Process};

/// What is asked of `pgrep` and `pkill`.
#[derive(Debug, Default)]
struct Asked {
    full: bool,
    exact: bool,
    inverted: bool,
    lower: bool,
    count: bool,
    names: bool,
    lines: bool,
    newest: bool,
    oldest: bool,
    echo: bool,
    user: Option<String>,
    parent: Option<u32>,
    delimiter: Option<String>,
    signal: Option<u8>,
    patterns: Vec<String>,
}

/// Reads the arguments; the error is what is wrong with them.
fn read(args: &[String]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            asked.patterns.push(arg.clone());
            continue;
        };
        if let Some(long) = letters.strip_prefix("--").or_else(|| letters.strip_prefix('-')) {
            match long {
                "full" => asked.full = true,
                "exact" => asked.exact = true,
                "list-name" => asked.names = true,
                "list-full" => asked.lines = true,
                "count" => asked.count = true,
                "newest" => asked.newest = true,
                "oldest" => asked.oldest = true,
                "echo" => asked.echo = true,
                "ignore-case" => asked.lower = true,
                _ if long.starts_with("signal=") => asked.signal = signals::signal(&long[7..]),
                _ => return Err(format!("unrecognized option '{arg}'")),
            }
            continue;
        }
        if let Some(signal) = signals::signal(letters).filter(|_| letters.len() > 1 || letters.parse::<u8>().is_ok()) {
            asked.signal = Some(signal);
            continue;
        }
        for (at, letter) in letters.char_indices() {
            let mut value = || {
                let joined = &letters[at + 1..];
                if joined.is_empty() { args.next().cloned().unwrap_or_default() } else { joined.to_owned() }
            };
            match letter {
                'f' => asked.full = true,
                'x' => asked.exact = true,
                'v' => asked.inverted = true,
                'i' => asked.lower = true,
                'c' => asked.count = true,
                'l' => asked.names = true,
                'a' => asked.lines = true,
                'n' => asked.newest = true,
                'o' => asked.oldest = true,
                'e' => asked.echo = true,
                'u' | 'U' | 'P' | 'd' => {
                    let value = value();
                    match letter {
                        'P' => asked.parent = value.parse().ok(),
                        'd' => asked.delimiter = Some(value),
                        _ => asked.user = Some(value),
                    }
                    break;
                }
                letter => return Err(format!("invalid option -- '{letter}'")),
            }
        }
    }
    Ok(asked)
}

impl Asked {
    fn finds(&self, all: Vec<Process>) -> Result<Vec<Process>, String> {
        let pattern = self.patterns.first().map_or("", String::as_str);
        let wrapped = if self.exact { format!("^(?:{pattern})$") } else { pattern.to_owned() };
        let wrapped = if self.lower { format!("(?i){wrapped}") } else { wrapped };
        let regex = Regex::new(&wrapped).map_err(|_| format!("Unmatched ( or \\( in regex: {pattern}"))?;
        let fits = |process: &Process| {
            let text = if self.full { process.line() } else { process.name().to_owned() };
            let user =
                self.user.as_ref().is_none_or(|user| *user == process.user || (user == "0" && process.user == "root"));
            user && self.parent.is_none_or(|parent| parent == process.parent)
                && (regex.is_match(&text) != self.inverted)
        };
        let mut found: Vec<Process> = all.into_iter().filter(fits).collect();
        if self.newest || self.oldest {
            found.sort_by_key(|process| (process.started, process.pid));
            let at = if self.newest { found.len().saturating_sub(1) } else { 0 };
            found = found.into_iter().skip(at).take(1).collect();
        }
        Ok(found)
    }
}

/// `pgrep` and `pkill`.
pub async fn run(call: Call) -> u8 {
    let kills = call.words.first().is_some_and(|word| word.ends_with("pkill"));
    let name = if kills { "pkill" } else { "pgrep" };
    let asked = match read(call.args()) {
        Ok(asked) => asked,
        Err(why) => {
            call.complain(format_args!("{name}: {why}\nTry `{name} --help' for more information."));
            return 2;
        }
    };
    if asked.patterns.len() != 1 && (asked.patterns.len() > 1 || (asked.user.is_none() && asked.parent.is_none())) {
        let why = if asked.patterns.is_empty() {
            "no matching criteria specified"
        } else {
            "only one pattern can be provided"
        };
        call.complain(format_args!("{name}: {why}\nTry `{name} --help' for more information."));
        return 2;
    }
    if !asked.full && asked.patterns.first().is_some_and(|pattern| pattern.len() > 15) {
        call.complain(format_args!(
            "{name}: pattern that searches for process name longer than 15 characters will result in zero matches\nTry `{name} -f' option to match against the complete command line."
        ));
        return 1;
    }
    let found = match asked.finds(processes::all(&call)) {
        Ok(found) => found,
        Err(why) => {
            call.complain(format_args!("{name}: {why}"));
            return 2;
        }
    };
    if kills {
        for process in &found {
            processes::send(&call, process, asked.signal.unwrap_or(15));
            if asked.echo {
                call.say(format_args!("{} killed (pid {})", process.name(), process.pid));
            }
        }
    } else if asked.count {
        call.say(found.len());
    } else {
        let shown = |process: &Process| match (asked.lines, asked.names) {
            (true, _) => format!("{} {}", process.pid, process.line()),
            (false, true) => format!("{} {}", process.pid, process.name()),
            (false, false) => process.pid.to_string(),
        };
        let lines: Vec<String> = found.iter().map(shown).collect();
        if !lines.is_empty() {
            call.say(lines.join(asked.delimiter.as_deref().unwrap_or("\n")));
        }
    }
    u8::from(found.is_empty())
}

/// The whole name of a process: its program's, or as the kernel cut it.
fn is_named(process: &Process, name: &str) -> bool {
    let word = process.words.first().map_or("", String::as_str);
    word == name || word.rsplit('/').next() == Some(name) || (name.len() >= 15 && process.name() == name)
}

/// `pidof`.
pub async fn pidof(call: Call) -> u8 {
    let all = processes::all(&call);
    let single = call.args().iter().any(|arg| arg == "-s");
    let names: Vec<&String> = call.args().iter().filter(|arg| !arg.starts_with('-')).collect();
    let found = all.iter().rev().filter(|process| names.iter().any(|name| is_named(process, name)));
    let pids: Vec<String> =
        found.map(|process| process.pid.to_string()).take(if single { 1 } else { usize::MAX }).collect();
    if !pids.is_empty() {
        call.say(pids.join(" "));
    }
    u8::from(pids.is_empty())
}

/// `killall`.
pub async fn killall(call: Call) -> u8 {
    let (mut signal, mut quiet, mut names) = (15, false, Vec::new());
    let mut args = call.args().iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-s" | "--signal" => signal = args.next().and_then(|word| signals::signal(word)).unwrap_or(15),
            "-q" | "--quiet" => quiet = true,
            _ => match arg.strip_prefix('-') {
                Some(word) => signal = signals::signal(word).unwrap_or(signal),
                None => names.push(arg.clone()),
            },
        }
    }
    let all = processes::all(&call);
    let mut code = 0;
    for name in names {
        let found: Vec<&Process> = all.iter().filter(|process| is_named(process, &name)).collect();
        found.iter().for_each(|process| processes::send(&call, process, signal));
        if found.is_empty() {
            code = 1;
            if !quiet {
                call.complain(format_args!("{name}: no process found"));
            }
        }
    }
    code
}
