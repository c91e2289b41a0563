//! A terminal: what is typed becomes lines, with the keys people expect; what is written gets its carriage returns.
//! Who reads the lines is the programs'; a shell at its prompt has a history. Source: POSIX, 11.1.6 (canonical mode), and BusyBox' line editor.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::Engine;
use super::stream::{Output, Stream, Writer};

/// So many lines a prompt remembers.
const REMEMBERED: usize = 200;

/// What reading at a prompt gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line, or nobody is there any more.
    End,
}

#[derive(Default)]
struct State {
    /// The line being typed, and where in it the cursor is.
    line: Vec<char>,
    cursor: usize,
    /// Lines that wait to be read, without their ends; `None` for an end of input.
    lines: VecDeque<Option<String>>,
    /// What a shell asks with while it reads; keys edit only then.
    prompt: Option<String>,
    history: Vec<String>,
    /// Which line of the history is shown.
    at: usize,
    /// A key that comes as several bytes, so far.
    escape: Vec<u8>,
    /// Bytes of a letter that has not all come.
    partial: Vec<u8>,
    interrupted: bool,
    /// How many shells run in each other: the innermost looks at Ctrl-C.
    shells: usize,
    gone: bool,
}

/// A terminal. What it shows goes to an output that never waits for long.
pub struct Terminal {
    screen: Screen,
    engine: Engine,
    state: Mutex<State>,
}

/// Where a terminal's text is shown.
pub enum Screen {
    Pipe(Writer),
    Log(Arc<super::stream::Log>),
}

impl Terminal {
    /// One with an empty screen.
    pub fn new(engine: &Engine, screen: Screen) -> Arc<Self> {
        Arc::new(Self { screen, engine: engine.clone(), state: Mutex::default() })
    }

