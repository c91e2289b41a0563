//! Takes the terminal and gives it back, whatever happens: at the end, on a panic, on a signal.
//! What is drawn on it stands with the screens.

use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{SetCursorStyle, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event, EventStream,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use futures::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::signal::unix::{SignalKind, signal};

use crate::pty::{Cursor, CursorShape};

/// Why the screens cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error("the screens need a terminal, and this is none")]
    NoTerminal,
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
}

/// What is done to the terminal besides drawing cells.
pub trait Outside {
    /// Puts text on the clipboard.
    fn copy(&mut self, text: &str);
    /// A frame's changes shall appear at once.
    fn begin_frame(&mut self) {}
    /// The frame is drawn; the cursor shall look like this one.
    fn end_frame(&mut self, _cursor: Option<Cursor>) {}
}

/// The terminal, ours until it is given back.
pub struct Stage {
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
    taken: Taken,
}

/// Whether the terminal is ours; shared with whoever gives it back after a panic.
#[derive(Clone, Default)]
struct Taken(Arc<AtomicBool>);

impl Stage {
    /// Takes the terminal: raw, its other screen, mouse and pastes told apart. Must be called on the thread that draws.
    pub fn enter() -> Result<Self, StageError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(StageError::NoTerminal);
        }
        let taken = Taken::default();
        restore_on_panic(taken.clone());
        enable_raw_mode()?;
        taken.0.store(true, Ordering::SeqCst);
        let entered = execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste);
        match entered.and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout()))) {
            Ok(terminal) => Ok(Self { terminal, taken }),
            Err(error) => {
                taken.give_back();
                Err(error.into())
            }
        }
    }

    /// What the learner does, until a signal asks the program to end.
    pub fn input(&self) -> impl Stream<Item = io::Result<Event>> + Unpin + use<> {
        let ends = async {
            let (Ok(mut terminate), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
            else {
                return std::future::pending().await;
            };
            tokio::select! { _ = terminate.recv() => {}, _ = hang_up.recv() => {} }
        };
        Box::pin(EventStream::new().take_until(ends))
    }

    /// What is done besides drawing.
    pub fn outside(&self) -> impl Outside + use<> {
        Screen { shape: CursorShape::Block }
    }

    /// Gives the terminal back.
    pub fn leave(self) {
        self.taken.give_back();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.taken.give_back();
    }
}

struct Screen {
    shape: CursorShape,
}

/// Nothing is to be done about a terminal that takes no more: the next read of it ends the program.
impl Outside for Screen {
    fn copy(&mut self, text: &str) {
        let _ = execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text));
    }

    fn begin_frame(&mut self) {
        let _ = queue!(io::stdout(), BeginSynchronizedUpdate);
    }

    fn end_frame(&mut self, cursor: Option<Cursor>) {
        let shape = cursor.map(|cursor| cursor.shape).unwrap_or_default();
        if shape != self.shape {
            self.shape = shape;
            let _ = queue!(io::stdout(), style_of(shape));
        }
        let _ = execute!(io::stdout(), EndSynchronizedUpdate);
    }
}

fn style_of(shape: CursorShape) -> SetCursorStyle {
    match shape {
        CursorShape::Block => SetCursorStyle::DefaultUserShape,
        CursorShape::Underline => SetCursorStyle::SteadyUnderScore,
        CursorShape::Bar => SetCursorStyle::SteadyBar,
    }
}

impl Taken {
    /// Gives the terminal back, once.
    fn give_back(&self) {
        if !self.0.swap(false, Ordering::SeqCst) {
            return;
        }
        let mut out = io::stdout();
        // Each on its own: one that fails must not keep the others from being done.
        let _ = queue!(out, DisableBracketedPaste, DisableMouseCapture, EndSynchronizedUpdate);
        let _ = queue!(out, SetCursorStyle::DefaultUserShape, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// A panic while drawing gives the terminal back, so that its message can be read. One elsewhere must not spoil the screen, which goes on:
/// it is written to the log, and whoever waits for that work is told that no answer came.
fn restore_on_panic(taken: Taken) {
    let drawing = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if taken.0.load(Ordering::SeqCst) && std::thread::current().id() != drawing {
            tracing::error!("{panic}");
            return;
        }
        taken.give_back();
        before(panic);
    }));
}
