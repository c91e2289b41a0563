//! Colours for code blocks, line by line: comments, YAML keys, a shell's commands apart from what they print.
//! Only looks: a line that is read wrongly is still shown whole.

use ratatui::style::Style;

use super::glyph::{Glyph, glyphs};
use crate::tui::theme::Theme;

/// A line of code in the language that the block names.
pub fn paint(line: &str, language: &str, theme: &Theme, copy: Option<usize>) -> Vec<Glyph> {
    let (code, comment) = match language {
        "" | "text" | "output" | "console" => (line, ""),
        _ => line.split_at(comment_at(line)),
    };
    let mut painted = match language {
        "yaml" | "yml" => yaml(code, theme, copy),
        _ => plain(code, theme.block, copy),
    };
    painted.extend(glyphs(comment, theme.dim, copy));
    painted
}

/// Where a comment begins: a `#` at the start or after a blank, outside quotes.
fn comment_at(line: &str) -> usize {
    let (mut quote, mut before) = (None, ' ');
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if before == ' ' => return at,
            _ => {}
        }
        before = c;
    }
    line.len()
}

/// `  - name: web`: the key up to its colon stands out.
fn yaml(code: &str, theme: &Theme, copy: Option<usize>) -> Vec<Glyph> {
    let ends = |at: &usize| code[at + 1..].is_empty() || code[at + 1..].starts_with(' ');
    let Some(colon) = code.match_indices(':').map(|(at, _)| at).find(ends) else {
        return plain(code, theme.block, copy);
    };
    let key = code[..colon].trim_start_matches([' ', '-']);
    let mut painted = plain(&code[..colon - key.len()], theme.text, copy);
    painted.extend(glyphs(key, theme.block, copy));
    painted.extend(glyphs(&code[colon..], theme.text, copy));
    painted
}

fn plain(code: &str, style: Style, copy: Option<usize>) -> Vec<Glyph> {
    glyphs(code, style, copy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_no_part_of_a_word_or_a_quote() {
        assert_eq!(comment_at("kubectl get pods # all of them"), 17);
        assert_eq!(comment_at("echo 'a # b' c#d"), 16);
        assert_eq!(comment_at("# whole"), 0);
    }

    #[test]
    fn every_character_stays() {
        for line in ["  - name: web # x", "a: b: c", ":", "http://x", "- key:"] {
            for language in ["yaml", "sh", ""] {
                let painted: String =
                    paint(line, language, &Theme::default(), None).iter().map(|glyph| glyph.character).collect();
                assert_eq!(painted, line);
            }
        }
    }
}
