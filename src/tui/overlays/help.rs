//! Help: every key of the screen beneath, from the same list that the keys come from.
//! What the keys do stands with the screens.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Row, no_typing};
use crate::tui::action::{Action, Binding, bind, ctrl, key, named};
use crate::tui::canvas::{Canvas, pad};
use crate::tui::message::Effect;
use crate::tui::model::{Model, Place};
use crate::tui::parts::dialog;
use crate::tui::screens;

pub const ROW: Row = Row { bindings, key: no_typing, act, buttons: false, draw };

fn bindings(_: &Model) -> Vec<Binding> {
    let close = [named(KeyCode::Esc), named(KeyCode::Enter), key('q'), key('?'), named(KeyCode::F(1)), ctrl('c')];
    vec![bind(&close, "Esc", ("Close", "close this"), Action::Back)]
}

fn act(model: &mut Model, _: &Action) -> Vec<Effect> {
    model.overlays.pop();
    Vec::new()
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let keys = screens::bindings(model);
    let theme = &model.theme;
    let tips: &[&str] = match model.place {
        Place::Task => &[
            "Click code in the text to copy it; drag in the terminal to copy.",
            "Shift and drag selects as your own terminal does.",
        ],
        _ => &["Everything in the bar at the bottom can be clicked."],
    };
    let mut lines: Vec<Line<'static>> = keys
        .iter()
        .map(|binding| {
            let key = Span::styled(pad(binding.shown, 13), theme.key);
            Line::from(vec![key, Span::raw(binding.help)])
        })
        .collect();
    let height = (lines.len() + tips.len() + 3) as u16;
    if height <= area.height {
        lines.push(Line::default());
        lines.extend(tips.iter().map(|tip| Line::styled(*tip, theme.dim)));
    }
    let inside = dialog(canvas, area, "Keys", (72, height));
    canvas.lines(inside, lines);
}
