//! `pgrep` and `pkill`: processes by their names, and signals to them.
//! What a signal does is the shell's `kill`. Source: BusyBox' `procps/pgrep.c`.

use regex::Regex;

use super::{has, options, system};
use crate::sim::nodes::process::processes::Seen;
use crate::sim::nodes::process::program::Program;
use crate::sim::nodes::process::signals;

pub async fn pgrep(mut program: Program) -> i32 {
    let kills = program.name() == "pkill";
    let first = program.words.get(1).and_then(|word| word.strip_prefix('-')).and_then(signals::signal);
    let signal = first.filter(|_| kills);
    if signal.is_some() {
        program.words.remove(1);
    }
    let (options, patterns) = options(&program, "");
    let [pattern] = patterns.as_slice() else { return program.fail("no pattern given", 1).await };
    let pattern = if has(&options, 'x') { format!("^(?:{pattern})$") } else { pattern.clone() };
    let Ok(pattern) = Regex::new(&pattern) else { return program.fail("bad regex", 2).await };
    let found = found(&program, &options, &pattern);
    if found.is_empty() {
        return 1;
    }
    if kills {
        let pids = found.iter().map(|seen| seen.pid.to_string());
        let words = ["kill".to_owned(), format!("-{}", signal.unwrap_or(15))].into_iter().chain(pids).collect();
        return system::kill(Program { words, ..program }).await;
    }
    for Seen { pid, words, .. } in found {
        let line = if has(&options, 'l') || has(&options, 'a') {
            let name = words.first().map_or("", String::as_str);
            format!("{pid} {}", if has(&options, 'a') { words.join(" ") } else { name.to_owned() })
        } else {
            pid.to_string()
        };
        program.say(&line).await;
    }
    0
}

/// The processes that are meant, itself never among them.
fn found(program: &Program, options: &[(char, String)], pattern: &Regex) -> Vec<Seen> {
    let mut found = program.container.processes.all();
    found.retain(|seen| {
        let name = seen.words.first().map_or("", |path| path.rsplit('/').next().unwrap_or_default());
        let fits = if has(options, 'f') { pattern.is_match(&seen.words.join(" ")) } else { pattern.is_match(name) };
        seen.pid != program.pid && fits != has(options, 'v')
    });
    if has(options, 'n') {
        found.drain(..found.len().saturating_sub(1));
    }
    if has(options, 'o') {
        found.truncate(1);
    }
    found
}
