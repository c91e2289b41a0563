//! What the whole screen waits for: what is being done, how far it is, and how to give up.
//! It lies over everything; nothing of it shows while the wait is short.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::action::{Action, bind, named};
use crate::tui::canvas::{Canvas, fit};
use crate::tui::errand::{Errand, Wait};
use crate::tui::model::Model;
use crate::tui::parts::{bar, buttons, clock, dialog, spinner};
use crossterm::event::KeyCode;

/// Columns of the dialog.
const WIDTH: u16 = 60;

/// Draws the wait.
pub fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect, wait: &Wait) {
    let theme = &model.theme;
    let inside = dialog(canvas, area, wait.errand.shown().unwrap_or_default(), (WIDTH, 8));
    let progress = wait.progress.clone().unwrap_or_default();
    let seconds = clock(model.since(wait.since));
    let room = usize::from(inside.width).saturating_sub(3);
    let mut lines = vec![
        Line::default(),
        Line::from(vec![
            Span::styled(format!("{} ", spinner(model.turn)), theme.accent),
            Span::raw(fit(&progress.text, room)),
        ]),
    ];
    let mut below = Vec::new();
    if progress.of > 0 {
        below = bar(100.0 * f64::from(progress.done) / f64::from(progress.of), 24, theme);
        below.push(Span::styled(format!("  {} of {}", progress.done, progress.of), theme.dim));
    }
    below.push(Span::styled(format!("  {seconds}"), theme.dim));
    lines.push(Line::from(below));
    canvas.lines(inside, lines);
    if !matches!(wait.errand, Errand::Submit | Errand::Reset) {
        let give_up = [bind(&[named(KeyCode::Esc)], "Esc", ("Give up", "stop waiting"), Action::Back)];
        buttons(canvas, Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside }, &give_up);
    }
}
