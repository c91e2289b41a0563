//! The learner's shell in a pseudo-terminal, and its screen.
//! A real terminal: reflow, scrollback, selection, mouse, replies to programs. Drawing it is the tui's.

pub mod keys;
pub mod mouse;
pub mod screen;
pub mod terminal;

pub use screen::{Cell, Colour, Cursor, CursorShape, Looks, Screen, Size};
pub use terminal::{Exit, ShellSpec, SpawnError, Terminal};
