//! What a script's commands answered, and how that is written down: `$` the command, `|` what it printed, `!` what it said on standard
//! error, `=` how it ended if not with 0.

use std::path::{Path, PathBuf};

use super::script::folder;

/// The answer to one command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub command: String,
    /// Lines, each with `| ` or `! ` before it.
    pub lines: Vec<String>,
    pub exit: i32,
}

impl Answer {
    /// The lines, and how it ended.
    pub fn told(&self) -> Vec<String> {
        let exit = (self.exit != 0).then(|| format!("= {}", self.exit));
        self.lines.iter().cloned().chain(exit).collect()
    }
}

/// All answers of a script on one cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// Which server and which kubectl.
    pub versions: String,
    pub answers: Vec<Answer>,
}

/// Where the answers recorded with a minor version of kubectl stand.
fn path(minor: u32, script: &str) -> PathBuf {
    recordings().join(format!("kubectl-1.{minor}")).join(format!("{script}.txt"))
}

fn recordings() -> PathBuf {
    folder().join("recorded")
}

/// The minor versions of kubectl with which answers were recorded.
pub fn minors() -> Vec<u32> {
    let folders = std::fs::read_dir(recordings()).into_iter().flatten().flatten();
    let minor = |name: String| name.strip_prefix("kubectl-1.")?.parse().ok();
    folders.filter_map(|entry| minor(entry.file_name().to_string_lossy().into_owned())).collect()
}

impl Transcript {
    fn text(&self) -> String {
        let mut text = format!("# {}\n", self.versions);
        for answer in &self.answers {
            text.push_str(&format!("\n$ {}\n", answer.command.replace('\n', "\n> ")));
            answer.told().iter().for_each(|line| text.push_str(&format!("{}\n", line.trim_end())));
        }
        text
    }

    fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match (word, found.answers.last_mut()) {
                ("#", _) => found.versions = rest.to_owned(),
                ("$", _) => found.answers.push(Answer { command: rest.to_owned(), ..Answer::default() }),
                (">", Some(answer)) => answer.command.push_str(&format!("\n{rest}")),
                ("=", Some(answer)) => answer.exit = rest.parse().unwrap_or(-1),
                ("|" | "!", Some(answer)) => answer.lines.push(line.to_owned()),
                _ => {}
            }
        }
        found
    }

    /// Writes it beside the others of this minor version of kubectl.
    pub fn record(&self, minor: u32, script: &str) {
        let path = path(minor, script);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("the folder can be made");
        std::fs::write(path, self.text()).expect("a recording can be written");
    }

    /// What was recorded of a script.
    pub fn recorded(minor: u32, script: &str) -> Option<Self> {
        Some(Self::parse(&std::fs::read_to_string(path(minor, script)).ok()?))
    }
}

#[test]
fn what_is_written_down_is_read_back() {
    let answers = vec![
        Answer { command: "a <<X\nb\nX".to_owned(), lines: vec!["| one".to_owned(), "|".to_owned()], exit: 0 },
        Answer { command: "c".to_owned(), lines: vec!["! no".to_owned()], exit: 2 },
    ];
    let transcript = Transcript { versions: "Kubernetes v1".to_owned(), answers };
    assert_eq!(Transcript::parse(&transcript.text()), transcript);
}
