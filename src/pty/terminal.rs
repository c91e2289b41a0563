//! A program in a pseudo-terminal: what it is sent, what it shows, when it ends.
//! A thread of alacritty's reads and parses what the program writes; here nothing blocks but for the moment a screen is copied.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use alacritty_terminal::event::{Event, EventListener, WindowSize};
use alacritty_terminal::event_loop::{EventLoop, EventLoopSender, Msg};
use alacritty_terminal::grid::{Dimensions, Scroll};
use alacritty_terminal::index::{Column, Line, Point, Side};
use alacritty_terminal::selection::{Selection, SelectionType};
use alacritty_terminal::sync::FairMutex;
use alacritty_terminal::term::{Config, Term, TermMode};
use alacritty_terminal::tty::{self, Options, Shell};
use crossterm::event::{KeyEvent, KeyModifiers, MouseButton, MouseEventKind};
use tokio::sync::watch;

use super::mouse::MouseMode;
use super::screen::{Screen, Size};
use super::{keys, mouse};

/// Lines kept above the screen.
const SCROLLBACK: usize = 10_000;
/// Lines one notch of the wheel goes.
const NOTCH: i32 = 3;

/// What to run, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellSpec {
    pub program: String,
    pub args: Vec<String>,
    /// Added to this process's environment; `TERM` and `COLORTERM` are set unless given.
    pub env: Vec<(String, String)>,
    pub cwd: PathBuf,
}

/// Why a program could not be started in a terminal.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    #[error("the shell's directory {0} is not there")]
    NoDirectory(PathBuf),
    #[error("the shell {program} cannot be started: {source}")]
    Program { program: String, source: std::io::Error },
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its code; `None` when a signal ended it.
    pub code: Option<i32>,
}

/// A running program and its screen. Dropping it hangs up, as closing a window does.
pub struct Terminal {
    term: Arc<FairMutex<Term<Listener>>>,
    input: EventLoopSender,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    changed: watch::Sender<u64>,
    input: OnceLock<EventLoopSender>,
    story: Mutex<Story>,
}

/// What the program said besides its screen.
#[derive(Default)]
struct Story {
    size: Size,
    ending: Option<Exit>,
    exit: Option<Exit>,
    title: Option<String>,
    copied: Option<String>,
}

impl Shared {
    fn story(&self) -> MutexGuard<'_, Story> {
        self.story.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, text: String) {
        if let Some(input) = self.input.get() {
            // A program that is gone needs no answer.
            let _ = input.send(Msg::Input(text.into_bytes().into()));
        }
    }
}

/// Called by the reading thread, which holds the terminal's lock: must never ask for it.
#[derive(Clone)]
struct Listener(Arc<Shared>);

impl EventListener for Listener {
    fn send_event(&self, event: Event) {
        match event {
            Event::PtyWrite(text) => return self.0.answer(text),
            Event::TextAreaSizeRequest(format) => {
                let size = self.0.story().size;
                return self.0.answer(format(window(size)));
            }
            Event::Title(title) => self.0.story().title = Some(title),
            Event::ResetTitle => self.0.story().title = None,
            Event::ClipboardStore(_, text) => self.0.story().copied = Some(text),
            Event::ChildExit(status) => {
                self.0.story().ending = Some(Exit { code: status.code() });
                return;
            }
            // Sent once all that the program wrote is on the screen.
            Event::Exit => {
                let mut story = self.0.story();
                story.exit = story.ending.or(Some(Exit { code: None }));
            }
            Event::Wakeup => {}
            _ => return,
        }
        self.0.changed.send_modify(|changes| *changes += 1);
    }
}

fn window(size: Size) -> WindowSize {
    WindowSize { num_lines: size.screen_lines() as u16, num_cols: size.columns() as u16, cell_width: 1, cell_height: 1 }
}

impl Terminal {
    /// Starts the program in a terminal of `size`.
    pub fn spawn(spec: &ShellSpec, size: Size) -> Result<Self, SpawnError> {
        if !spec.cwd.is_dir() {
            return Err(SpawnError::NoDirectory(spec.cwd.clone()));
        }
        let failed = |source| SpawnError::Program { program: spec.program.clone(), source };
        let mut options = Options {
            shell: Some(Shell::new(spec.program.clone(), spec.args.clone())),
            working_directory: Some(spec.cwd.clone()),
            drain_on_exit: true,
            ..Options::default()
        };
        options.env.insert("TERM".into(), "xterm-256color".into());
        options.env.insert("COLORTERM".into(), "truecolor".into());
        options.env.extend(spec.env.iter().cloned());
        let shared = Arc::new(Shared::default());
        shared.story().size = size;
        let config = Config { scrolling_history: SCROLLBACK, ..Config::default() };
        let term = Arc::new(FairMutex::new(Term::new(config, &size, Listener(shared.clone()))));
        let pty = tty::new(&options, window(size), 0).map_err(failed)?;
        let reader = EventLoop::new(term.clone(), Listener(shared.clone()), pty, true, false).map_err(failed)?;
        let input = reader.channel();
        // The listener was made a moment ago and nothing runs yet, so nobody else can have set it.
        let _ = shared.input.set(input.clone());
        reader.spawn();
        Ok(Self { term, input, shared })
    }

    /// Counts changes of the screen, the title or the end; wait on it to know when to draw.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// What it shows now.
    pub fn screen(&self) -> Screen {
        self.with(|term| Screen::of_term(term))
    }

    /// How the program ended, once it has and its last words are on the screen.
    pub fn exit(&self) -> Option<Exit> {
        self.shared.story().exit
    }

    /// What the program calls its window.
    pub fn title(&self) -> Option<String> {
        self.shared.story().title.clone()
    }

