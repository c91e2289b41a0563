//! What the screens hear, and what they want done: messages in, effects out, both plain data.
//! Nothing here decides anything.

use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use jiff::Timestamp;

use super::desk::{News, Request, Shell};
use super::hits::Target;
use crate::pty::{Screen, Size};

/// Names one shell for as long as the program runs.
pub type ShellId = u64;

/// What happened outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Key(KeyEvent),
    Paste(String),
    /// `target` is what was drawn there; `clicks` is 2 for a double click.
    Mouse {
        event: MouseEvent,
        target: Option<Target>,
        clicks: u8,
    },
    /// The terminal has a new size in columns and rows.
    Resize(u16, u16),
    /// It is this time now: once a second, and ten times as often while something moves.
    Tick(Timestamp),
    /// An answer to the request with this ticket.
    News {
        ticket: u64,
        news: News,
    },
    /// No more answers to the request with this ticket.
    Ended {
        ticket: u64,
    },
    Shell {
        shell: ShellId,
        said: ShellSaid,
    },
}

/// What a shell has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum ShellSaid {
    Drew(Arc<Screen>),
    /// With this code, or by a signal.
    Ended(Option<i32>),
    /// It did not start, because of this.
    Failed(String),
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Ask {
        ticket: u64,
        request: Request,
    },
    Shell {
        shell: ShellId,
        order: Order,
    },
    /// Put this on the clipboard.
    Copy(String),
    Quit,
}

/// What a shell is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    Start(Shell, Size),
    Key(KeyEvent),
    Paste(String),
    Mouse {
        kind: MouseEventKind,
        modifiers: KeyModifiers,
        at: (u16, u16),
        clicks: u8,
    },
    Resize(Size),
    /// Lines up (positive) or down.
    Scroll(i32),
    /// Whether its pane has the keys.
    Focus(bool),
    Close,
}
