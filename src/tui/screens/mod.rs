//! The screens: one file each, one row each.
//! What lies over them, dialogs and help, stands in `overlays`.

pub mod exam;
pub mod exams;
pub mod grading;
pub mod history;
pub mod home;
pub mod home_details;
pub mod results;
pub mod task;
pub mod task_keys;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::action::{Action, Binding};
use super::canvas::Canvas;
use super::hits::Pane;
use super::message::Effect;
use super::model::{Model, Place};

/// Text on a screen's first line, and what a click on it does.
#[derive(Clone, Debug)]
pub struct Piece {
    pub span: Span<'static>,
    pub action: Option<Action>,
}

impl From<Span<'static>> for Piece {
    fn from(span: Span<'static>) -> Self {
        Self { span, action: None }
    }
}

/// What stands on a screen's first line: where one is, and what must not be lost from sight.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub left: Vec<Piece>,
    pub right: Vec<Piece>,
}

/// One screen.
pub struct Row {
    pub place: Place,
    /// Its keys, in the order of the key bar.
    pub bindings: fn(&Model) -> Vec<Binding>,
    /// Takes a key before the bindings do: where something is typed. `None` leaves it to them.
    pub key: fn(&mut Model, &KeyEvent) -> Option<Vec<Effect>>,
    pub act: fn(&mut Model, &Action) -> Vec<Effect>,
    /// A click on the list's row with this number.
    pub choose: fn(&mut Model, usize) -> Vec<Effect>,
    /// The wheel over a pane: [`Action::Up`] or [`Action::Down`].
    pub wheel: fn(&mut Model, Pane, &Action),
    /// Brings scrolling and shells in line with what is shown and the terminal's size.
    pub fit: fn(&mut Model) -> Vec<Effect>,
    pub head: fn(&Model) -> Head,
    pub draw: fn(&Model, &mut Canvas<'_, '_>, Rect),
}

/// All screens.
pub static SCREENS: &[Row] = &[home::ROW, history::ROW, task::ROW, grading::ROW, exam::ROW, results::ROW];

/// The row of a screen.
pub fn row(place: Place) -> &'static Row {
    SCREENS.iter().find(|row| row.place == place).unwrap_or(&SCREENS[0])
}

/// The keys of the screen that is shown.
pub fn bindings(model: &Model) -> Vec<Binding> {
    (row(model.place).bindings)(model)
}

/// Brings the shown screen in line with the model.
pub fn fit(model: &mut Model) -> Vec<Effect> {
    if model.too_small() { Vec::new() } else { (row(model.place).fit)(model) }
}

/// A screen's room: all but the first and the last line.
pub fn body(size: (u16, u16)) -> Rect {
    Rect { x: 0, y: 1, width: size.0, height: size.1.saturating_sub(2) }
}

/// For screens without something to type.
pub fn no_typing(_: &mut Model, _: &KeyEvent) -> Option<Vec<Effect>> {
    None
}

/// For screens without a list to click.
pub fn no_choice(_: &mut Model, _: usize) -> Vec<Effect> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_row() {
        for place in [Place::Home, Place::History, Place::Task, Place::Grading, Place::Exam, Place::Results] {
            assert_eq!(SCREENS.iter().filter(|row| row.place == place).count(), 1, "{place:?}");
        }
    }
}
