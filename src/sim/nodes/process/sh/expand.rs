//! Words become text: parameters, what commands write, sums, splitting, patterns.
//! Source: POSIX.1-2017, Shell Command Language, 2.6.

use futures::future::BoxFuture;

use super::array::Key;
use super::parameter::Found;
use super::run::{Shell, Stop};
use super::sum::{self, Names};
use super::tree::{Part, Word};

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
    fn value(&self, name: &str, index: Option<i64>) -> String {
        match index {
            Some(index) => self.element(name, &Key::At(index)).unwrap_or_default(),
            None => self.parameter(name).unwrap_or_default(),
        }
    }

    fn set(&mut self, name: &str, index: Option<i64>, value: i64) {
        match index {
            Some(index) => self.assign_element(name, Key::At(index), value.to_string()),
            None => self.assign(name, value.to_string()),
        }
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
                text.push_str(&self.value(part).await?);
            }
            Ok(text)
        })
    }

    /// A word as a pattern.
    pub fn pattern<'a>(&'a mut self, word: &'a Word) -> BoxFuture<'a, Result<String, Stop>> {
        Box::pin(async move {
            let mut field = Field::default();
            for part in word {
                let text = self.value(part).await?;
                field.push(&text, is_quoted(part));
            }
            Ok(field.pattern())
        })
    }

    /// The value of a sum that is written as a word.
    pub async fn sum(&mut self, word: &Word) -> Result<i64, Stop> {
        let text = self.text(word).await?;
        match sum::value(&text, self) {
            Ok(value) => Ok(value),
            Err(why) => Err(self.complain(&self.dialect.no_sum(why, text.trim()), 2).await),
        }
    }

    async fn split(&mut self, word: &Word) -> Fields {
        let separators = self.parameter("IFS").unwrap_or_else(|| " \t\n".to_owned());
        let mut fields = vec![Field::default()];
        for part in word {
            let quoted = is_quoted(part);
            let values = match part {
                Part::Parameter(parameter, _) => match self.found(parameter).await? {
                    Found::One(value) => vec![value],
                    Found::Many { values, joined } if quoted && joined => vec![self.joined(&values)],
                    Found::Many { values, .. } if values.is_empty() => continue,
                    Found::Many { values, .. } => values,
                },
                part => vec![self.value(part).await?],
            };
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    fields.push(Field::default());
                }
                match part {
                    Part::Parameter(..) | Part::Output(..) | Part::Sum(..) if !quoted => {
                        scatter(&mut fields, value, &separators);
                    }
                    _ => last(&mut fields).push(value, quoted),
                }
            }
        }
        fields.retain(|field| field.stands || !field.text.is_empty());
        Ok(fields)
    }

    async fn value(&mut self, part: &Part) -> Result<String, Stop> {
        match part {
            Part::Text(text, _) => Ok(text.clone()),
            Part::Home => Ok(self.parameter("HOME").unwrap_or_else(|| "/root".to_owned())),
            Part::Parameter(parameter, _) => Ok(match self.found(parameter).await? {
                Found::One(value) => value,
                Found::Many { values, joined: true } => self.joined(&values),
                Found::Many { values, .. } => values.join(" "),
            }),
            Part::Output(list, _) => Box::pin(self.output_of(list)).await,
            Part::Sum(word, _) => Ok(self.sum(word).await?.to_string()),
        }
    }

    /// Values with the first separator between them.
    fn joined(&self, values: &[String]) -> String {
        let separators = self.parameter("IFS").unwrap_or_else(|| " ".to_owned());
        values.join(separators.get(..1).unwrap_or_default())
    }
}

fn is_quoted(part: &Part) -> bool {
    match part {
        Part::Text(_, quoted) | Part::Parameter(_, quoted) | Part::Output(_, quoted) | Part::Sum(_, quoted) => *quoted,
        Part::Home => true,
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
