//! Words become text: parameters, what commands write, sums, splitting, patterns.
//! Source: POSIX.1-2017, Shell Command Language, 2.6.

use futures::future::BoxFuture;

use super::run::{Shell, Stop};
use super::sum::{self, Names};
use super::tree::{Parameter, Part, Word};
use crate::sim::nodes::process::pattern;

/// One field in the making: its letters, and which of them were quoted.
#[derive(Default)]
struct Field {
    text: String,
    quoted: Vec<bool>,
    /// Whether it is there even when it is empty.
    stands: bool,
}

impl Field {
    fn push(&mut self, text: &str, quoted: bool) {
        self.text.push_str(text);
        self.quoted.extend(text.chars().map(|_| quoted));
        self.stands |= quoted;
    }

    /// As a pattern: what was quoted stands for itself.
    fn pattern(&self) -> String {
        let mut pattern = String::new();
        for (letter, quoted) in self.text.chars().zip(&self.quoted) {
            if *quoted && "*?[\\".contains(letter) {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern
    }

    fn is_pattern(&self) -> bool {
        self.text.chars().zip(&self.quoted).any(|(letter, quoted)| !quoted && "*?[".contains(letter))
    }
}

impl Names for Shell {
    fn value(&self, name: &str) -> String {
        self.parameter(name).unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: i64) {
        self.assign(name, value.to_string());
    }
}

type Fields = Result<Vec<Field>, Stop>;

impl Shell {
    /// The fields of some words.
    pub async fn fields(&mut self, words: &[Word]) -> Result<Vec<String>, Stop> {
        let mut all = Vec::new();
        for word in words {
            for field in self.split(word).await? {
                let found = if field.is_pattern() { self.files_like(&field) } else { Vec::new() };
                if found.is_empty() {
                    all.push(field.text);
                } else {
                    all.extend(found);
                }
            }
        }
        Ok(all)
    }

    fn files_like(&self, field: &Field) -> Vec<String> {
        let whole = field.text.starts_with('/');
        let pattern = field.pattern();
        let base = if whole { String::new() } else { format!("{}/", self.program.folder.trim_end_matches('/')) };
        let found = self.program.container.files.expand(&format!("{base}{pattern}"));
        found.into_iter().map(|path| path.strip_prefix(&base).map(str::to_owned).unwrap_or(path)).collect()
    }

    /// A word as one text, as on the right of `=`.
    pub fn text<'a>(&'a mut self, word: &'a Word) -> BoxFuture<'a, Result<String, Stop>> {
        Box::pin(async move {
            let mut text = String::new();
            for part in word {
                match part {
                    Part::Text(part, quoted) => text.push_str(&self.home(part, *quoted, text.is_empty())),
                    part => text.push_str(&self.value(part).await?),
                }
            }
            Ok(text)
        })
    }

    /// A word as a pattern.
    pub fn pattern<'a>(&'a mut self, word: &'a Word) -> BoxFuture<'a, Result<String, Stop>> {
        Box::pin(async move {
            let mut field = Field::default();
            for part in word {
                match part {
                    Part::Text(text, quoted) => field.push(text, *quoted),
                    Part::Parameter(_, quoted) | Part::Output(_, quoted) | Part::Sum(_, quoted) => {
                        let text = self.value(part).await?;
                        field.push(&text, *quoted);
                    }
                }
            }
            Ok(field.pattern())
        })
    }

    fn home(&self, text: &str, quoted: bool, first: bool) -> String {
        match text.strip_prefix('~') {
            Some(rest) if first && !quoted && (rest.is_empty() || rest.starts_with('/')) => {
                format!("{}{rest}", self.parameter("HOME").unwrap_or_else(|| "/root".to_owned()))
            }
            _ => text.to_owned(),
        }
    }

    async fn split(&mut self, word: &Word) -> Fields {
        let separators = self.parameter("IFS").unwrap_or_else(|| " \t\n".to_owned());
        let mut fields = vec![Field::default()];
        for part in word {
            match part {
                Part::Text(text, quoted) => {
                    let first = fields.len() == 1 && fields[0].text.is_empty();
                    let text = self.home(text, *quoted, first);
                    last(&mut fields).push(&text, *quoted);
                }
                Part::Parameter(parameter, true) if parameter.name == "@" && parameter.operator.is_empty() => {
                    for (index, text) in self.positional.clone().iter().enumerate() {
                        if index > 0 {
                            fields.push(Field::default());
                        }
                        last(&mut fields).push(text, true);
                    }
                }
                Part::Parameter(_, true) | Part::Output(_, true) | Part::Sum(_, true) => {
                    let text = self.value(part).await?;
                    last(&mut fields).push(&text, true);
                }
                part => {
                    let text = self.value(part).await?;
                    scatter(&mut fields, &text, &separators);
                }
            }
        }
        fields.retain(|field| field.stands || !field.text.is_empty());
        Ok(fields)
    }

    async fn value(&mut self, part: &Part) -> Result<String, Stop> {
        match part {
            Part::Text(text, _) => Ok(text.clone()),
            Part::Parameter(parameter, _) => self.parameter_value(parameter).await,
            Part::Output(list, _) => Box::pin(self.output_of(list)).await,
            Part::Sum(word, _) => {
                let text = self.text(word).await?;
                match sum::value(&text, self) {
                    Ok(value) => Ok(value.to_string()),
                    Err(why) => Err(self.complain(&why, 2).await),
                }
            }
        }
    }

    async fn parameter_value(&mut self, parameter: &Parameter) -> Result<String, Stop> {
        let name = parameter.name.as_str();
        let value = self.parameter(name);
        let set = value.as_ref().is_some_and(|value| !(parameter.colon && value.is_empty()));
        let current = value.clone().unwrap_or_default();
        match parameter.operator {
            "" if value.is_none() && self.options.contains('u') && !matches!(name, "@" | "*") => {
                Err(self.complain(&format!("{name}: parameter not set"), 2).await)
            }
            "" => Ok(current),
            "len" => Ok(current.chars().count().to_string()),
            "-" if set => Ok(current),
            "-" => self.text(&parameter.word).await,
            "=" if set => Ok(current),
            "=" => {
                let text = self.text(&parameter.word).await?;
                self.assign(name, text.clone());
                Ok(text)
            }
            "+" if set => self.text(&parameter.word).await,
            "+" => Ok(String::new()),
            "?" if set => Ok(current),
            "?" => {
                let text = self.text(&parameter.word).await?;
                let why = if text.is_empty() { "parameter not set or null".to_owned() } else { text };
                Err(self.complain(&format!("{name}: {why}"), 2).await)
            }
            "slice" => {
                let text = self.text(&parameter.word).await?;
                Ok(slice(&current, &text))
            }
            operator => {
                let pattern = self.pattern(&parameter.word).await?;
                Ok(trimmed(&current, operator, &pattern))
            }
        }
    }
}

fn last(fields: &mut Vec<Field>) -> &mut Field {
    if fields.is_empty() {
        fields.push(Field::default());
    }
    let end = fields.len() - 1;
    &mut fields[end]
}

/// Adds text that is split where separators stand.
fn scatter(fields: &mut Vec<Field>, text: &str, separators: &str) {
    for (index, piece) in text.split(|letter| separators.contains(letter)).enumerate() {
        if index > 0 && (!last(fields).text.is_empty() || last(fields).stands) {
            fields.push(Field::default());
        }
        last(fields).push(piece, false);
    }
}

fn slice(text: &str, range: &str) -> String {
    let (from, length) = range.split_once(':').unwrap_or((range, ""));
    let count = text.chars().count();
    let from: i64 = from.trim().parse().unwrap_or_default();
    let from = if from < 0 {
        count.saturating_sub(usize::try_from(-from).unwrap_or(count))
    } else {
        usize::try_from(from).unwrap_or(count)
    };
    text.chars().skip(from).take(length.trim().parse().unwrap_or(count)).collect()
}

/// `${NAME#pattern}`, `%`, and replacing (`/from/to`).
fn trimmed(text: &str, operator: &str, pattern: &str) -> String {
    let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let fits = |piece: &str| pattern::matches(pattern, piece);
    match operator {
        "#" => cuts.iter().find(|at| fits(&text[..**at])).map_or(text, |at| &text[*at..]).to_owned(),
        "##" => cuts.iter().rev().find(|at| fits(&text[..**at])).map_or(text, |at| &text[*at..]).to_owned(),
        "%" => cuts.iter().rev().find(|at| fits(&text[**at..])).map_or(text, |at| &text[..*at]).to_owned(),
        "%%" => cuts.iter().find(|at| fits(&text[**at..])).map_or(text, |at| &text[..*at]).to_owned(),
        _ => {
            let (from, to) = pattern.split_once('/').unwrap_or((pattern, ""));
            if operator == "//" { text.replace(from, to) } else { text.replacen(from, to, 1) }
        }
    }
}
