//! `apt-get`, `apt`, `apt-cache` and `apt-mark`: the packages of a node as people change and look at them.
//! What is installed and what can be had is `machine/packages`'. Source: apt 2.7.14 (Ubuntu 24.04), `cmdline/` and `apt-private/`.

mod install;
mod look;
mod mark;
mod plan;
mod update;

use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

/// apt's exit code when something went wrong.
const FAILED: u8 = 100;

static KNOWN: Known = &[
    ("yes", 'y', false),
    ("assume-yes", '\0', false),
    ("quiet", 'q', false),
    ("simulate", 's', false),
    ("dry-run", '\0', false),
    ("allow-change-held-packages", '\0', false),
    ("allow-downgrades", '\0', false),
    ("allow-unauthenticated", '\0', false),
    ("only-upgrade", '\0', false),
    ("no-upgrade", '\0', false),
    ("no-install-recommends", '\0', false),
    ("reinstall", '\0', false),
    ("fix-broken", 'f', false),
    ("fix-missing", 'm', false),
    ("purge", '\0', false),
    ("auto-remove", '\0', false),
    ("autoremove", '\0', false),
    ("option", 'o', true),
    ("installed", '\0', false),
    ("upgradable", '\0', false),
    ("upgradeable", '\0', false),
    ("all-versions", 'a', false),
    ("verbose", 'V', false),
    ("download-only", 'd', false),
    ("allow-releaseinfo-change", '\0', false),
];

/// What a line asks: its flags and what is no flag.
fn read(call: &Call) -> Result<Flags, String> {
    Flags::read(call.args(), &[KNOWN]).map_err(|why| {
        if let Some(flag) = why.strip_prefix("unknown flag: ") {
            return format!("E: Command line option {flag} is not understood in combination with the other options");
        }
        match why.strip_prefix("unknown shorthand flag: ").and_then(|rest| rest.split_once(" in ")) {
            Some((letter, arg)) => format!("E: Command line option {letter} [from {arg}] is not known."),
            None => format!("E: {}", why.replace("flag needs an argument:", "Option requires an argument:")),
        }
    })
}

/// Whether nobody is to be asked.
fn is_yes(flags: &Flags) -> bool {
    flags.on("yes") || flags.on("assume-yes")
}

/// Whether a command only tells what it would do.
fn is_dry(flags: &Flags) -> bool {
    flags.on("simulate") || flags.on("dry-run")
}

/// Ends a command with an error.
fn failed(call: &Call, why: impl std::fmt::Display) -> u8 {
    call.complain(why);
    FAILED
}

/// Runs `apt-get`.
pub async fn get(call: Call) -> u8 {
    changing(call, "apt-get").await
}

/// Runs `apt`: `apt-get` and `apt-cache` under one name.
pub async fn apt(call: Call) -> u8 {
    if call.columns.is_none() {
        call.complain("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n");
    }
    match call.args().iter().find(|arg| !arg.starts_with('-')).map(String::as_str) {
        Some("list" | "policy" | "show" | "madison" | "search" | "depends") => cache(call).await,
        _ => changing(call, "apt").await,
    }
}

async fn changing(mut call: Call, program: &str) -> u8 {
    let flags = match read(&call) {
        Ok(flags) => flags,
        Err(why) => return failed(&call, why),
    };
    let (verb, names) = flags.rest.split_first().map_or(("", &[][..]), |(verb, names)| (verb.as_str(), names));
    match verb {
        "" | "help" => {
            call.say("apt 2.7.14 (amd64)");
            call.say(format_args!(
                "Usage: {program} [options] command\n       {program} [options] install|remove pkg1 [pkg2 ...]"
            ));
            0
        }
        "update" => update::run(&call),
        "install" | "reinstall" => install::run(&mut call, &flags, install::Wish::Install(names)).await,
        "upgrade" | "dist-upgrade" | "full-upgrade" => install::run(&mut call, &flags, install::Wish::Upgrade).await,
        "remove" | "purge" => install::run(&mut call, &flags, install::Wish::Remove(names)).await,
        "autoremove" | "autopurge" => install::run(&mut call, &flags, install::Wish::Remove(&[])).await,
        "clean" | "autoclean" | "auto-clean" | "check" => 0,
        other => failed(&call, format_args!("E: Invalid operation {other}")),
    }
}

/// Runs `apt-cache`.
pub async fn cache(call: Call) -> u8 {
    let flags = match read(&call) {
        Ok(flags) => flags,
        Err(why) => return failed(&call, why),
    };
    let (verb, names) = flags.rest.split_first().map_or(("", &[][..]), |(verb, names)| (verb.as_str(), names));
    let root = match call.files() {
        Ok(root) => root,
        Err(why) => return failed(&call, format_args!("E: {why}")),
    };
    match verb {
        "madison" => look::madison(&call, root, names),
        "policy" => look::policy(&call, root, names),
        "show" => look::show(&call, root, (names, flags.on("all-versions") || call.words[0].ends_with("cache"))),
        "search" => look::search(&call, root, names),
        "list" => look::list(&call, root, &flags),
        other => failed(&call, format_args!("E: Invalid operation {other}")),
    }
}

pub use mark::run as mark;
