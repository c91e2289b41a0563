//! The differences that are accepted, each with its reason: `tests/parity/accepted.yaml`, and the same list in `docs/simulator.md`.
//! Whether two answers differ is `compare.rs`.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;

use super::script::folder;

/// A row of the list as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Scripts it speaks of; all when there are none.
    #[serde(default)]
    scripts: Vec<String>,
    /// What the command matches.
    command: String,
    /// What each differing line matches, ours and theirs; any line when there are none.
    #[serde(default)]
    lines: Vec<String>,
    reason: String,
}

/// Differences that may be.
pub struct Accepted {
    scripts: Vec<String>,
    command: Regex,
    lines: Vec<Regex>,
    pub reason: String,
}

impl Accepted {
    /// Whether a line that differs in this command's answer may differ.
    pub fn covers(&self, script: &str, command: &str, line: &str) -> bool {
        (self.scripts.is_empty() || self.scripts.iter().any(|one| one == script))
            && self.command.is_match(command)
            && (self.lines.is_empty() || self.lines.iter().any(|pattern| pattern.is_match(line)))
    }
}

/// The list.
pub fn accepted() -> Vec<Accepted> {
    let text = std::fs::read_to_string(folder().join("accepted.yaml")).expect("the list is there");
    let rows: Vec<Written> = serde_yaml::from_str(&text).expect("the list can be read");
    let pattern = |text: &String| Regex::new(text).unwrap_or_else(|why| panic!("accepted.yaml: {why}"));
    let row = |row: Written| Accepted {
        command: pattern(&row.command),
        lines: row.lines.iter().map(pattern).collect(),
        scripts: row.scripts,
        reason: row.reason,
    };
    rows.into_iter().map(row).collect()
}

const BEGIN: &str = "<!-- accepted differences: written by `just parity-page` -->\n";
const END: &str = "<!-- end of accepted differences -->";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/simulator.md")
}

/// The list as the page shows it: each reason once.
fn shown() -> String {
    let mut reasons: Vec<String> = Vec::new();
    for row in accepted() {
        if !reasons.contains(&row.reason) {
            reasons.push(row.reason);
        }
    }
    reasons.iter().map(|reason| format!("- {reason}\n")).collect()
}

#[test]
fn the_page_shows_what_is_accepted() {
    let text = std::fs::read_to_string(page()).expect("the page is there");
    let (before, rest) = text.split_once(BEGIN).expect("the page has a place for the list");
    let (now, after) = rest.split_once(END).expect("the list ends");
    if std::env::var_os("KUBEDRILL_PARITY_PAGE").is_some() {
        std::fs::write(page(), format!("{before}{BEGIN}{}{END}{after}", shown())).expect("the page can be written");
        return;
    }
    assert_eq!(now, shown(), "docs/simulator.md is not in step with tests/parity/accepted.yaml: `just parity-page`");
}
