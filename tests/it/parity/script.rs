//! Scripts of commands: how a file of `tests/parity/scripts` is read. The format stands in `tests/parity/README.md`.
//! Running them is `seat`'s.

use std::path::{Path, PathBuf};

/// One thing a script does.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Puts a file into the script's folder.
    File { name: String, text: String },
    /// `$`: runs a command whose answer is compared.
    Command(Command),
    /// `%`: runs a command that has to succeed; what it prints is nobody's business.
    Setup(String),
    /// `until`: runs a command again and again until it succeeds.
    Until(String),
}

/// A command, and what has to hold of its answer on every cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Command {
    pub text: String,
    pub exit: Option<i32>,
    pub patterns: Vec<String>,
}

/// A file of commands.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The file's name without `.txt`.
    pub name: String,
    /// How many of the embedded cluster's seconds pass in one of the wall's.
    pub speed: f64,
    /// It touches what other scripts see: on a shared cluster nothing runs beside it.
    pub alone: bool,
    pub steps: Vec<Step>,
    /// What takes away what lies outside the script's namespace; run before and after.
    pub cleanup: Vec<String>,
}

impl Script {
    /// The script's own namespace.
    pub fn namespace(&self) -> String {
        format!("p-{}", self.name)
    }

    /// Reads a script; the error names the line.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut script =
            Self { name: name.to_owned(), speed: 1.0, alone: false, steps: Vec::new(), cleanup: Vec::new() };
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let wrong = |why: &str| Err(format!("{name}.txt:{}: {why}: {line}", at + 1));
            match word {
                "" | "#" => {}
                "alone" => script.alone = true,
                "speed:" => match rest.parse() {
                    Ok(speed) => script.speed = speed,
                    Err(_) => return wrong("no number"),
                },
                "---" => {
                    let Some(name) = rest.strip_prefix("file ") else { return wrong("`--- file NAME` opens a file") };
                    let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "--- end");
                    let text = body.map(|line| format!("{line}\n")).collect();
                    script.steps.push(Step::File { name: name.to_owned(), text });
                }
                "$" => script.steps.push(Step::Command(Command { text: rest.to_owned(), ..Command::default() })),
                "%" => script.steps.push(Step::Setup(rest.to_owned())),
                "until" => script.steps.push(Step::Until(rest.to_owned())),
                "cleanup" => script.cleanup.push(rest.to_owned()),
                ">" | "=" | "~" => {
                    let Some(step) = script.steps.last_mut() else { return wrong("nothing stands before it") };
                    if let Err(why) = say_more(step, word, rest) {
                        return wrong(why);
                    }
                }
                _ => return wrong("not a line of a script"),
            }
        }
        Ok(script)
    }
}

/// A line that goes on with the step before it.
fn say_more(step: &mut Step, word: &str, rest: &str) -> Result<(), &'static str> {
    match (word, step) {
        (">", Step::Command(Command { text, .. }) | Step::Setup(text) | Step::Until(text)) => {
            text.push('\n');
            text.push_str(rest);
        }
        ("=", Step::Command(command)) => command.exit = Some(rest.parse().map_err(|_| "no exit code")?),
        ("~", Step::Command(command)) => command.patterns.push(rest.to_owned()),
        _ => return Err("it belongs after a command"),
    }
    Ok(())
}

/// The folder of scripts, recorded answers and accepted differences.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity")
}

/// All scripts, or those named in `KUBEDRILL_PARITY_ONLY` (separated by commas).
pub fn scripts() -> Vec<Script> {
    let only = std::env::var("KUBEDRILL_PARITY_ONLY").unwrap_or_default();
    let wanted = |name: &str| only.is_empty() || only.split(',').any(|one| one == name);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder().join("scripts")).expect("the folder of scripts is there") {
        let path = entry.expect("the folder of scripts can be read").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if wanted(&name) {
            let text = std::fs::read_to_string(&path).expect("a script can be read");
            found.push(Script::parse(&name, &text).unwrap_or_else(|why| panic!("{why}")));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

#[test]
fn a_script_says_what_it_does() {
    let text = "# Said.\nspeed: 5\nalone\ncleanup kubectl delete ns x\n--- file a.yaml\na: 1\n\n--- end\n\
                % kubectl create ns x\nuntil true\n$ kubectl get ns <<END\n> x\n> END\n= 1\n~ not found\n";
    let script = Script::parse("one", text).unwrap();
    let (exit, patterns) = (Some(1), vec!["not found".to_owned()]);
    assert!(script.alone && script.speed == 5.0 && script.namespace() == "p-one", "{script:?}");
    assert_eq!(script.cleanup, ["kubectl delete ns x"]);
    let expected = [
        Step::File { name: "a.yaml".to_owned(), text: "a: 1\n\n".to_owned() },
        Step::Setup("kubectl create ns x".to_owned()),
        Step::Until("true".to_owned()),
        Step::Command(Command { text: "kubectl get ns <<END\nx\nEND".to_owned(), exit, patterns }),
    ];
    assert_eq!(script.steps, expected);
    assert_eq!(Script::parse("one", "$ x\nkubectl y").unwrap_err(), "one.txt:2: not a line of a script: kubectl y");
}
