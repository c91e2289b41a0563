//! `answerFile`: the learner wrote an answer down in a file of the task's working directory.
//! Only that directory is read, and no more of a file than an answer can be long.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use serde_json::Value;

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::object::{matching, schema};
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
    // A pipe would keep whoever opens it waiting for a writer.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a plain file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What of the expected does not stand in a text.
pub(super) fn judge(expected: &Expectation, text: &str) -> Vec<Finding> {
    // What a terminal or an editor adds is nobody's answer.
    let text = &*text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    match expected {
        Expectation::Equals(wanted) if wanted.trim() == text.trim() => Vec::new(),
        Expectation::Equals(wanted) => differs(wanted.trim(), text.trim()),
        Expectation::Lines(wanted) => {
            let wanted: Vec<&str> = wanted.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
            let found = lines(text);
            if wanted == found { Vec::new() } else { differs(&wanted.join("\n"), &found.join("\n")) }
        }
        Expectation::LinesInAnyOrder(wanted) => {
            let mut wanted: Vec<&str> = wanted.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
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
            Ok(found) => {
                let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or_default();
                let (api_version, kind) = (text("apiVersion"), text("kind"));
                let of = schema::of(api_version, kind).or_else(|| schema::configuration(api_version, kind));
                matching::find(wanted, &found, of).into_iter().map(Finding::from).collect()
            }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pipe_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("answer");
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        assert_eq!(read(&pipe).unwrap_err().to_string(), "it is not a plain file");
        assert!(read(folder.path()).is_err());
    }

    #[test]
    fn what_terminals_and_editors_add_is_no_difference() {
        let lines = |wanted: &[&str]| Expectation::Lines(wanted.iter().map(|line| (*line).to_owned()).collect());
        let regex = |text: &str| Expectation::Matches(regex::Regex::new(text).unwrap());
        for (expected, text) in [
            (Expectation::Equals("a\nb".to_owned()), "\u{feff}a\r\nb\r\n"),
            (lines(&["a", "", "b"]), "a\n\n b \n"),
            (Expectation::Contains("a\nb".to_owned()), "a\r\nb"),
            (regex("(?m)^a$"), "a\r\nb\r\n"),
            (
                Expectation::Yaml(json!({ "apiVersion": "v1", "kind": "Pod", "spec": { "containers": [
                { "name": "web", "resources": { "limits": { "memory": "1Gi" } } }] } })),
                "apiVersion: v1\nkind: Pod\nspec: { containers: [{ name: web, resources: { limits: { memory: 1024Mi } } }] }\n",
            ),
        ] {
            assert_eq!(judge(&expected, text), [], "{text:?}");
        }
        assert!(!judge(&lines(&["a"]), "a\nb\n").is_empty());
    }
}
