//! Signals to a container: what the process it was started for makes of them.
//! Whose process a number is stands in `processes`, the shell's own `kill` in `sh/builtin.rs`.

use super::container::Container;

/// Signals by their numbers: the name, and what is said of a process that one has ended (`strsignal(3)`).
const SIGNALS: &[(u8, &str, &str)] = &[
    (1, "HUP", "Hangup"),
    (2, "INT", "Interrupt"),
    (3, "QUIT", "Quit"),
    (4, "ILL", "Illegal instruction"),
    (6, "ABRT", "Aborted"),
    (7, "BUS", "Bus error"),
    (8, "FPE", "Floating point exception"),
    (9, "KILL", "Killed"),
    (10, "USR1", "User defined signal 1"),
    (11, "SEGV", "Segmentation fault"),
    (12, "USR2", "User defined signal 2"),
    (13, "PIPE", "Broken pipe"),
    (14, "ALRM", "Alarm clock"),
    (15, "TERM", "Terminated"),
    (17, "CHLD", "Child exited"),
    (18, "CONT", "Continued"),
    (19, "STOP", "Stopped (signal)"),
];

/// A signal by its number or name.
pub fn signal(word: &str) -> Option<u8> {
    let name = word.trim_start_matches("SIG");
    let named = SIGNALS.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(name)).map(|(number, ..)| *number);
    named.or_else(|| word.parse().ok().filter(|number| *number <= 64))
}

/// The name of a signal.
pub fn name(signal: u8) -> Option<&'static str> {
    SIGNALS.iter().find(|(number, ..)| *number == signal).map(|(_, name, _)| *name)
}

/// What is said of a process that a signal has ended.
pub fn description(signal: u8) -> String {
    let known = SIGNALS.iter().find(|(number, ..)| *number == signal);
    known.map_or_else(|| format!("Unknown signal {signal}"), |(.., said)| (*said).to_owned())
}

/// Whether a signal ends who does not look at it: CHLD, CONT, STOP, URG and WINCH do not.
pub fn ends(signal: u8) -> bool {
    !matches!(signal, 17 | 18 | 19 | 23 | 28)
}

impl Container {
    /// Ends it with SIGKILL.
    pub fn kill(&self) {
        self.finish(137, false);
    }

    /// Sends a signal to the process it was started for. Number 1 is spared what it cannot heed, and servers look after HUP and their like themselves.
    pub fn signal(&self, signal: u8) {
        match signal {
            9 if self.is_one => {}
            9 => self.kill(),
            1 | 10 | 12 if self.state().on_term.is_some() => {}
            _ if !ends(signal) => {}
            _ => self.terminate(),
        }
    }

    /// Sends SIGTERM to the process it was started for, which mostly does not care unless it is made to: the kernel spares number 1 alone.
    pub fn terminate(&self) {
        let state = self.state();
        if state.end.is_some() {
            return;
        }
        match (state.traps, state.on_term) {
            (true, _) => {
                drop(state);
                self.group.send(15);
                self.engine.stir();
            }
            (false, Some(code)) => {
                drop(state);
                self.finish(code, false);
            }
            (false, None) if self.is_one => {}
            (false, None) => {
                drop(state);
                self.finish(143, false);
            }
        }
    }

    /// Says that process 1 ends with this code on SIGTERM.
    pub fn ends_on_term(&self, code: i32) {
        self.state().on_term = Some(code);
    }

    /// Whether process 1 looks at SIGTERM itself.
    pub fn traps(&self) -> bool {
        self.state().traps
    }

    /// Says that process 1 looks at SIGTERM itself.
    pub fn traps_term(&self, traps: bool) {
        self.state().traps = traps;
    }
}
