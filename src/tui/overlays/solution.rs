//! The solution, to be read beside nothing else.
//! Whether it was shown is remembered by the desk.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{Overlay, Row, no_typing};
use crate::tui::action::{Action, Binding, bind, ctrl, key, moving, named};
use crate::tui::canvas::Canvas;
use crate::tui::list::Scroll;
use crate::tui::markdown::{self, Page};
use crate::tui::message::Effect;
use crate::tui::model::Model;
use crate::tui::parts::dialog;

pub const ROW: Row = Row { bindings, key: no_typing, act, buttons: false, draw };

fn bindings(_: &Model) -> Vec<Binding> {
    let close = [named(KeyCode::Esc), named(KeyCode::Enter), key('q'), named(KeyCode::F(10)), ctrl('c')];
    let mut all = vec![bind(&close, "Esc", ("Close", "close the solution"), Action::Back)];
    all.extend(moving());
    all
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    if *action == Action::Back {
        model.overlays.pop();
        return Vec::new();
    }
    let (page, _, height) = laid_out(model);
    if let Some(Overlay::Solution { scroll, .. }) = model.overlays.last_mut() {
        scroll.act(action, height);
        scroll.keep(page.lines.len(), height);
    }
    Vec::new()
}

/// The page, the dialog's size and the lines of text it shows.
fn laid_out(model: &Model) -> (Page, (u16, u16), usize) {
    let width = (model.size.0.saturating_sub(6)).min(100);
    let text = match model.overlays.last() {
        Some(Overlay::Solution { text, .. }) => text.as_str(),
        _ => "",
    };
    let page = markdown::render(text, width - 6, &model.theme);
    let height = (page.lines.len() as u16 + 4).min(model.size.1.saturating_sub(3));
    (page, (width, height), usize::from(height.saturating_sub(4)))
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let (page, size, height) = laid_out(model);
    let scroll = match model.overlays.last() {
        Some(Overlay::Solution { scroll, .. }) => *scroll,
        _ => Scroll::default(),
    };
    let title = match scroll.place(page.lines.len(), height) {
        Some(place) => format!("Solution · {place}"),
        None => "Solution".to_owned(),
    };
    let inside = dialog(canvas, area, &title, size);
    let room = Rect { y: inside.y + 1, height: height as u16, ..inside };
    canvas.page(room, &page, scroll.0);
}
