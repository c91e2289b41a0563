//! Markdown as lines of a given width: a task's text, hints, explanations, solutions.
//! Code can be copied with a click, so places of code are told too. Images and HTML are shown as their text.

mod build;
mod code;
mod glyph;
mod table;

use ratatui::text::Line;

use super::theme::Theme;

/// Markdown laid out.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub lines: Vec<Line<'static>>,
    pub copies: Vec<Copy>,
}

/// A place that shows code, and the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    pub line: usize,
    pub column: u16,
    pub width: u16,
    pub text: String,
}

/// Lays markdown out for `width` columns (at least 8).
pub fn render(text: &str, width: u16, theme: &Theme) -> Page {
    build::Builder::new(usize::from(width.max(8)), theme).build(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, width: u16) -> String {
        let page = render(text, width, &Theme::default());
        page.lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn lists_hang_and_nest() {
        let text = "1. one two three four\n   - inner item\n2. two\n\nafter";
        assert_eq!(rendered(text, 16), " 1. one two\n    three four\n    • inner item\n 2. two\n\nafter");
    }

    #[test]
    fn tables_give_way_where_they_are_widest() {
        let text = "| a | b |\n|---|---|\n| x | one two three four five |";
        assert_eq!(rendered(text, 14), "a  b\n─  ───────────\nx  one two\n   three four\n   five");
    }

    #[test]
    fn code_is_not_wrapped_like_text_and_can_be_copied() {
        let page = render("Run:\n\n```sh\nkubectl get pods -A\n```\nor `ls`.", 12, &Theme::default());
        let shown: Vec<String> = page.lines.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["Run:", "", "│ kubectl ge", "│↪t pods -A", "", "or ls."]);
        assert_eq!(page.copies.last(), Some(&Copy { line: 5, column: 3, width: 2, text: "ls".into() }));
        assert!(page.copies.iter().any(|copy| copy.line == 3 && copy.text == "kubectl get pods -A"));
    }

    #[test]
    fn quotes_and_links() {
        assert_eq!(rendered("> be\n> careful", 20), "▎ be careful");
        assert_eq!(rendered("see [docs](https://x.io)", 40), "see docs (https://x.io)");
    }
}