    /// A program's output to it.
    pub fn output(self: &Arc<Self>) -> Output {
        Output::Terminal(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, text: &str) {
        match &self.screen {
            Screen::Pipe(pipe) => pipe.push(text.as_bytes()),
            Screen::Log(log) => log.write(Stream::Output, text.as_bytes(), self.engine.now()),
        }
    }

    /// Shows what a program writes; false when nobody looks any more.
    pub async fn write(&self, engine: &Engine, bytes: &[u8]) -> bool {
        let mut shown = Vec::with_capacity(bytes.len() + 16);
        for byte in bytes {
            if *byte == b'\n' && shown.last() != Some(&b'\r') {
                shown.push(b'\r');
            }
            shown.push(*byte);
        }
        match &self.screen {
            Screen::Pipe(pipe) => pipe.write(&shown).await,
            Screen::Log(log) => {
                log.write(Stream::Output, &shown, engine.now());
                true
            }
        }
    }

    /// A line with its end; `None` at the end of the input.
    pub async fn line(&self) -> Option<Vec<u8>> {
        let ready = || {
            let state = self.state();
            !state.lines.is_empty() || state.gone
        };
        self.engine.until(ready).await;
        let line = self.state().lines.pop_front().flatten();
        line.map(|line| (line + "\n").into_bytes())
    }

    /// Asks with a prompt and reads a line, which may be edited and is remembered.
    pub async fn ask(&self, prompt: &str) -> Typed {
        self.show(prompt);
        let level = {
            let mut state = self.state();
            state.prompt = Some(prompt.to_owned());
            state.shells
        };
        self.engine
            .until(|| {
                let state = self.state();
                !state.lines.is_empty() || state.gone || (state.interrupted && state.shells == level)
            })
            .await;
        let mut state = self.state();
        state.prompt = None;
        if state.interrupted {
            state.interrupted = false;
            return Typed::Interrupt;
        }
        match state.lines.pop_front().flatten() {
            None => Typed::End,
            Some(line) => {
                if !line.trim().is_empty() && state.history.last() != Some(&line) {
                    state.history.push(line.clone());
                    if state.history.len() > REMEMBERED {
                        state.history.remove(0);
                    }
                }
                state.at = state.history.len();
                Typed::Line(line)
            }
        }
    }

    /// Says that a shell reads here until the answer is dropped.
    pub fn enter(self: &Arc<Self>) -> Control {
        let mut state = self.state();
        state.shells += 1;
        Control { level: state.shells, terminal: self.clone() }
    }

    /// Whether Ctrl-C was pressed and no shell looks at it; it is then seen.
    pub fn takes_interrupt(&self, level: usize) -> bool {
        let mut state = self.state();
        let taken = state.interrupted && state.shells == level;
        if taken {
            state.interrupted = false;
        }
        taken
    }

    /// Nobody is there any more.
    pub fn hang_up(&self) {
        self.state().gone = true;
        self.engine.stir();
    }

    /// Shows the prompt and what is typed again, as after a change of the window's size.
    pub fn redraw(&self) {
        let state = self.state();
        let Some(prompt) = &state.prompt else { return };
        let line: String = state.line.iter().collect();
        let back = left(state.line.len() - state.cursor);
        let text = format!("\r\u{1b}[K{prompt}{line}{back}");
        drop(state);
        self.show(&text);
    }

    /// Takes what is typed.
    pub fn feed(&self, bytes: &[u8]) {
        let mut shown = String::new();
        let mut state = self.state();
        for byte in bytes {
            state.key(*byte, &mut shown);
        }
        drop(state);
        if !shown.is_empty() {
            self.show(&shown);
        }
        self.engine.stir();
    }
}

/// A shell's hold on a terminal.
pub struct Control {
    terminal: Arc<Terminal>,
    level: usize,
}

impl Control {
    /// Whether Ctrl-C was pressed for this shell; it is then seen.
    pub fn interrupted(&self) -> bool {
        self.terminal.takes_interrupt(self.level)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.terminal.state().shells -= 1;
    }
}

fn left(by: usize) -> String {
    if by == 0 { String::new() } else { format!("\u{1b}[{by}D") }
}

impl State {
    fn key(&mut self, byte: u8, shown: &mut String) {
        if !self.escape.is_empty() {
            self.escape.push(byte);
            // Letters and `~` end a sequence; `[` and `O` begin one.
            if self.escape.len() > 2 && (byte.is_ascii_alphabetic() || byte == b'~') || self.escape.len() > 8 {
                let sequence = std::mem::take(&mut self.escape);
                self.special(&sequence, shown);
            } else if self.escape.len() == 2 && byte != b'[' && byte != b'O' {
                self.escape.clear();
            }
            return;
        }
        match byte {
            0x1b => self.escape.push(byte),
            b'\r' | b'\n' => {
                shown.push_str("\r\n");
                let line: String = std::mem::take(&mut self.line).into_iter().collect();
                self.cursor = 0;
                self.lines.push_back(Some(line));
            }
            0x03 => {
                shown.push_str("^C\r\n");
                self.lines.clear();
                self.line.clear();
                self.cursor = 0;
                self.interrupted = true;
            }
            0x04 if self.line.is_empty() => self.lines.push_back(None),
            0x08 | 0x7f if self.cursor > 0 => self.erase(1, shown),
            0x17 => {
                let before = &self.line[..self.cursor];
                let word =
                    before.iter().rev().skip_while(|letter| **letter == ' ').take_while(|letter| **letter != ' ');
                let blanks = before.iter().rev().take_while(|letter| **letter == ' ').count();
                self.erase(word.count() + blanks, shown);
            }
            0x15 => self.erase(self.cursor, shown),
            0x01 => self.special(b"\x1b[H", shown),
            0x05 => self.special(b"\x1b[F", shown),
            0x0b if self.prompt.is_some() => {
                self.line.truncate(self.cursor);
                shown.push_str("\u{1b}[K");
            }
            0x0c => {
                let line: String = self.line.iter().collect();
                let back = left(self.line.len() - self.cursor);
                let prompt = self.prompt.clone().unwrap_or_default();
                shown.push_str(&format!("\u{1b}[H\u{1b}[2J{prompt}{line}{back}"));
            }
            0x00..=0x1f | 0x7f => {}
            byte => {
                self.partial.push(byte);
                if let Ok(text) = std::str::from_utf8(&self.partial) {
                    let letters: Vec<char> = text.chars().collect();
                    self.partial.clear();
                    letters.into_iter().for_each(|letter| self.insert(letter, shown));
                } else if self.partial.len() >= 4 {
                    self.partial.clear();
                }
            }
        }
    }

