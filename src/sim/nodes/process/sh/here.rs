//! Here-documents: text that stands in the script after the line that asks for it.
//! The rest of the grammar is `parse.rs`.

use std::sync::Arc;

use super::parse::{Parser, Result};
use super::tree::{Command, Kind, List, Part, Redirect, Target, Word};

impl Parser<'_> {
    /// Reads the texts that were asked for on the line before.
    pub(super) fn here_documents(&mut self) {
        for (delimiter, tabs, quoted) in std::mem::take(&mut self.here) {
            let mut body = String::new();
            while self.at < self.text.len() {
                let line: String = self.text[self.at..].iter().take_while(|letter| **letter != '\n').collect();
                self.at = (self.at + line.chars().count() + 1).min(self.text.len());
                let line = if tabs { line.trim_start_matches('\t') } else { &line };
                if line == delimiter {
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            let word =
                if quoted { vec![Part::Text(body, true)] } else { super::word::quoted(&body).unwrap_or_default() };
            self.found.push(word);
        }
    }

    /// What asks for one; its text comes after the line.
    pub(super) fn here_document(&mut self, stream: u8, tabs: bool) -> Result<Redirect> {
        let word = self.word()?.ok_or_else(|| self.unexpected())?;
        let mut quoted = false;
        let mut delimiter = String::new();
        for part in &word {
            if let Part::Text(text, is_quoted) = part {
                delimiter.push_str(text);
                quoted |= is_quoted;
            }
        }
        self.here.push((delimiter, tabs, quoted));
        // The text comes after the line; `fill` puts it here.
        Ok(Redirect { stream, to: Target::Here(Vec::new()) })
    }
}

/// Puts the texts of here-documents where they were asked for.
pub fn fill_list(list: &mut List, texts: &mut impl Iterator<Item = Word>) {
    for item in list {
        let pipelines = std::iter::once(&mut item.first).chain(item.rest.iter_mut().map(|(_, pipeline)| pipeline));
        pipelines.flat_map(|pipeline| &mut pipeline.commands).for_each(|command| fill(command, texts));
    }
}

fn fill(command: &mut Command, texts: &mut impl Iterator<Item = Word>) {
    let texts: &mut dyn Iterator<Item = Word> = texts;
    let mut texts = texts;
    match &mut command.kind {
        Kind::Simple { .. } => {}
        Kind::Group(list) | Kind::Subshell(list) => fill_list(list, &mut texts),
        Kind::If { arms, otherwise } => {
            for (condition, body) in arms {
                fill_list(condition, &mut texts);
                fill_list(body, &mut texts);
            }
            fill_list(otherwise, &mut texts);
        }
        Kind::Loop { condition, body, .. } => {
            fill_list(condition, &mut texts);
            fill_list(body, &mut texts);
        }
        Kind::For { body, .. } => fill_list(body, &mut texts),
        Kind::Case { arms, .. } => arms.iter_mut().for_each(|(_, body)| fill_list(body, &mut texts)),
        Kind::Function { body, .. } => fill(Arc::make_mut(body), &mut texts),
    }
    for redirect in &mut command.redirects {
        if let Target::Here(word) = &mut redirect.to
            && word.is_empty()
            && let Some(text) = texts.next()
        {
            *word = text;
        }
    }
}
