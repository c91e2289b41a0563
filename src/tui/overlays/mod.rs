//! What lies over the screens: help, questions, hints, the solution, notes, trouble. One file each, one row each.
//! The topmost takes every key.

pub mod confirm;
pub mod help;
pub mod hints;
pub mod note;
pub mod solution;
pub mod trouble;
pub mod wait;

pub use confirm::Question;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use tui_input::Input;

use super::action::{Action, Binding, action_of};
use super::canvas::Canvas;
use super::desk::Trouble;
use super::list::Scroll;
use super::message::Effect;
use super::model::Model;

/// Something that lies over a screen.
#[derive(Clone, Debug)]
pub enum Overlay {
    Help,
    Confirm(Question),
    Hints(Scroll),
    /// Markdown.
    Solution {
        text: String,
        scroll: Scroll,
    },
    Note {
        task: usize,
        input: Input,
    },
    Trouble(Trouble),
}

/// How one kind of overlay behaves. The functions find it on top of the model's overlays.
pub struct Row {
    pub bindings: fn(&Model) -> Vec<Binding>,
    /// Takes a key before the bindings do: where something is typed.
    pub key: fn(&mut Model, &KeyEvent) -> Option<Vec<Effect>>,
    pub act: fn(&mut Model, &Action) -> Vec<Effect>,
    /// It shows its keys as buttons itself; else they stand in the key bar.
    pub buttons: bool,
    pub draw: fn(&Model, &mut Canvas<'_, '_>, Rect),
}

/// The row of an overlay.
pub fn row(overlay: &Overlay) -> &'static Row {
    match overlay {
        Overlay::Help => &help::ROW,
        Overlay::Confirm(_) => &confirm::ROW,
        Overlay::Hints(_) => &hints::ROW,
        Overlay::Solution { .. } => &solution::ROW,
        Overlay::Note { .. } => &note::ROW,
        Overlay::Trouble(_) => &trouble::ROW,
    }
}

fn top(model: &Model) -> Option<&'static Row> {
    model.overlays.last().map(row)
}

/// The keys of the topmost overlay.
pub fn bindings(model: &Model) -> Vec<Binding> {
    top(model).map(|row| (row.bindings)(model)).unwrap_or_default()
}

/// Gives a key to the topmost overlay.
pub fn key(model: &mut Model, event: &KeyEvent) -> Vec<Effect> {
    let Some(row) = top(model) else { return Vec::new() };
    if let Some(effects) = (row.key)(model, event) {
        return effects;
    }
    match action_of(&(row.bindings)(model), event) {
        Some(action) => (row.act)(model, &action),
        None => Vec::new(),
    }
}

/// Gives an action to the topmost overlay.
pub fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    top(model).map(|row| (row.act)(model, action)).unwrap_or_default()
}

/// Gives pasted text to the topmost overlay.
pub fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    note::paste(model, text);
    Vec::new()
}

/// For overlays in which nothing is typed.
fn no_typing(_: &mut Model, _: &KeyEvent) -> Option<Vec<Effect>> {
    None
}
