//! House rules: how files open, how long they are, what they are called, what they must not say, and that everything has its row.
//! Who may name whom stands in `layers`.

use std::path::{Path, PathBuf};

use super::source::{self, Token};
use super::{files, none, read, top};

const LONGEST_FILE: usize = 450;
const MEDIAN_FILE: usize = 150;
const LONGEST_IN_MOD: usize = 30;
const BAD_NAMES: [&str; 8] = ["utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"];

fn sources() -> Vec<PathBuf> {
    ["src", "tests", "benches"].into_iter().flat_map(|folder| files(folder, ".rs")).collect()
}

#[test]
fn a_file_opens_with_what_lives_in_it() {
    let mut complaints = Vec::new();
    for file in sources() {
        let lines = read(&file).lines().take_while(|line| line.starts_with("//!")).count();
        if !(2..=8).contains(&lines) {
            complaints.push(format!("{} opens with {lines}", file.display()));
        }
    }
    none("a file opens with 2 to 8 lines of //!: what lives here, what does not", &complaints);
}

#[test]
fn files_are_short() {
    let lengths = |file: &PathBuf| read(file).lines().count();
    let long: Vec<_> = sources()
        .iter()
        .filter(|file| lengths(file) > LONGEST_FILE)
        .map(|file| format!("{} has {}", file.display(), lengths(file)))
        .collect();
    none(&format!("a file has at most {LONGEST_FILE} lines"), &long);
    let mut lengths: Vec<_> = files("src", ".rs").iter().map(lengths).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    println!("{} files in src, median {median} lines, longest {}", lengths.len(), lengths[lengths.len() - 1]);
    assert!(median <= MEDIAN_FILE, "the median file of src has {median} lines; at most {MEDIAN_FILE}");
}

#[test]
fn names_say_what_is_inside() {
    let vague = |file: &PathBuf| {
        let path = file.with_extension("");
        path.iter().any(|part| BAD_NAMES.iter().any(|bad| part == *bad))
    };
    let bad: Vec<_> = sources().iter().filter(|file| vague(file)).map(|file| file.display().to_string()).collect();
    none(&format!("no module is called {}", BAD_NAMES.join(", ")), &bad);
}

#[test]
fn a_folder_is_a_module_by_its_mod_rs() {
    let beside: Vec<_> = files("src", ".rs")
        .iter()
        .filter(|file| top().join(file.with_extension("")).is_dir())
        .map(|file| format!("{} lies beside its folder", file.display()))
        .collect();
    none("a folder's module is folder/mod.rs", &beside);
}

#[test]
fn a_mod_rs_holds_rows_and_dispatch() {
    let mut complaints = Vec::new();
    for file in files("src", "mod.rs") {
        let tokens = source::tokens(&read(&file));
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.text == "fn" && !token.test) {
            let end = source::end_of_item(&tokens, at);
            let lines = tokens[end - 1].line - token.line + 1;
            if lines > LONGEST_IN_MOD {
                complaints.push(format!("{}:{} has {lines} lines", file.display(), token.line));
            }
        }
    }
    none(
        &format!("a function in a mod.rs has at most {LONGEST_IN_MOD} lines: logic has a file of its own"),
        &complaints,
    );
}

/// Why the words at the head of `rest` must not be in the program.
fn panics(rest: &[Token]) -> Option<&'static str> {
    let text = |offset: usize| rest.get(offset).map_or("", |token| token.text.as_str());
    match (text(0), text(1), text(2), text(3)) {
        (".", "unwrap", "(", ")") => Some("unwrap()"),
        (".", "expect", "(", message) if !message.starts_with("\"constant: ") => {
            Some("expect() without \"constant: …\"")
        }
        ("panic" | "todo" | "unimplemented", "!", ..) => Some("panic!, todo! or unimplemented!"),
        _ => None,
    }
}

#[test]
fn the_program_does_not_panic() {
    let mut complaints = Vec::new();
    for file in files("src", ".rs").iter().filter(|file| !file.ends_with("tests.rs")) {
        let tokens = source::tokens(&read(file));
        for at in (0..tokens.len()).filter(|at| !tokens[*at].test) {
            complaints
                .extend(panics(&tokens[at..]).map(|what| format!("{}:{} {what}", file.display(), tokens[at].line)));
        }
    }
    none("outside tests nothing panics; .expect(\"constant: …\") is for data known when compiled", &complaints);
}

