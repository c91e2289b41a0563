//! Signals to a container: what the process it was started for makes of them.
//! Whose process a number is stands in `processes`, the shell's own `kill` in `sh/builtin.rs`.

use super::container::Container;

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
            // CHLD, CONT, STOP, URG and WINCH end nobody.
            17 | 18 | 19 | 23 | 28 => {}
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

    /// Says that process 1 looks at SIGTERM itself.
    pub fn traps_term(&self, traps: bool) {
        self.state().traps = traps;
    }
}
