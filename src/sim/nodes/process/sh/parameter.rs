//! The values of parameters: `$NAME`, `${NAME:-word}`, `${NAME[@]}` and their like.
//! Source: POSIX.1-2017, Shell Command Language, 2.6.2, and bash's manual, "Shell Parameter Expansion".

use super::array::Key;
use super::run::{Shell, Stop};
use super::tree::{Change, Index, Parameter, Place};
use crate::sim::nodes::process::pattern;

/// What a parameter is.
pub enum Found {
    One(String),
    /// Values that stay apart; `joined` ones only where they are not quoted.
    Many {
        values: Vec<String>,
        joined: bool,
    },
}

impl Shell {
    /// What a parameter is now.
    pub async fn found(&mut self, parameter: &Parameter) -> Result<Found, Stop> {
        let Index::All { joined } = parameter.index else { return Ok(Found::One(self.one(parameter).await?)) };
        let all = self.all(&parameter.name);
        let values = match &parameter.change {
            Change::None => all,
            Change::Keys => self.keys(&parameter.name),
            Change::Length => return Ok(Found::One(all.len().to_string())),
            Change::Unset { .. } => return Ok(Found::One(self.one(parameter).await?)),
            Change::Slice { from, length } => {
                let from = self.sum(from).await?;
                let length = match length {
                    Some(length) => Some(self.sum(length).await?),
                    None => None,
                };
                // The first positional parameter is number 1.
                let from = if matches!(parameter.name.as_str(), "@" | "*") && from > 0 { from - 1 } else { from };
                let (skip, take) = range(all.len(), from, length);
                all.into_iter().skip(skip).take(take).collect()
            }
            change => {
                let mut values = Vec::new();
                for value in all {
                    values.push(self.changed(&value, change).await?);
                }
                values
            }
        };
        Ok(Found::Many { values, joined })
    }

    /// All values of an array, or the positional parameters.
    fn all(&self, name: &str) -> Vec<String> {
        match (name, self.arrays.get(name)) {
            ("@" | "*", _) => self.positional.clone(),
            (_, Some(array)) => array.values.values().cloned().collect(),
            _ => self.parameter(name).into_iter().collect(),
        }
    }

    fn keys(&self, name: &str) -> Vec<String> {
        let Some(array) = self.arrays.get(name) else {
            return self.variables.contains_key(name).then(|| "0".to_owned()).into_iter().collect();
        };
        let text = |key: &Key| match key {
            Key::At(at) => at.to_string(),
            Key::Named(name) => name.clone(),
        };
        array.values.keys().map(text).collect()
    }

    async fn one(&mut self, parameter: &Parameter) -> Result<String, Stop> {
        let name = parameter.name.as_str();
        let mut value = match &parameter.index {
            Index::None => self.parameter(name),
            Index::One(index) => {
                let key = self.key(name, index).await?;
                self.element(name, &key)
            }
            Index::All { .. } => Some(self.all(name).join(" ")).filter(|text| !text.is_empty()),
        };
        if parameter.indirect {
            value = value.and_then(|name| self.parameter(&name));
        }
        match &parameter.change {
            Change::Unset { sign, colon, word } => {
                let set = value.as_ref().is_some_and(|value| !(*colon && value.is_empty()));
                match (sign, set) {
                    ('+', true) | ('-', false) => self.text(word).await,
                    ('+', false) => Ok(String::new()),
                    ('=', false) => {
                        let text = self.text(word).await?;
                        self.assign(name, text.clone());
                        Ok(text)
                    }
                    ('?', false) => {
                        let text = self.text(word).await?;
                        let why = if text.is_empty() { "parameter not set or null".to_owned() } else { text };
                        Err(self.complain(&format!("{name}: {why}"), 2).await)
                    }
                    _ => Ok(value.unwrap_or_default()),
                }
            }
            _ if value.is_none() && self.options.contains('u') && !matches!(name, "@" | "*") => {
                Err(self.complain(&self.dialect.unset(name), self.dialect.unset_code()).await)
            }
            change => {
                let value = value.unwrap_or_default();
                self.changed(&value, change).await
            }
        }
    }

    async fn changed(&mut self, value: &str, change: &Change) -> Result<String, Stop> {
        Ok(match change {
            Change::None | Change::Keys | Change::Unset { .. } => value.to_owned(),
            Change::Length => value.chars().count().to_string(),
            Change::Trim { end, longest, pattern } => {
                let pattern = self.pattern(pattern).await?;
                trimmed(value, &pattern, *end, *longest).to_owned()
            }
            Change::Slice { from, length } => {
                let from = self.sum(from).await?;
                let length = match length {
                    Some(length) => Some(self.sum(length).await?),
                    None => None,
                };
                let (skip, take) = range(value.chars().count(), from, length);
                value.chars().skip(skip).take(take).collect()
            }
            Change::Replace { pattern, with, place } => {
                let (pattern, with) = (self.pattern(pattern).await?, self.text(with).await?);
                replaced(value, &pattern, &with, *place)
            }
            Change::Case { upper, all } => {
                let first = if *all { value.len() } else { value.chars().next().map_or(0, char::len_utf8) };
                let (changed, rest) = value.split_at(first);
                (if *upper { changed.to_uppercase() } else { changed.to_lowercase() }) + rest
            }
        })
    }
}

/// How many to skip and how many to take.
fn range(count: usize, from: i64, length: Option<i64>) -> (usize, usize) {
    let place = |at: i64| match usize::try_from(at) {
        Ok(at) => at.min(count),
        Err(_) => count.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(count)),
    };
    let skip = place(from);
    match length {
        None => (skip, count),
        Some(length) if length < 0 => (skip, place(length).saturating_sub(skip)),
        Some(length) => (skip, usize::try_from(length).unwrap_or(count)),
    }
}

/// The places in a text where it can be cut.
fn cuts(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()
}

/// `${NAME#pattern}`, `##`, `%`, `%%`
fn trimmed<'a>(text: &'a str, pattern: &str, end: bool, longest: bool) -> &'a str {
    let mut cuts = cuts(text);
    if end != longest {
        cuts.reverse();
    }
    let fits = |at: &&usize| pattern::matches(pattern, if end { &text[**at..] } else { &text[..**at] });
    match cuts.iter().find(fits) {
        Some(at) if end => &text[..*at],
        Some(at) => &text[*at..],
        None => text,
    }
}

/// `${NAME/pattern/with}`: the longest that fits, at each place where one does.
fn replaced(text: &str, pattern: &str, with: &str, place: Place) -> String {
    let cuts = cuts(text);
    let mut out = String::new();
    let mut from = 0;
    for (index, at) in cuts.iter().enumerate() {
        if *at < from || (place == Place::Front && *at > 0) {
            continue;
        }
        let mut ends = cuts[index + 1..].iter().rev();
        let fits = |end: &&usize| pattern::matches(pattern, &text[*at..**end]);
        let found = if place == Place::End { ends.next().filter(fits) } else { ends.find(fits) };
        if let Some(end) = found {
            out.push_str(&text[from..*at]);
            out.push_str(with);
            from = *end;
            if place != Place::Everywhere {
                break;
            }
        }
    }
    out + &text[from..]
}
