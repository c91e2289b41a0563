//! Where screens draw: the frame, the theme, and the places the mouse can act on.
//! What is drawn stands with the screens; shapes that several of them use in `parts`.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};
use unicode_width::UnicodeWidthStr;

use super::action::Action;
use super::hits::{Hits, Target};
use super::markdown::Page;
use super::theme::Theme;

/// One frame being drawn.
pub struct Canvas<'f, 'b> {
    pub frame: &'f mut Frame<'b>,
    pub theme: &'f Theme,
    pub hits: Hits,
}

impl Canvas<'_, '_> {
    /// One line of text, cut at the end of `area`.
    pub fn line(&mut self, area: Rect, line: impl Into<Line<'static>>) {
        if area.width > 0 && area.height > 0 {
            line.into().render(Rect { height: 1, ..area }, self.frame.buffer_mut());
        }
    }

    /// A line that ends at the end of `area`; returns where it begins.
    pub fn line_right(&mut self, area: Rect, line: impl Into<Line<'static>>) -> Rect {
        let line = line.into();
        let width = (line.width() as u16).min(area.width);
        let place = Rect { x: area.right() - width, width, ..area };
        self.line(place, line);
        place
    }

    /// Lines from the top of `area`, as many as fit.
    pub fn lines(&mut self, area: Rect, lines: impl IntoIterator<Item = Line<'static>>) {
        for (row, line) in area.rows().zip(lines) {
            self.line(row, line);
        }
    }

    /// A page of markdown from line `from`; its code can be clicked.
    pub fn page(&mut self, area: Rect, page: &Page, from: usize) {
        self.lines(area, page.lines.iter().skip(from).cloned());
        for copy in &page.copies {
            let Some(row) = copy.line.checked_sub(from).filter(|row| *row < usize::from(area.height)) else { continue };
            let width = copy.width.min(area.width.saturating_sub(copy.column));
            let place = Rect { x: area.x + copy.column, y: area.y + row as u16, width, height: 1 };
            self.hits.add(place, Target::Act(Action::Copy(copy.text.clone())));
        }
    }

    /// Sets the looks of a whole area.
    pub fn paint(&mut self, area: Rect, style: Style) {
        self.frame.buffer_mut().set_style(area, style);
    }

    /// Empties an area, for what lies on top.
    pub fn clear(&mut self, area: Rect) {
        Clear.render(area, self.frame.buffer_mut());
    }

    /// One character everywhere.
    pub fn fill(&mut self, area: Rect, symbol: &str, style: Style) {
        for place in area.positions() {
            if let Some(cell) = self.frame.buffer_mut().cell_mut(place) {
                cell.set_symbol(symbol).set_style(style);
            }
        }
    }

    /// A span in a style of the theme.
    pub fn span(&self, text: impl Into<String>, style: Style) -> Span<'static> {
        Span::styled(text.into(), style)
    }
}

/// Cuts text to `width` columns, with an ellipsis where something is missing.
pub fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        let wider = short.width() + unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
        if wider + 1 > width {
            break;
        }
        short.push(character);
    }
    if width > 0 {
        short.push('…');
    }
    short
}

/// Cuts or fills text to exactly `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    let text = fit(text, width);
    let missing = width.saturating_sub(text.width());
    text + &" ".repeat(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        assert_eq!(fit("rollout", 7), "rollout");
        assert_eq!(fit("rollouts", 7), "rollou…");
        assert_eq!(fit("漢字漢字", 5), "漢字…");
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(fit("abc", 0), "");
    }
}
