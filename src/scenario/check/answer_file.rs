//! `answerFile`: the learner wrote an answer down in a file.
//! Reading the learner's file is grading's.

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Statement;
use crate::scenario::folder::climbs_out;
use crate::scenario::form::schema_of_form;
use crate::scenario::inspect::Inspect;

/// The learner wrote an answer down in a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "AnswerFileForm")]
pub struct AnswerFile {
    /// The file, relative to the task's working directory; it does not climb out.
    pub path: String,
    /// What must stand there.
    pub expected: Expectation,
}

/// What must stand in an answer's file.
#[derive(Clone, Debug)]
pub enum Expectation {
    /// Exactly this text; white space at the ends does not matter.
    Equals(String),
    /// These lines in this order; empty lines, and white space at the ends of lines, do not matter.
    Lines(Vec<String>),
    /// These lines in any order.
    LinesInAnyOrder(Vec<String>),
    /// This text somewhere.
    Contains(String),
    /// Text that this expression finds something in.
    Matches(Regex),
    /// YAML or JSON that has these fields, matched as in the check `object`.
    Yaml(Value),
}

/// The learner wrote an answer down in a file. Exactly one of `equals`, `lines`, `linesInAnyOrder`, `contains`, `matches`, `yaml`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "AnswerFile", deny_unknown_fields, rename_all = "camelCase")]
struct AnswerFileForm {
    /// The file, relative to the task's working directory.
    path: String,
    /// Exactly this text; white space at the ends does not matter.
    #[serde(default)]
    equals: Option<String>,
    /// These lines in this order; empty lines, and white space at the ends of lines, do not matter.
    #[serde(default)]
    lines: Option<Vec<String>>,
    /// These lines in any order.
    #[serde(default)]
    lines_in_any_order: Option<Vec<String>>,
    /// This text somewhere.
    #[serde(default)]
    contains: Option<String>,
    /// A regular expression that finds something; `(?m)^…$` for a whole line.
    #[serde(default)]
    matches: Option<String>,
    /// YAML or JSON that has these fields, matched as in the check `object`.
    #[serde(default)]
    yaml: Option<Value>,
}

schema_of_form!(AnswerFile, AnswerFileForm);

impl TryFrom<AnswerFileForm> for AnswerFile {
    type Error = String;

    fn try_from(form: AnswerFileForm) -> Result<Self, String> {
        if let Some(why) = climbs_out(&form.path) {
            return Err(format!("the path `{}` {why}; it is relative to the task's working directory", form.path));
        }
        let regex = |text: String| {
            Regex::new(&text).map_err(|error| {
                let words = error.to_string();
                let last = words.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("`{text}` is no regular expression: {last}")
            })
        };
        let all = [
            form.equals.map(Expectation::Equals),
            form.lines.map(Expectation::Lines),
            form.lines_in_any_order.map(Expectation::LinesInAnyOrder),
            form.contains.map(Expectation::Contains),
            form.matches.map(regex).transpose()?.map(Expectation::Matches),
            form.yaml.map(Expectation::Yaml),
        ];
        let mut given: Vec<Expectation> = all.into_iter().flatten().collect();
        match (given.pop(), given.is_empty()) {
            (Some(expected), true) => Ok(Self { path: form.path, expected }),
            _ => {
                Err("an answer needs exactly one of equals, lines, linesInAnyOrder, contains, matches, yaml".to_owned())
            }
        }
    }
}

impl Statement for AnswerFile {
    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["path"], &self.path);
        let empty = match &self.expected {
            Expectation::Equals(text) | Expectation::Contains(text) => text.trim().is_empty(),
            Expectation::Lines(lines) | Expectation::LinesInAnyOrder(lines) => lines.is_empty(),
            Expectation::Matches(regex) => regex.is_match(""),
            Expectation::Yaml(value) => value.is_null(),
        };
        if empty {
            inspect.error(&[], "bad-value", "an empty file would pass this check");
        }
    }
}