#[test]
fn every_file_is_called() {
    let mut missing = Vec::new();
    for file in sources() {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (module, folder) = match name.as_str() {
            "main" | "lib" => continue,
            "mod" => (file.parent().unwrap().to_owned(), file.parent().and_then(Path::parent).unwrap()),
            _ => (file.with_extension(""), file.parent().unwrap()),
        };
        let module = module.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let callers = ["mod.rs", "lib.rs", "main.rs"].map(|caller| folder.join(caller));
        let calls = |caller: &PathBuf| {
            let words = source::tokens(&read(caller));
            words.windows(2).any(|words| same(words, &["mod", &module]))
        };
        if !callers.iter().filter(|caller| top().join(caller).is_file()).any(calls) {
            missing.push(file.display().to_string());
        }
    }
    none("every file is a module of the one above it", &missing);
}

/// A folder where one thing is one file and one row.
struct Rows {
    folder: &'static str,
    /// The file with the rows, which name `file::…`.
    table: &'static str,
    /// What a file says that is such a thing; other files of the folder are parts that several share. Empty: every file is one.
    says: &'static [&'static str],
}

const ROWS: [Rows; 11] = [
    Rows { folder: "src/scenario/check", table: "src/scenario/check/mod.rs", says: &[] },
    Rows { folder: "src/scenario/step", table: "src/scenario/step/mod.rs", says: &[] },
    Rows {
        folder: "src/sim/apiserver/registry/kinds",
        table: "src/sim/apiserver/registry/mod.rs",
        says: &[":", "Resource", "="],
    },
    Rows {
        folder: "src/sim/apiserver/admission",
        table: "src/sim/apiserver/admission/mod.rs",
        says: &[":", "Plugin", "="],
    },
    Rows { folder: "src/sim/controllers", table: "src/sim/controllers/mod.rs", says: &[":", "Controller", "="] },
    Rows { folder: "src/sim/scheduler/plugins", table: "src/sim/scheduler/plugins/mod.rs", says: &[] },
    Rows { folder: "src/sim/shell/commands", table: "src/sim/shell/commands/mod.rs", says: &[] },
    Rows { folder: "src/grading/checks", table: "src/grading/checks/mod.rs", says: &[] },
    Rows { folder: "src/tui/screens", table: "src/tui/screens/mod.rs", says: &["ROW", ":", "Row", "="] },
    Rows { folder: "src/tui/overlays", table: "src/tui/overlays/mod.rs", says: &["ROW", ":", "Row", "="] },
    Rows { folder: "src/cli/commands", table: "src/cli/commands/mod.rs", says: &[] },
];

#[test]
fn everything_has_its_row() {
    let mut complaints = Vec::new();
    for Rows { folder, table, says } in ROWS {
        let rows = source::tokens(&read(Path::new(table)));
        for thing in std::fs::read_dir(top().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let name = thing.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let file = if thing.is_dir() { thing.join("mod.rs") } else { thing };
            let text = source::tokens(&read(file.strip_prefix(top()).unwrap()));
            let is_one = says.is_empty() || text.windows(says.len()).any(|words| same(words, says));
            if name != "mod" && is_one && !rows.windows(2).any(|words| same(words, &[&name, "::"])) {
                complaints.push(format!("{folder}/{name} has no row in {table}"));
            }
        }
    }
    none("one thing, one file, one row", &complaints);
}

fn same(words: &[Token], says: &[&str]) -> bool {
    words.iter().zip(says).all(|(word, says)| word.text == *says)
}

#[test]
fn what_panics_is_found_and_what_does_not_is_not() {
    let found = |text| {
        let tokens = source::tokens(text);
        (0..tokens.len()).any(|at| panics(&tokens[at..]).is_some())
    };
    assert!(found("fn f() { x.unwrap() }") && found("fn f() { x.expect(\"there\") }") && found("fn f() { todo!() }"));
    assert!(!found("fn f() { x.unwrap_or(1) } // x.unwrap()"));
    assert!(!found("fn f() { x.expect(\"constant: a literal\") }"));
}
