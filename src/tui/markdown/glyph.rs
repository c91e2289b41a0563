//! Characters with their looks, and how a run of them breaks into lines.
//! What they belong to, paragraph, item or cell, stands with those who build them.

use ratatui::style::Style;
use ratatui::text::Span;
use unicode_width::UnicodeWidthChar;

/// A character as it will be drawn. `copy` says which code it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glyph {
    pub character: char,
    pub style: Style,
    pub copy: Option<usize>,
}

impl Glyph {
    pub fn width(self) -> usize {
        self.character.width().unwrap_or(0)
    }

    fn is_blank(self) -> bool {
        self.character == ' '
    }
}

/// All characters of a text in one style.
pub fn glyphs(text: &str, style: Style, copy: Option<usize>) -> impl Iterator<Item = Glyph> {
    text.chars().map(move |character| Glyph { character, style, copy })
}

/// Columns that these take.
pub fn width(glyphs: &[Glyph]) -> usize {
    glyphs.iter().map(|glyph| glyph.width()).sum()
}

/// Breaks at blanks, and inside a word only where it is wider than a line. `\n` always breaks. At least one line comes back.
pub fn wrap(glyphs: &[Glyph], columns: usize) -> Vec<Vec<Glyph>> {
    glyphs.split(|glyph| glyph.character == '\n').flat_map(|part| wrap_one(part, columns.max(1))).collect()
}

fn wrap_one(glyphs: &[Glyph], columns: usize) -> Vec<Vec<Glyph>> {
    let mut lines = Vec::new();
    let mut line: Vec<Glyph> = Vec::new();
    for word in glyphs.split_inclusive(|glyph| glyph.is_blank()) {
        let bare = word.strip_suffix_blank();
        if !line.is_empty() && width(&line) + width(bare) > columns {
            lines.push(trimmed(std::mem::take(&mut line)));
        }
        for glyph in word {
            if width(&line) + glyph.width() > columns && !glyph.is_blank() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(*glyph);
        }
    }
    lines.push(trimmed(line));
    lines
}

trait StripBlank {
    fn strip_suffix_blank(&self) -> &Self;
}

impl StripBlank for [Glyph] {
    fn strip_suffix_blank(&self) -> &Self {
        match self.split_last() {
            Some((last, rest)) if last.is_blank() => rest,
            _ => self,
        }
    }
}

fn trimmed(mut line: Vec<Glyph>) -> Vec<Glyph> {
    while line.last().is_some_and(|glyph| glyph.is_blank()) {
        line.pop();
    }
    line
}

/// Joins neighbours of one style.
pub fn spans(glyphs: &[Glyph]) -> Vec<Span<'static>> {
    glyphs
        .chunk_by(|a, b| a.style == b.style)
        .map(|run| Span::styled(run.iter().map(|glyph| glyph.character).collect::<String>(), run[0].style))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, columns: usize) -> Vec<String> {
        let glyphs: Vec<Glyph> = glyphs(text, Style::new(), None).collect();
        wrap(&glyphs, columns).iter().map(|line| line.iter().map(|glyph| glyph.character).collect()).collect()
    }

    #[test]
    fn lines_break_at_blanks_and_long_words_where_they_must() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a abcdefghij b", 4), ["a", "abcd", "efgh", "ij b"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("x\ny", 4), ["x", "y"]);
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(wrapped("漢字漢字", 5), ["漢字", "漢字"]);
    }
}
