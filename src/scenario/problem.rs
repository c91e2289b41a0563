//! What is wrong with a pack: problems with a code and a place, and their rendering with the lines they are about.
//! What counts as wrong stands with those who read packs (`source`, `typed`, `template`) and with `lint`.

use std::fmt::{self, Display};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::code::is_known;
use super::source::Place;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The scenario cannot be used, or would grade wrongly.
    Error,
    /// The scenario works, and an author should know.
    Warning,
}

/// One thing that is wrong with a pack.
#[derive(Clone, Debug)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's name, such as `unknown-field`; `docs/pack-format.md` lists them.
    pub code: &'static str,
    /// What is wrong, and why that matters where it is not plain.
    pub message: String,
    /// The file, as it should be shown; also where there is no place in it.
    pub file: String,
    /// Where in the file.
    pub place: Option<Place>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    /// An error about a stretch of a file.
    pub fn at(place: Place, code: &'static str, message: impl Into<String>) -> Self {
        let file = place.source.path.clone();
        Self { place: Some(place), ..Self::in_file(file, code, message) }
    }

    /// An error about a file as a whole.
    pub fn in_file(file: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        debug_assert!(is_known(code), "{code} is not in the list of codes");
        let (message, file) = (message.into(), file.into());
        Self { severity: Severity::Error, code, message, file, place: None, help: None }
    }

    /// The same problem, as a warning.
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// The same problem with advice.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// `file:line:column`, or the file where there is no place in it.
    pub fn position(&self) -> String {
        match &self.place {
            Some(place) => format!("{}:{}:{}", self.file, place.line(), place.column()),
            None => self.file.clone(),
        }
    }

    /// The problem with the lines it is about, over several lines of text without a last line break.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.message.as_str()).id(self.code);
        let mut group = match &self.place {
            Some(place) => {
                let text: &str = &place.source.text;
                let mark = AnnotationKind::Primary.span(clip(text, &place.span));
                title.element(Snippet::source(text).path(self.file.as_str()).annotation(mark))
            }
            None => Group::with_title(title).element(Origin::path(self.file.as_str())),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// The part of `span` on its first line, inside of `text` and on whole characters, and never empty where there is text.
fn clip(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = floor(text, span.start);
    let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let end = floor(text, span.end.max(start + 1).min(line_end.max(start)));
    start..end.max(start)
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.position(), self.message)
    }
}

impl serde::Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = serializer.serialize_struct("Problem", 7)?;
        out.serialize_field("severity", &self.severity)?;
        out.serialize_field("code", self.code)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("help", &self.help)?;
        out.serialize_field("file", &self.file)?;
        out.serialize_field("line", &self.place.as_ref().map(Place::line))?;
        out.serialize_field("column", &self.place.as_ref().map(Place::column))?;
        out.end()
    }
}

/// Why a pack, a scenario or a variant cannot be had: at least one problem.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", summary(.problems))]
pub struct PackError {
    /// All that is wrong, in the order of files and lines.
    pub problems: Vec<Problem>,
}

impl PackError {
    /// All problems with their lines, one after another.
    pub fn render(&self, color: bool) -> String {
        render(&self.problems, color)
    }
}

impl From<Problem> for PackError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// `value` where nothing is an error, and the problems as an error otherwise.
pub fn unless_errors<T>(value: Option<T>, problems: Vec<Problem>) -> Result<T, PackError> {
    match value {
        Some(value) if problems.iter().all(|problem| problem.severity == Severity::Warning) => Ok(value),
        _ => Err(PackError { problems }),
    }
}

/// Problems with their lines, one after another, with an empty line between them.
pub fn render(problems: &[Problem], color: bool) -> String {
    problems.iter().map(|problem| problem.render(color)).collect::<Vec<_>>().join("\n\n")
}

/// Sorts by file and place, and drops what was said twice: of two bad values at one place the first says enough.
pub fn sort(problems: &mut Vec<Problem>) {
    let start = |problem: &Problem| problem.place.as_ref().map(|place| place.span.start);
    problems.sort_by(|a, b| (&a.file, start(a), a.severity).cmp(&(&b.file, start(b), b.severity)));
    let mut seen = std::collections::HashSet::new();
    problems.retain(|problem| {
        let message = if problem.code == "bad-value" { "" } else { &problem.message };
        seen.insert((problem.position(), problem.code, message.to_owned()))
    });
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [] => "the pack cannot be used".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}
