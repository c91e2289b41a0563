//! `apt-get update`: asks every repository of the node's files what it offers.
//! Source: apt's `AcqTextStatus` and `apt-pkg/acquire-item.cc`.

use super::{FAILED, failed};
use crate::sim::machine::packages::offers::{Answer, Source};
use crate::sim::machine::packages::{Installed, Stanza, keep, known, version};
use crate::sim::machine::root::Root;
use crate::sim::shell::call::Call;

/// Runs it.
pub fn run(call: &Call) -> u8 {
    let root = match call.files() {
        Ok(root) => root,
        Err(why) => return failed(call, format_args!("E: {why}")),
    };
    let mut wrong = Vec::new();
    for (number, source) in (1_usize..).zip(Source::all(root)) {
        if let Err(why) = ask(call, root, (number, &source)) {
            wrong.extend(why);
        }
    }
    call.say("Reading package lists... Done");
    if wrong.is_empty() {
        if call.words[0].ends_with("apt") {
            upgradable(call, root);
        }
        return 0;
    }
    wrong.iter().for_each(|line| call.complain(line));
    if wrong.iter().any(|line| line.starts_with("E: ")) { FAILED } else { 0 }
}

/// Asks one of them; what went wrong is told at the end of all.
fn ask(call: &Call, root: &Root, (number, source): (usize, &Source)) -> Result<(), Vec<String>> {
    let (uri, at) = (source.uri.trim_end_matches('/'), source.answering());
    let suite = if source.suite == "/" { " InRelease".to_owned() } else { format!("{} InRelease", source.suite) };
    match source.ask(root) {
        Answer::Packages(offered) => {
            let before = Stanza::all(&root.text(&source.file()).unwrap_or_default());
            let word = if before == offered { "Hit" } else { "Get" };
            let size = if before == offered { "" } else { " [1,227 B]" };
            call.say(format_args!("{word}:{number} {at} {suite}{size}"));
            keep(root, source, &offered).map_err(|why| vec![format!("E: {why}")])
        }
        Answer::Forbidden => {
            call.say(format_args!("Err:{number} {uri} {suite}\n  403  Forbidden [IP: 18.64.141.16 443]"));
            Err(vec![
                format!("E: Failed to fetch {uri}/InRelease  403  Forbidden [IP: 18.64.141.16 443]"),
                format!("E: The repository '{uri} {suite}' is not signed."),
                "N: Updating from such a repository can't be done securely, and is therefore disabled by default."
                    .to_owned(),
                "N: See apt-secure(8) manpage for repository creation and user configuration details.".to_owned(),
            ])
        }
        Answer::Unsigned => {
            let why = "The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 234654DA9A296436";
            call.say(format_args!("Err:{number} {at} {suite}\n  {why}"));
            Err(vec![
                format!("W: GPG error: {at} {suite}: {why}"),
                format!("E: The repository '{uri} {suite}' is not signed."),
                "N: Updating from such a repository can't be done securely, and is therefore disabled by default."
                    .to_owned(),
                "N: See apt-secure(8) manpage for repository creation and user configuration details.".to_owned(),
            ])
        }
        Answer::Unknown => {
            let host = uri.split_once("://").map_or(uri, |(_, rest)| rest).split('/').next().unwrap_or_default();
            call.say(format_args!("Err:{number} {uri} {suite}\n  Could not resolve '{host}'"));
            Err(vec![
                format!("W: Failed to fetch {uri}/InRelease  Could not resolve '{host}'"),
                "W: Some index files failed to download. They have been ignored, or old ones used instead.".to_owned(),
            ])
        }
    }
}

fn upgradable(call: &Call, root: &Root) {
    let (installed, known) = (Installed::of(root), known(root));
    let newer = |stanza: &&Stanza| {
        let mut offered = known.iter().filter(|(offered, _)| offered.name() == stanza.name());
        offered.any(|(offered, _)| version::compare(offered.version(), stanza.version()).is_gt())
    };
    match installed.all().iter().filter(newer).count() {
        0 => call.say("All packages are up to date."),
        1 => call.say("1 package can be upgraded. Run 'apt list --upgradable' to see it."),
        more => call.say(format_args!("{more} packages can be upgraded. Run 'apt list --upgradable' to see them.")),
    }
}
