//! What was drawn where, so that the mouse can do whatever a key can.
//! Filled while a frame is drawn and asked when the mouse acts on that frame; a later entry lies above an earlier one.

use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::message::ShellId;

/// What lies under the mouse.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Does this when clicked.
    Act(Action),
    /// A list's row: a click chooses it, a second one opens it.
    Row(usize),
    /// A pane that takes the keys when clicked and goes with the wheel.
    Pane(Pane),
    /// A shell's screen, and where it is.
    Shell { shell: ShellId, area: Rect },
}

/// A pane of a screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The list, the task's text: what is read.
    #[default]
    First,
    /// The details, the terminal.
    Second,
}

/// All targets of a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits(Vec<(Rect, Target)>);

impl Hits {
    pub fn add(&mut self, area: Rect, target: Target) {
        self.0.push((area, target));
    }

    /// Forgets what lies under a dialog.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What a click there means.
    pub fn at(&self, column: u16, row: u16) -> Option<&Target> {
        self.find(column, row, |_| true)
    }

    /// What the wheel turns there.
    pub fn wheel_at(&self, column: u16, row: u16) -> Option<&Target> {
        self.find(column, row, |target| matches!(target, Target::Pane(_) | Target::Shell { .. }))
    }

    fn find(&self, column: u16, row: u16, fits: impl Fn(&Target) -> bool) -> Option<&Target> {
        let place = Position { x: column, y: row };
        self.0.iter().rev().find(|(area, target)| area.contains(place) && fits(target)).map(|(_, target)| target)
    }

    /// The place of an action, for tests that click as a user does.
    pub fn place_of(&self, action: &Action) -> Option<(u16, u16)> {
        let of_action = |(_, target): &&(Rect, Target)| matches!(target, Target::Act(found) if found == action);
        self.0.iter().rev().find(of_action).map(|(area, _)| (area.x, area.y))
    }
}