    /// Text the program asked to be put on the clipboard (OSC 52), once.
    pub fn take_copied(&self) -> Option<String> {
        self.shared.story().copied.take()
    }

    /// Sends a key, and shows the newest line again.
    pub fn key(&self, key: &KeyEvent) {
        let app_cursor = self.mode().contains(TermMode::APP_CURSOR);
        self.write(keys::encode(key, app_cursor));
    }

    /// Sends pasted text.
    pub fn paste(&self, text: &str) {
        let bracketed = self.mode().contains(TermMode::BRACKETED_PASTE);
        self.write(keys::paste(text, bracketed));
    }

    /// Tells a program that wants to know whether its pane has the keys.
    pub fn focus(&self, focused: bool) {
        let wanted = self.with(|term| {
            term.is_focused = focused;
            term.mode().contains(TermMode::FOCUS_IN_OUT)
        });
        if wanted {
            let said: &[u8] = if focused { b"\x1b[I" } else { b"\x1b[O" };
            self.send(said.to_vec());
        }
    }

    /// Lays the screen out anew; long lines flow.
    pub fn resize(&self, size: Size) {
        self.shared.story().size = size;
        self.with(|term| term.resize(size));
        // A program that is gone needs no size.
        let _ = self.input.send(Msg::Resize(window(size)));
        self.redraw();
    }

    /// Goes up (positive) or down in what has scrolled away.
    pub fn scroll(&self, lines: i32) {
        self.with(|term| term.scroll_display(Scroll::Delta(lines)));
        self.redraw();
    }

    /// Does what the mouse does at `at` (column and row of the screen, from 0): tells the program if it asked for the mouse,
    /// else scrolls or selects. `clicks` is 2 for a double click and 3 for a triple one. Returns the text to copy when a selection is done.
    pub fn mouse(&self, kind: MouseEventKind, modifiers: KeyModifiers, at: (u16, u16), clicks: u8) -> Option<String> {
        let mode = self.mode();
        let wanted = mouse_mode(mode);
        if wanted.wanted() && !modifiers.contains(KeyModifiers::SHIFT) {
            self.send(mouse::encode(kind, modifiers, at, wanted));
            return None;
        }
        match kind {
            MouseEventKind::ScrollUp => self.wheel(NOTCH, mode),
            MouseEventKind::ScrollDown => self.wheel(-NOTCH, mode),
            MouseEventKind::Down(MouseButton::Left) => self.select_from(at, clicks),
            MouseEventKind::Drag(MouseButton::Left) => self.select_to(at),
            MouseEventKind::Up(MouseButton::Left) => return self.selected(),
            _ => {}
        }
        None
    }

    /// The text marked with the mouse.
    pub fn selected(&self) -> Option<String> {
        self.with(|term| term.selection_to_string()).filter(|text| !text.is_empty())
    }

    fn mode(&self) -> TermMode {
        self.with(|term| *term.mode())
    }

    /// Does something with the terminal while the reader waits its turn before it reads. Were only the terminal locked, and not its turn
    /// taken, the reader would read on meanwhile and lose what it read when the program ends just then.
    fn with<R>(&self, act: impl FnOnce(&mut Term<Listener>) -> R) -> R {
        let _turn = self.term.lease();
        act(&mut self.term.lock_unfair())
    }

    /// Full-screen programs without a wish for the mouse get arrow keys (xterm's alternate scroll); others scroll back.
    fn wheel(&self, lines: i32, mode: TermMode) {
        if mode.contains(TermMode::ALT_SCREEN) && mode.contains(TermMode::ALTERNATE_SCROLL) {
            let key: &[u8] = if lines > 0 { b"\x1bOA" } else { b"\x1bOB" };
            self.send(key.repeat(lines.unsigned_abs() as usize));
        } else {
            self.scroll(lines);
        }
    }

    fn select_from(&self, at: (u16, u16), clicks: u8) {
        let kind = match clicks {
            2 => SelectionType::Semantic,
            3.. => SelectionType::Lines,
            _ => SelectionType::Simple,
        };
        self.with(|term| term.selection = Some(Selection::new(kind, point_of(term, at), Side::Left)));
        self.redraw();
    }

    fn select_to(&self, at: (u16, u16)) {
        self.with(|term| {
            let point = point_of(term, at);
            if let Some(selection) = term.selection.as_mut() {
                selection.update(point, Side::Right);
            }
        });
        self.redraw();
    }

    fn write(&self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.with(|term| {
            term.selection = None;
            term.scroll_display(Scroll::Bottom);
        });
        self.send(bytes);
    }

    fn send(&self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            // A program that is gone hears nothing; its end is told by `exit`.
            let _ = self.input.send(Msg::Input(bytes.into()));
        }
    }

    fn redraw(&self) {
        self.shared.changed.send_modify(|changes| *changes += 1);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The thread hangs up and waits for the program by itself; when it is gone already there is nothing to tell.
        let _ = self.input.send(Msg::Shutdown);
    }
}

fn point_of(term: &Term<Listener>, at: (u16, u16)) -> Point {
    let column = usize::from(at.0).min(term.columns() - 1);
    let row = usize::from(at.1).min(term.screen_lines() - 1);
    Point::new(Line(row as i32 - term.grid().display_offset() as i32), Column(column))
}

fn mouse_mode(mode: TermMode) -> MouseMode {
    MouseMode {
        clicks: mode.contains(TermMode::MOUSE_REPORT_CLICK),
        drags: mode.contains(TermMode::MOUSE_DRAG),
        moves: mode.contains(TermMode::MOUSE_MOTION),
        sgr: mode.contains(TermMode::SGR_MOUSE),
        utf8: mode.contains(TermMode::UTF8_MOUSE),
    }
}
