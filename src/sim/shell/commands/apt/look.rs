//! `apt-cache madison`, `policy`, `show`, `search` and `apt list`: what is installed and what can be had.
//! Source: `apt-private/private-show.cc`, `private-list.cc`, `apt-cache.cc`.

use super::{FAILED, failed};
use crate::sim::machine::packages::offers::Source;
use crate::sim::machine::packages::{Installed, Stanza, known, version};
use crate::sim::machine::root::Root;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

/// What is known of a package, newest first.
fn of(root: &Root, name: &str) -> Vec<(Stanza, Source)> {
    let mut found: Vec<_> = known(root).into_iter().filter(|(stanza, _)| stanza.name() == name).collect();
    found.sort_by(|(one, _), (other, _)| version::compare(other.version(), one.version()));
    found
}

/// `madison`: a line for each version.
pub fn madison(call: &Call, root: &Root, names: &[String]) -> u8 {
    for name in names {
        let found = of(root, name);
        if found.is_empty() && Installed::of(root).get(name).is_none() {
            call.complain(format_args!("N: Unable to locate package {name}"));
        }
        for (stanza, source) in found {
            call.say(format_args!("{:>10} | {:>10} | {}", stanza.name(), stanza.version(), source.shown()));
        }
    }
    0
}

/// `policy`: installed, candidate, and all versions.
pub fn policy(call: &Call, root: &Root, names: &[String]) -> u8 {
    let installed = Installed::of(root);
    if names.is_empty() {
        call.say("Package files:\n 100 /var/lib/dpkg/status\n     release a=now");
        Source::all(root).iter().for_each(|source| call.say(format_args!(" 500 {}", source.shown())));
        call.say("Pinned packages:");
        return 0;
    }
    for name in names {
        let (found, there) = (of(root, name), installed.version(name));
        if found.is_empty() && there.is_none() {
            call.complain(format_args!("N: Unable to locate package {name}"));
            continue;
        }
        let newest = found.first().map(|(stanza, _)| stanza.version());
        let best = match (there, newest) {
            (Some(there), Some(newest)) if version::compare(there, newest).is_gt() => there,
            (there, newest) => newest.or(there).unwrap_or("(none)"),
        };
        let installed = there.unwrap_or("(none)");
        call.say(format_args!("{name}:\n  Installed: {installed}\n  Candidate: {best}\n  Version table:"));
        let mut shown: Vec<(&str, Vec<String>)> = Vec::new();
        for (stanza, source) in &found {
            shown.push((stanza.version(), vec![format!("        500 {}", source.shown())]));
        }
        if let Some(there) = there {
            let status = "        100 /var/lib/dpkg/status".to_owned();
            match shown.iter_mut().find(|(version, _)| *version == there) {
                Some((_, sources)) => sources.push(status),
                None => shown.push((there, vec![status])),
            }
        }
        shown.sort_by(|(one, _), (other, _)| version::compare(other, one));
        for (version, sources) in shown {
            let (mark, weight) = if Some(version) == there { ("***", 100) } else { ("   ", 500) };
            let weight = if sources.len() > 1 { 500 } else { weight };
            call.say(format_args!(" {mark} {version} {weight}"));
            sources.iter().for_each(|line| call.say(line));
        }
    }
    0
}

/// `show`: the paragraphs of packages; `apt` shows the newest only.
pub fn show(call: &Call, root: &Root, (names, all): (&[String], bool)) -> u8 {
    let mut wrong = false;
    for name in names {
        let (name, wanted) = name.split_once('=').map_or((name.as_str(), None), |(name, wanted)| (name, Some(wanted)));
        let found: Vec<_> = of(root, name)
            .into_iter()
            .filter(|(stanza, _)| wanted.is_none_or(|wanted| version::fits(wanted, stanza.version())))
            .collect();
        if found.is_empty() {
            wrong = true;
            call.complain(format_args!("N: Unable to locate package {name}"));
        }
        let shown = if all { found.len() } else { 1 };
        found.iter().take(shown).for_each(|(stanza, _)| call.say(stanza.text()));
    }
    if wrong { failed(call, "E: No packages found") } else { 0 }
}

/// `search`: names and summaries with all the words in them.
pub fn search(call: &Call, root: &Root, words: &[String]) -> u8 {
    if words.is_empty() {
        return failed(call, "E: You must give at least one search pattern");
    }
    let mut seen = std::collections::BTreeMap::new();
    for (stanza, _) in known(root) {
        let line = format!("{} - {}", stanza.name(), stanza.get("Description"));
        if words.iter().all(|word| line.contains(word.as_str())) {
            seen.insert(stanza.name().to_owned(), line);
        }
    }
    seen.values().for_each(|line| call.say(line));
    0
}

/// `apt list`.
pub fn list(call: &Call, root: &Root, flags: &Flags) -> u8 {
    call.say("Listing... Done");
    let (installed, known) = (Installed::of(root), known(root));
    let wanted = &flags.rest[1..];
    let fits = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| version::fits(wanted, name));
    let mut lines = std::collections::BTreeMap::<String, Vec<String>>::new();
    let upgradable = flags.on("upgradable") || flags.on("upgradeable");
    for stanza in installed.all().iter().filter(|stanza| fits(stanza.name())) {
        let (name, there) = (stanza.name(), stanza.version());
        let mut offered: Vec<&str> =
            known.iter().filter(|(known, _)| known.name() == name).map(|(known, _)| known.version()).collect();
        offered.sort_by(|one, other| version::compare(other, one));
        let newest = offered.first().copied().filter(|newest| version::compare(newest, there).is_gt());
        let suite = if offered.contains(&there) { "unknown,now" } else { "now" };
        match newest {
            Some(newest) if upgradable => {
                let line = format!("{name}/unknown {newest} amd64 [upgradable from: {there}]");
                lines.entry(name.to_owned()).or_default().push(line);
            }
            _ if upgradable => {}
            newest => {
                let about = newest.map_or("[installed]".to_owned(), |to| format!("[installed,upgradable to: {to}]"));
                let about = if offered.is_empty() { "[installed,local]".to_owned() } else { about };
                lines.entry(name.to_owned()).or_default().push(format!("{name}/{suite} {there} amd64 {about}"));
            }
        }
    }
    if !flags.on("installed") && !upgradable {
        for (stanza, _) in known.iter().filter(|(stanza, _)| fits(stanza.name())) {
            let entry = lines.entry(stanza.name().to_owned()).or_default();
            if entry.is_empty()
                || flags.on("all-versions") && installed.version(stanza.name()) != Some(stanza.version())
            {
                entry.push(format!("{}/unknown {} amd64", stanza.name(), stanza.version()));
            }
        }
    }
    lines.values().flatten().for_each(|line| call.say(line));
    if lines.is_empty() && !wanted.is_empty() { FAILED } else { 0 }
}
