//! What went wrong, why, and what to do.
//! Who knows why stands below the desk; here it is only said.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::{Overlay, Row, no_typing};
use crate::tui::action::{Action, Binding, bind, ctrl, key, named};
use crate::tui::canvas::Canvas;
use crate::tui::diff::wrapped;
use crate::tui::message::Effect;
use crate::tui::model::Model;
use crate::tui::parts::{buttons, dialog};

pub const ROW: Row = Row { bindings, key: no_typing, act, buttons: true, draw };

fn bindings(_: &Model) -> Vec<Binding> {
    let close = [named(KeyCode::Enter), named(KeyCode::Esc), key('q'), ctrl('c')];
    vec![bind(&close, "⏎", ("Close", "close this"), Action::Back)]
}

fn act(model: &mut Model, _: &Action) -> Vec<Effect> {
    model.overlays.pop();
    Vec::new()
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let Some(Overlay::Trouble(trouble)) = model.overlays.last() else { return };
    let theme = &model.theme;
    let width = area.width.saturating_sub(6).min(76);
    let columns = usize::from(width.saturating_sub(6));
    let paragraphs = |text: &str, mark: &'static str, style: Style| -> Vec<Line<'static>> {
        text.lines().flat_map(|paragraph| wrapped(paragraph, columns, mark, style)).collect()
    };
    let mut lines = wrapped(&trouble.kind, columns, "✗ ", theme.bad);
    lines.push(Line::default());
    let mut cause = paragraphs(&trouble.cause, "", theme.text);
    let mut hint = paragraphs(&trouble.hint, "→ ", theme.accent);
    if !hint.is_empty() {
        hint.insert(0, Line::default());
    }
    // What to do next is seen however long the cause is.
    let room = usize::from(area.height).saturating_sub(5 + lines.len() + hint.len());
    if cause.len() > room {
        cause.truncate(room.saturating_sub(1));
        cause.push(Line::styled("…", theme.dim));
    }
    lines.extend(cause.into_iter().chain(hint));
    let height = (lines.len() as u16 + 5).min(area.height);
    let inside = dialog(canvas, area, "Something went wrong", (width, height));
    let below = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    let room = Rect { y: inside.y + 1, height: inside.height.saturating_sub(3), ..inside };
    canvas.lines(room, lines);
    buttons(canvas, below, &bindings(model));
}
