//! Hints, one after the other: those taken stay, the next comes when asked for.
//! They cost nothing; the history remembers how many were taken.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{Overlay, Row, no_typing};
use crate::tui::action::{Action, Binding, bind, ctrl, key, moving, named};
use crate::tui::canvas::Canvas;
use crate::tui::desk::Request;
use crate::tui::errand::Errand;
use crate::tui::list::Scroll;
use crate::tui::markdown;
use crate::tui::message::Effect;
use crate::tui::model::Model;
use crate::tui::parts::{buttons, dialog};

pub const ROW: Row = Row { bindings, key: no_typing, act, buttons: true, draw };

/// Columns of the dialog.
const WIDTH: u16 = 70;

fn more(model: &Model) -> bool {
    model.task().is_some_and(|task| task.hints.len() < task.opened.hints as usize)
}

fn bindings(model: &Model) -> Vec<Binding> {
    let mut all = Vec::new();
    if more(model) {
        let next = [key('h'), key('n'), named(KeyCode::F(6))];
        all.push(bind(&next, "h", ("Next hint", "the next hint"), Action::Hint));
    }
    let close = [named(KeyCode::Esc), named(KeyCode::Enter), key('q'), named(KeyCode::F(10)), ctrl('c')];
    all.push(bind(&close, "Esc", ("Close", "close the hints"), Action::Back));
    all.extend(moving());
    all
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    match action {
        Action::Hint if more(model) && !model.errands.waits_for(Errand::Hint) => {
            let task = model.task.unwrap_or_default();
            model.ask(Errand::Hint, Request::Hint { task })
        }
        Action::Back => {
            model.overlays.pop();
            Vec::new()
        }
        moving => {
            let lines = page(model, WIDTH - 6).len();
            let height = height(model, lines);
            if let Some(Overlay::Hints(scroll)) = model.overlays.last_mut() {
                scroll.keep(lines, height);
                scroll.act(moving, height);
                scroll.keep(lines, height);
            }
            Vec::new()
        }
    }
}

/// Lines of text that the dialog shows.
fn height(model: &Model, lines: usize) -> usize {
    lines.min(usize::from(model.size.1.saturating_sub(8))).max(1)
}

fn page(model: &Model, width: u16) -> Vec<Line<'static>> {
    let Some(task) = model.task() else { return Vec::new() };
    let of = task.opened.hints;
    let mut lines = Vec::new();
    for (number, hint) in task.hints.iter().enumerate() {
        if number > 0 {
            lines.push(Line::default());
        }
        lines.push(Line::styled(format!("Hint {} of {of}", number + 1), model.theme.heading));
        lines.extend(markdown::render(hint, width, &model.theme).lines);
    }
    lines
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let lines = page(model, WIDTH - 6);
    let height = height(model, lines.len());
    let inside = dialog(canvas, area, "Hints", (WIDTH, height as u16 + 5));
    let mut scroll = match model.overlays.last() {
        Some(Overlay::Hints(scroll)) => *scroll,
        _ => Scroll::default(),
    };
    scroll.keep(lines.len(), height);
    let below = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    let room = Rect { y: inside.y + 1, height: height as u16, ..inside };
    canvas.lines(room, lines.into_iter().skip(scroll.0));
    buttons(canvas, below, &bindings(model));
}
