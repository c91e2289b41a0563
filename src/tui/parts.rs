//! Shapes that several screens draw: titled rules, bars, marks, the key bar, times.
//! They read what they are given and know no screen.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Padding, Widget};
use unicode_width::UnicodeWidthStr;

use super::action::{Action, Binding};
use super::canvas::{Canvas, fit};
use super::desk::Difficulty;
use super::hits::Target;
use super::theme::Theme;

/// The widest that a list's titles get: further away, the eye loses the row.
pub const TITLES: usize = 64;

/// A rule's title, what stands at its other end, and whether the pane under it has the keys.
#[derive(Clone, Debug, Default)]
pub struct Title {
    pub text: String,
    pub right: String,
    pub focused: bool,
}

impl Title {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub fn right(self, right: impl Into<String>) -> Self {
        Self { right: right.into(), ..self }
    }

    pub fn focused(self, focused: bool) -> Self {
        Self { focused, ..self }
    }
}

/// A rule across the first line of `area` with a title; returns the rest of the area. The pane with the keys has a heavy rule.
pub fn ruled(canvas: &mut Canvas<'_, '_>, area: Rect, title: &Title) -> Rect {
    let theme = canvas.theme;
    let (sign, style) = if title.focused { ("━", theme.rule_focus) } else { ("─", theme.rule) };
    let row = Rect { height: area.height.min(1), ..area };
    canvas.fill(row, sign, style);
    let text_style = if title.focused { theme.accent } else { theme.dim };
    let room = usize::from(area.width.saturating_sub(4));
    let text = fit(&title.text, room);
    let used = text.width();
    if !text.is_empty() {
        let place = Rect { x: row.x + 1, width: row.width.saturating_sub(1), ..row };
        canvas.line(place, Span::styled(format!(" {text} "), text_style));
    }
    let right = fit(&title.right, room.saturating_sub(used + 3));
    if !right.is_empty() {
        let place = Rect { width: row.width.saturating_sub(1), ..row };
        canvas.line_right(place, Span::styled(format!(" {right} "), theme.dim));
    }
    Rect { y: area.y + row.height, height: area.height - row.height, ..area }
}

/// A dialog of this size in the middle of `area`; forgets what lies under it. Returns the room inside.
pub fn dialog(canvas: &mut Canvas<'_, '_>, area: Rect, title: &str, size: (u16, u16)) -> Rect {
    let theme = canvas.theme;
    let (width, height) = (size.0.min(area.width), size.1.min(area.height));
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    canvas.hits.clear();
    canvas.clear(place);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.rule_focus)
        .title(Line::from(format!(" {title} ")).style(theme.accent))
        .padding(Padding::horizontal(2));
    let inside = block.inner(place);
    block.render(place, canvas.frame.buffer_mut());
    inside
}

/// A bar of `width` columns filled to `percent`.
pub fn bar(percent: f64, width: usize, theme: &Theme) -> Vec<Span<'static>> {
    let filled = ((percent.clamp(0.0, 100.0) / 100.0) * width as f64).round() as usize;
    vec![Span::styled("▰".repeat(filled), theme.bar), Span::styled("▱".repeat(width - filled), theme.track)]
}

/// Three dots, as many full as it is hard.
pub fn dots(difficulty: Difficulty) -> &'static str {
    match difficulty {
        Difficulty::Easy => "●○○",
        Difficulty::Medium => "●●○",
        Difficulty::Hard => "●●●",
    }
}

/// The same in a word.
pub fn word(difficulty: Difficulty) -> &'static str {
    match difficulty {
        Difficulty::Easy => "easy",
        Difficulty::Medium => "medium",
        Difficulty::Hard => "hard",
    }
}

/// A sign and a style for a best score: never tried, not solved yet, solved.
pub fn score_mark(best: Option<u32>, theme: &Theme) -> (&'static str, Style) {
    match best {
        None => ("·", theme.dim),
        Some(100..) => ("✓", theme.good),
        Some(_) => ("◐", theme.warn),
    }
}

/// What turns while one waits.
pub fn spinner(turn: usize) -> &'static str {
    const TURNS: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
    TURNS[turn % TURNS.len()]
}

/// `3:05`, `1:02:03`.
pub fn clock(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// `1 task`, `3 tasks`.
pub fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// The bar of keys: as many bindings as fit, each clickable; help is always among them.
pub fn key_bar(canvas: &mut Canvas<'_, '_>, area: Rect, bindings: &[Binding]) {
    let theme = canvas.theme;
    let wide = |binding: &Binding| (binding.shown.width() + binding.label.width() + 3) as u16;
    let shown: Vec<&Binding> = bindings.iter().filter(|binding| !binding.hidden).collect();
    let help = shown.iter().find(|binding| binding.action == Action::Help).map_or(0, |binding| wide(binding));
    let mut x = area.x + 1;
    let mut help_due = help > 0;
    for binding in shown {
        let is_help = binding.action == Action::Help;
        let kept = if help_due && !is_help { help } else { 0 };
        if x + wide(binding) + kept > area.right() + 2 {
            continue;
        }
        help_due &= !is_help;
        let place = Rect { x, width: wide(binding) - 2, ..area };
        let key = Span::styled(binding.shown, theme.key);
        canvas.line(place, vec![key, Span::raw(" "), Span::styled(binding.label, theme.label)]);
        canvas.hits.add(place, Target::Act(binding.action.clone()));
        x += wide(binding);
    }
}

/// Buttons in a row, each clickable.
pub fn buttons(canvas: &mut Canvas<'_, '_>, area: Rect, bindings: &[Binding]) {
    let theme = canvas.theme;
    let mut x = area.x;
    for binding in bindings.iter().filter(|binding| !binding.hidden) {
        let width = (binding.shown.width() + binding.label.width() + 5) as u16;
        let place = Rect { x, width: width.min(area.right().saturating_sub(x)), ..area };
        let key = Span::styled(binding.shown, theme.key);
        canvas.line(place, vec![Span::raw("[ "), key, Span::raw(format!(" {} ]", binding.label))]);
        canvas.hits.add(place, Target::Act(binding.action.clone()));
        x += width + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_on_a_clock() {
        assert_eq!(clock(7), "0:07");
        assert_eq!(clock(3723), "1:02:03");
    }
}