    fn insert(&mut self, letter: char, shown: &mut String) {
        self.line.insert(self.cursor, letter);
        self.cursor += 1;
        let rest: String = self.line[self.cursor..].iter().collect();
        shown.push(letter);
        if !rest.is_empty() {
            shown.push_str(&format!("{rest}{}", left(rest.chars().count())));
        }
    }

    /// Takes letters before the cursor away.
    fn erase(&mut self, count: usize, shown: &mut String) {
        if count == 0 {
            return;
        }
        self.line.drain(self.cursor - count..self.cursor);
        self.cursor -= count;
        let rest: String = self.line[self.cursor..].iter().collect();
        shown.push_str(&format!("{}\u{1b}[K{rest}{}", "\u{8}".repeat(count), left(rest.chars().count())));
    }

    /// Arrows and their like, which only a prompt knows.
    fn special(&mut self, sequence: &[u8], shown: &mut String) {
        if self.prompt.is_none() {
            return;
        }
        match sequence.get(2..).unwrap_or_default() {
            b"A" if self.at > 0 => self.recall(self.at - 1, shown),
            b"B" if self.at < self.history.len() => self.recall(self.at + 1, shown),
            b"C" if self.cursor < self.line.len() => {
                shown.push(self.line[self.cursor]);
                self.cursor += 1;
            }
            b"D" if self.cursor > 0 => {
                self.cursor -= 1;
                shown.push('\u{8}');
            }
            b"H" | b"1~" => {
                shown.push_str(&left(self.cursor));
                self.cursor = 0;
            }
            b"F" | b"4~" => {
                let rest: String = self.line[self.cursor..].iter().collect();
                shown.push_str(&rest);
                self.cursor = self.line.len();
            }
            b"3~" if self.cursor < self.line.len() => {
                self.line.remove(self.cursor);
                let rest: String = self.line[self.cursor..].iter().collect();
                shown.push_str(&format!("\u{1b}[K{rest}{}", left(rest.chars().count())));
            }
            _ => {}
        }
    }

    fn recall(&mut self, at: usize, shown: &mut String) {
        self.at = at;
        let line: Vec<char> = self.history.get(at).map(|line| line.chars().collect()).unwrap_or_default();
        shown.push_str(&format!("{}\u{1b}[K{}", left(self.cursor), line.iter().collect::<String>()));
        self.cursor = line.len();
        self.line = line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::nodes::process::engine::Simulation;
    use crate::sim::nodes::process::stream::{Pipe, Reader};

    fn terminal() -> (Arc<Terminal>, Reader) {
        let simulation = Simulation::new(jiff::Timestamp::UNIX_EPOCH);
        let (writer, reader) = Pipe::ends(simulation.engine());
        (Terminal::new(simulation.engine(), Screen::Pipe(writer)), reader)
    }

    #[test]
    fn typed_lines_can_be_mended() {
        let (terminal, screen) = terminal();
        terminal.state().prompt = Some("/ # ".to_owned());
        for (typed, line) in [
            ("ls\r", "ls"),
            ("lx\x7fs\r", "ls"),
            ("ac\x1b[Db\r", "abc"),
            ("bc\x01a\x05d\r", "abcd"),
            ("echo one two\x17three\r", "echo one three"),
            ("never\x15ever\r", "ever"),
            ("abc\x1b[D\x1b[D\x1b[3~\r", "ac"),
            ("\u{e9}t\u{e9}\x7f\r", "\u{e9}t"),
        ] {
            terminal.feed(typed.as_bytes());
            assert_eq!(terminal.state().lines.pop_front(), Some(Some(line.to_owned())), "{typed:?}");
        }
        assert!(String::from_utf8(screen.take()).is_ok_and(|shown| shown.starts_with("ls\r\nlx\u{8}\u{1b}[Ks\r\n")));
    }

    #[test]
    fn arrows_bring_back_what_was_typed() {
        let (terminal, _screen) = terminal();
        terminal.state().history = vec!["one".to_owned(), "two".to_owned()];
        terminal.state().at = 2;
        terminal.state().prompt = Some(String::new());
        terminal.feed(b"\x1b[A\x1b[A\x1b[B\x1b[A\r");
        assert_eq!(terminal.state().lines.pop_front(), Some(Some("one".to_owned())));
    }
}
