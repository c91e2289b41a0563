//! Two transcripts of one script beside each other: which lines differ, and which of those are accepted.
//! What is accepted stands in `accepted.rs`, what is written down in `tests/parity/recorded`.

use similar::{ChangeTag, TextDiff};

use super::accepted::Accepted;
use super::normal::normal;
use super::transcript::{Answer, Transcript};

/// How much of an answer is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scope {
    /// Every line of every command.
    Whole,
    /// What the server decides: kubectl's own words differ between its versions.
    Served,
}

impl Scope {
    fn has(self, command: &str) -> bool {
        let served = ["kubectl get ", "kubectl api-versions", "kubectl auth can-i "];
        self == Self::Whole || served.iter().any(|start| command.starts_with(start))
    }
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Found {
    /// Commands compared.
    pub compared: usize,
    /// Commands with differences that are all accepted.
    pub accepted: usize,
    /// The other differences, to be printed.
    pub open: Vec<String>,
}

/// The lines once more without what differs from run to run.
fn again(answer: &Answer) -> Vec<String> {
    let of = |mark: char| {
        let lines = answer.lines.iter().filter(|line| line.starts_with(mark));
        let texts: Vec<&str> = lines.map(|line| line.get(2..).unwrap_or_default()).collect();
        let marked = |line: String| format!("{mark} {line}").trim_end().to_owned();
        normal(&texts.join("\n")).into_iter().map(marked).collect::<Vec<_>>()
    };
    let exit = (answer.exit != 0).then(|| format!("= {}", answer.exit));
    of('|').into_iter().chain(of('!')).chain(exit).collect()
}

/// The lines that differ: `-` what the real one says, `+` what ours does.
fn differing(real: &Answer, ours: &Answer) -> Vec<String> {
    let (real, ours) = (again(real), again(ours));
    let (real, ours): (Vec<&str>, Vec<&str>) =
        (real.iter().map(String::as_str).collect(), ours.iter().map(String::as_str).collect());
    let diff = TextDiff::from_slices(&real, &ours);
    let marked = |tag: ChangeTag, line: &str| match tag {
        ChangeTag::Delete => Some(format!("-{line}")),
        ChangeTag::Insert => Some(format!("+{line}")),
        ChangeTag::Equal => None,
    };
    diff.iter_all_changes().filter_map(|change| marked(change.tag(), change.value())).collect()
}

/// Whether kubectl itself refused: a server's refusals begin with `Error from server`.
fn own_words(answer: &Answer) -> bool {
    answer.lines.iter().any(|line| line.starts_with("! error: ") || line.starts_with("! Error: "))
}

/// Whether the answer shows what kubectl wrote into the object, which differs between its versions.
fn written_by_kubectl(answer: &Answer) -> bool {
    answer.lines.iter().any(|line| line.contains("kubectl.kubernetes.io/last-applied-configuration"))
}

/// Compares the answers of a script.
pub fn compare(script: &str, scope: Scope, real: &Transcript, ours: &Transcript, accepted: &[Accepted]) -> Found {
    let mut found = Found::default();
    let mut rest = real.answers.iter();
    for answer in &ours.answers {
        let command = &answer.command;
        if scope == Scope::Served && own_words(answer) && !command.starts_with("kubectl get ") {
            let known = rest.clone().find(|one| one.command == *command);
            if known.is_some_and(|known| known.exit == 0) {
                // What this kubectl cannot do yet has no consequences to compare.
                break;
            }
        }
        if !scope.has(command) {
            continue;
        }
        let mut ahead = rest.clone();
        let Some(expected) = ahead.find(|one| one.command == *command) else {
            found.open.push(format!("{script}: $ {command}\n  was not recorded: `just parity-record CONTEXT`"));
            continue;
        };
        rest = ahead;
        if scope == Scope::Served && [expected, answer].into_iter().any(|one| own_words(one) || written_by_kubectl(one))
        {
            continue;
        }
        found.compared += 1;
        let lines = differing(expected, answer);
        let covered = |line: &String| accepted.iter().any(|row| row.covers(script, command, line));
        if lines.iter().all(covered) {
            found.accepted += usize::from(!lines.is_empty());
            continue;
        }
        let lines: String = lines.iter().filter(|line| !covered(line)).map(|line| format!("\n  {line}")).collect();
        found.open.push(format!("{script}: $ {command}{lines}"));
    }
    found
}

#[test]
fn only_what_differs_is_told() {
    let answer = |lines: &[&str]| Answer {
        command: "kubectl get cm".to_owned(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        exit: 0,
    };
    let transcript = |answer| Transcript { versions: String::new(), answers: vec![answer] };
    let (real, ours) = (transcript(answer(&["| a 5s", "! b"])), transcript(answer(&["| a 7s", "! c"])));
    let found = compare("x", Scope::Whole, &real, &ours, &[]);
    assert_eq!(found.open, ["x: $ kubectl get cm\n  -! b\n  +! c"]);
    assert_eq!(compare("x", Scope::Whole, &real, &real, &[]).compared, 1);
    let unknown = compare("x", Scope::Whole, &Transcript::default(), &ours, &[]);
    assert!(unknown.open[0].contains("was not recorded"), "{unknown:?}");
    assert!(Scope::Served.has("kubectl get pods") && !Scope::Served.has("kubectl describe pod x"));
}
