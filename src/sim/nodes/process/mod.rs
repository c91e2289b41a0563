//! What runs in a container, as a function of time: what it has written, whether it has ended, what it answers.
//! Its image and command decide; nothing is really run. Pods and their states are the kubelet's.

use std::time::Duration;

use serde_json::Value;

use super::images::{Image, Run};
use super::volumes::{Environment, expanded};
use crate::object::meta;

/// What a command run beside the process gave.
pub struct Outcome {
    pub code: i32,
    pub output: String,
}

/// The process of one container.
pub struct Process {
    image: &'static Image,
    words: Vec<String>,
    environment: Environment,
}

impl Process {
    /// The process of `container`, made from `image`.
    pub fn new(image: &'static Image, container: &Value, environment: &Environment) -> Self {
        let texts = |pointer: &str| meta::list(container, pointer).iter().filter_map(Value::as_str);
        let words = texts("/command").chain(texts("/args")).map(|word| expanded(word, environment)).collect();
        Self { image, words, environment: environment.clone() }
    }

    /// Whether the image's own program runs: no command is given, or the command is its name.
    fn is_default(&self) -> bool {
        let program = self.words.first().map(|word| word.rsplit('/').next().unwrap_or_default());
        let own = self.image.name.rsplit('/').next().unwrap_or_default();
        program.is_none_or(|program| {
            self.image.run == Run::Server && (program.starts_with('-') || program.starts_with(own))
        })
    }

    /// When the process ends by itself, counted from its start, and with which code.
    pub fn exit(&self) -> Option<(Duration, i32)> {
        let lacks =
            !self.image.needs.is_empty() && !self.image.needs.iter().any(|name| self.environment.contains_key(name));
        match self.image.run {
            _ if !self.is_default() => None,
            Run::Server if lacks => Some((Duration::from_millis(500), 1)),
            Run::Server => None,
            Run::Shell | Run::Hello => Some((Duration::ZERO, 0)),
        }
    }

    /// The reason a status gives for this exit code.
    pub fn exit_reason(&self, code: i32) -> &'static str {
        if code == 0 { "Completed" } else { "Error" }
    }

    /// Why the process cannot even be started, in the runtime's words.
    pub fn start_error(&self) -> Option<String> {
        None
    }

    /// Whether SIGTERM does not end it, as with most shells that are process 1.
    pub fn ignores_term(&self) -> bool {
        !self.is_default()
    }

    /// The code it ends with on SIGTERM.
    pub fn term_code(&self) -> i32 {
        0
    }

    /// Whether something listens on a port.
    pub fn listens(&self, port: u16) -> bool {
        self.is_default() && self.image.ports.contains(&port)
    }

    /// The status of an HTTP GET.
    pub fn http(&self, port: u16, path: &str) -> u16 {
        let path = path.split('?').next().unwrap_or_default();
        let served = self.listens(port) && self.image.paths.iter().any(|known| known == path || known == "*");
        if served { 200 } else { 404 }
    }

    /// Runs a command beside it, as exec probes do, when it has been running so long.
    pub fn exec(&self, _command: &[String], _running: Duration) -> Outcome {
        Outcome { code: 0, output: String::new() }
    }

    /// The lines written in the first `elapsed`, each with when.
    pub fn log(&self, _elapsed: Duration) -> Vec<(Duration, String)> {
        let lines =
            if self.exit().is_some_and(|(_, code)| code != 0) { &self.image.complaint } else { &self.image.log };
        if self.is_default() { lines.iter().map(|line| (Duration::ZERO, line.clone())).collect() } else { Vec::new() }
    }
}
