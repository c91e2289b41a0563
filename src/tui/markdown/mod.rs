//! Markdown as lines of a given width: a task's text, hints, explanations, solutions.
//! Code can be copied with a click, so places of code are told too. Images and HTML are shown as their text.

mod build;
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
