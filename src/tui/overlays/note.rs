//! A note on a task of an exam: one line, kept with the exam.
//! Where it is kept is the desk's.

use crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui::layout::Rect;
use ratatui::text::Span;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::{Overlay, Row};
use crate::tui::action::{Action, Binding, bind, ctrl, named};
use crate::tui::canvas::Canvas;
use crate::tui::desk::Request;
use crate::tui::message::Effect;
use crate::tui::model::Model;
use crate::tui::parts::{buttons, dialog};

pub const ROW: Row = Row { bindings, key: typing, act, buttons: true, draw };

/// Columns of the dialog.
const WIDTH: u16 = 72;

fn bindings(_: &Model) -> Vec<Binding> {
    vec![
        bind(&[named(KeyCode::Enter)], "⏎", ("Keep", "keep the note"), Action::Yes),
        bind(&[named(KeyCode::Esc), ctrl('c')], "Esc", ("Cancel", "leave the note as it was"), Action::No),
    ]
}

fn typing(model: &mut Model, event: &KeyEvent) -> Option<Vec<Effect>> {
    if super::super::action::action_of(&bindings(model), event).is_some() {
        return None;
    }
    if let Some(Overlay::Note { input, .. }) = model.overlays.last_mut() {
        input.handle_event(&Event::Key(*event));
    }
    Some(Vec::new())
}

/// Pasted text goes into the note.
pub fn paste(model: &mut Model, text: &str) {
    if let Some(Overlay::Note { input, .. }) = model.overlays.last_mut() {
        *input = Input::new(format!("{}{}", input.value(), text.replace(['\n', '\r'], " ")));
    }
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    if !matches!(action, Action::Yes | Action::No) {
        return Vec::new();
    }
    let Some(Overlay::Note { task, input }) = model.overlays.pop() else { return Vec::new() };
    if *action == Action::No {
        return Vec::new();
    }
    let text = input.value().trim().to_owned();
    if let Some(told) = model.exam.as_mut().and_then(|sitting| sitting.opened.tasks.get_mut(task)) {
        told.note.clone_from(&text);
    }
    model.tell(Request::Note { task, text })
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let Some(Overlay::Note { task, input }) = model.overlays.last() else { return };
    let inside = dialog(canvas, area, &format!("Note on task {}", task + 1), (WIDTH, 6));
    let room = usize::from(inside.width.saturating_sub(3));
    let from = input.visual_scroll(room);
    let shown: String = input.value().chars().skip(from).take(room).collect();
    let row = Rect { y: inside.y + 1, height: 1, ..inside };
    canvas.line(row, vec![Span::styled("▸ ", model.theme.accent), Span::raw(shown)]);
    let cursor = input.visual_cursor().saturating_sub(from) as u16;
    canvas.frame.set_cursor_position((row.x + 2 + cursor, row.y));
    buttons(canvas, Rect { y: inside.y + 3, height: 1, ..inside }, &bindings(model));
}
