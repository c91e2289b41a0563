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
        let expected = Expectation::of(Wanted {
            equals: form.equals,
            lines: form.lines,
            lines_in_any_order: form.lines_in_any_order,
            contains: form.contains,
            matches: form.matches,
            yaml: form.yaml,
        })?;
        Ok(Self { path: form.path, expected: expected.ok_or(EXACTLY_ONE)? })
    }
}

/// What an answer without exactly one expectation is told.
const EXACTLY_ONE: &str = "an answer needs exactly one of equals, lines, linesInAnyOrder, contains, matches, yaml";

/// The ways to say what must stand in a file, of which one is given.
#[derive(Default)]
pub struct Wanted {
    pub equals: Option<String>,
    pub lines: Option<Vec<String>>,
    pub lines_in_any_order: Option<Vec<String>>,
    pub contains: Option<String>,
    pub matches: Option<String>,
    pub yaml: Option<Value>,
}

/// A regular expression of a pack.
pub fn expression(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        let words = error.to_string();
        let last = words.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("`{text}` is no regular expression: {last}")
    })
}

impl Expectation {
    /// The one that is given, if one is; several are an error.
    pub fn of(wanted: Wanted) -> Result<Option<Self>, String> {
        let all = [
            wanted.equals.map(Self::Equals),
            wanted.lines.map(Self::Lines),
            wanted.lines_in_any_order.map(Self::LinesInAnyOrder),
            wanted.contains.map(Self::Contains),
            wanted.matches.map(|text| expression(&text)).transpose()?.map(Self::Matches),
            wanted.yaml.map(Self::Yaml),
        ];
        let mut given: Vec<Self> = all.into_iter().flatten().collect();
        let first = given.pop();
        if given.is_empty() { Ok(first) } else { Err(EXACTLY_ONE.to_owned()) }
    }

    /// Whether an empty file would do.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Equals(text) | Self::Contains(text) => text.trim().is_empty(),
            Self::Lines(lines) | Self::LinesInAnyOrder(lines) => lines.is_empty(),
            Self::Matches(regex) => regex.is_match(""),
            Self::Yaml(value) => value.is_null(),
        }
    }
}

impl Statement for AnswerFile {
    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["path"], &self.path);
        if self.expected.is_empty() {
            inspect.error(&[], "bad-value", "an empty file would pass this check");
        }
    }
}
