//! `dpkg` and `dpkg-query`, as far as they tell what is installed.
//! Source: dpkg 1.22.6, `src/query/main.c`.

use crate::sim::machine::packages::{Installed, Stanza, version};
use crate::sim::shell::call::Call;

/// dpkg's exit code for a wrong use of it.
const MISUSED: u8 = 2;

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let root = match call.files() {
        Ok(root) => root,
        Err(why) => {
            call.complain(format_args!("dpkg: error: {why}"));
            return MISUSED;
        }
    };
    let installed = Installed::of(root);
    let Some((verb, names)) = call.args().split_first() else {
        call.complain("dpkg: error: need an action option");
        return MISUSED;
    };
    let wanted = |stanza: &&Stanza| names.is_empty() || names.iter().any(|name| version::fits(name, stanza.name()));
    match verb.as_str() {
        "-l" | "--list" => list(&call, installed.all().iter().filter(wanted).collect()),
        "-s" | "--status" => status(&call, &installed, names),
        "--get-selections" => {
            for stanza in installed.all().iter().filter(wanted) {
                let word = if installed.is_held(stanza.name()) { "hold" } else { "install" };
                call.say(format_args!("{:<48}{word}", stanza.name()));
            }
            0
        }
        "--print-architecture" => {
            call.say("amd64");
            0
        }
        "-W" | "--show" => {
            for stanza in installed.all().iter().filter(wanted) {
                call.say(format_args!("{}\t{}", stanza.name(), stanza.version()));
            }
            0
        }
        other => {
            call.complain(format_args!("dpkg: error: unknown option {other}"));
            MISUSED
        }
    }
}

fn list(call: &Call, shown: Vec<&Stanza>) -> u8 {
    if shown.is_empty() {
        let names = call.args()[1..].join(" ");
        call.complain(format_args!("dpkg-query: no packages found matching {names}"));
        return 1;
    }
    let width =
        |of: fn(&Stanza) -> usize, least: usize| shown.iter().map(|stanza| of(stanza)).max().unwrap_or(0).max(least);
    let (name, number) = (width(|stanza| stanza.name().len(), 14), width(|stanza| stanza.version().len(), 12));
    call.say("Desired=Unknown/Install/Remove/Purge/Hold");
    call.say("| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend");
    call.say("|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)");
    let (names, numbers) = ("Name", "Version");
    call.say(format_args!("||/ {names:<name$} {numbers:<number$} Architecture Description"));
    let (line, dashes) = ("=".repeat(name), "=".repeat(number));
    call.say(format_args!("+++-{line}-{dashes}-============-================================="));
    for stanza in shown {
        let word = if stanza.get("Status").starts_with("hold") { "hi" } else { "ii" };
        let about = stanza.get("Description");
        call.say(format_args!("{word}  {:<name$} {:<number$} amd64        {about}", stanza.name(), stanza.version()));
    }
    0
}

fn status(call: &Call, installed: &Installed, names: &[String]) -> u8 {
    let mut code = 0;
    for name in names {
        match installed.get(name) {
            Some(stanza) => call.say(stanza.text()),
            None => {
                call.complain(format_args!("dpkg-query: package '{name}' is not installed and no information is available\nUse dpkg --info (= dpkg-deb --info) to examine archive files."));
                code = 1;
            }
        }
    }
    code
}
