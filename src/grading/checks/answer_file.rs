//! `answerFile`: the learner wrote an answer down in a file of the task's working directory.
//! Only that directory is read, and no more of a file than an answer can be long.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::object::matching;
use crate::scenario::check::{AnswerFile, Expectation};

/// Longer answers are no answers.
const LONGEST: u64 = 1024 * 1024;

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn differs(expected: &str, found: &str) -> Vec<Finding> {
    vec![Finding::at("", Some(Value::from(expected)), Some(Value::from(found)))]
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What of the expected does not stand in a text.
pub(super) fn judge(expected: &Expectation, text: &str) -> Vec<Finding> {
    match expected {
        Expectation::Equals(wanted) if wanted.trim() == text.trim() => Vec::new(),
        Expectation::Equals(wanted) => differs(wanted.trim(), text.trim()),
        Expectation::Lines(wanted) => {
            let wanted: Vec<&str> = wanted.iter().map(|line| line.trim()).collect();
            let found = lines(text);
            if wanted == found { Vec::new() } else { differs(&wanted.join("\n"), &found.join("\n")) }
        }
        Expectation::LinesInAnyOrder(wanted) => {
            let mut wanted: Vec<&str> = wanted.iter().map(|line| line.trim()).collect();
            let mut found = lines(text);
            wanted.sort_unstable();
            found.sort_unstable();
            if wanted == found { Vec::new() } else { differs(&wanted.join("\n"), &found.join("\n")) }
        }
        Expectation::Contains(part) if text.contains(part.as_str()) => Vec::new(),
        Expectation::Contains(part) => vec![Finding::told(format!("the answer does not contain {part:?}"))],
        Expectation::Matches(regex) if regex.is_match(text) => Vec::new(),
        Expectation::Matches(regex) => {
            vec![Finding::told(format!("nothing in the answer fits the expression {}", regex.as_str()))]
        }
        Expectation::Yaml(wanted) => match serde_yaml::from_str::<Value>(text) {
            Ok(found) => matching::find(wanted, &found, None).into_iter().map(Finding::from).collect(),
            Err(error) => vec![Finding::told(format!("the answer is neither YAML nor JSON: {error}"))],
        },
    }
}

/// The verdict over a view. An error is what the cluster could not be asked.
pub fn look(check: &AnswerFile, view: &View) -> Result<Verdict, AskError> {
    Ok(match read(&view.answers.join(&check.path)) {
        Ok(text) => Verdict::of(judge(&check.expected, &text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Verdict::fail(Finding::told(format!("the file {} is not there", check.path)))
        }
        Err(error) => Verdict::fail(Finding::told(format!("the file {} cannot be read: {error}", check.path))),
    })
}
