//! Running a script: commands one after the other, in pipes, in the background.
//! What is built into the shell is `builtin.rs`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use futures::future::BoxFuture;

use super::array::Array;
use super::beside::Child;
use super::builtin::{self, Builtin};
use super::dialect::{Dialect, Lost};
use super::parse::{parse, parse_whole};
use super::start::{Found, find, start};
use super::tree::{Command, Item, Kind, List, Part, Pipeline, Simple, Value};
use crate::sim::nodes::process::engine::Group;
use crate::sim::nodes::process::program::Program;
use crate::sim::nodes::process::programs::{self, Code};
use crate::sim::nodes::process::signals;
use crate::sim::nodes::process::stream::Output;

/// Why a script does not go on with the next command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Exit(i32),
    Return(i32),
    Break(usize),
    Continue(usize),
}

pub type Flow = Result<i32, Stop>;

/// A shell at work. A clone is a subshell.
#[derive(Clone)]
pub struct Shell {
    pub program: Program,
    pub dialect: Dialect,
    /// Variables of the shell; those in `exported` go to programs.
    pub variables: BTreeMap<String, String>,
    pub exported: std::collections::BTreeSet<String>,
    pub arrays: BTreeMap<String, Array>,
    pub positional: Vec<String>,
    pub functions: BTreeMap<String, Arc<Command>>,
    pub traps: BTreeMap<String, String>,
    pub options: String,
    pub children: Vec<Child>,
    pub last: i32,
    pub background: u32,
    /// In a condition failures are no failures (`set -e`).
    pub guarded: usize,
    depth: usize,
    /// The line of the script that is done.
    line: usize,
    /// Whether somebody types its lines.
    pub interactive: bool,
    /// Whether it was told to end, and did not end by a fault.
    pub left: bool,
    /// Whether it is process 1, or in its place: it looks at signals.
    pub is_first: bool,
}

impl Shell {
    /// A shell for a program that was started as `sh`.
    pub fn new(program: Program, name: String, options: String, positional: Vec<String>) -> Self {
        let variables = program.variables.clone();
        let exported = variables.keys().cloned().collect();
        let is_first = program.is_first();
        let mut shell = Self {
            dialect: Dialect::of(&program),
            program,
            variables,
            exported,
            arrays: BTreeMap::new(),
            positional,
            functions: BTreeMap::new(),
            traps: BTreeMap::new(),
            options,
            children: Vec::new(),
            last: 0,
            background: 0,
            guarded: 0,
            depth: 0,
            line: 1,
            interactive: false,
            left: false,
            is_first,
        };
        shell.variables.insert("0".to_owned(), name);
        shell
    }

    /// Runs a script from beginning to end; `inline` when it is a word of the command.
    pub async fn run_whole(&mut self, script: &str, inline: bool) -> i32 {
        let code = match parse_whole(script, self.dialect) {
            Err(error) => {
                let message = error.message(self.dialect, self.name(), inline);
                self.program.errors.write(self.program.engine(), message.as_bytes()).await;
                2
            }
            Ok(list) => match self.list(&list).await {
                Ok(code) | Err(Stop::Exit(code) | Stop::Return(code)) => code,
                Err(_) => self.last,
            },
        };
        self.leave(code).await
    }

    /// The end, with what the script wanted done then.
    pub async fn leave(&mut self, code: i32) -> i32 {
        let Some(script) = self.traps.remove("EXIT") else { return code };
        self.last = code;
        match parse(&script, self.dialect) {
            Ok(list) => match self.list(&list).await {
                Err(Stop::Exit(code)) => code,
                _ => code,
            },
            Err(_) => code,
        }
    }

    /// What it calls itself.
    pub fn name(&self) -> &str {
        self.variables.get("0").map_or("sh", String::as_str)
    }

    /// Complains; what was under way ends with this code.
    pub async fn complain(&self, complaint: &str, code: i32) -> Stop {
        let line = match self.dialect {
            Dialect::Bash if self.interactive => format!("{}: {complaint}\n", self.name()),
            dialect => dialect.complaint(self.name(), self.line, complaint),
        };
        self.program.errors.write(self.program.engine(), line.as_bytes()).await;
        Stop::Exit(code)
    }

    /// A parameter's value, if it is set.
    pub fn parameter(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.last.to_string()),
            "#" => Some(self.positional.len().to_string()),
            "$" => Some(self.program.pid.to_string()),
            "!" => Some(self.background).filter(|pid| *pid > 0).map(|pid| pid.to_string()),
            "-" => Some(self.options.clone()),
            "@" | "*" => Some(self.positional.join(" ")),
            "PWD" => Some(self.program.folder.clone()),
            "RANDOM" => {
                // As good as any number, and the same each time.
                let now = self.program.engine().now().as_nanosecond();
                Some(((now / 1000 + i128::from(self.last)) * 1_103_515_245 % 32768).abs().to_string())
            }
            "SECONDS" => Some("0".to_owned()),
            "HOSTNAME" if !self.variables.contains_key(name) => Some(self.program.container.hostname.clone()),
            _ => match name.parse::<usize>() {
                Ok(index) if index > 0 => self.positional.get(index - 1).cloned(),
                _ => match self.variables.get(name) {
                    Some(value) => Some(value.clone()),
                    None => self.arrays.get(name).and_then(|array| array.values.values().next()).cloned(),
                },
            },
        }
    }

    /// Sets a variable.
    pub fn assign(&mut self, name: &str, value: String) {
        self.arrays.remove(name);
        self.variables.insert(name.to_owned(), value);
    }

    /// Commands one after the other.
    pub fn list<'a>(&'a mut self, list: &'a List) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            for item in list {
                self.look_at_signals().await?;
                self.last = if item.background { self.begin(item).await } else { self.item(item).await? };
            }
            self.look_at_signals().await?;
            Ok(self.last)
        })
    }

    async fn look_at_signals(&mut self) -> Result<(), Stop> {
        if !self.is_first || !self.program.group.has_signal() {
            return Ok(());
        }
        let script = self.program.group.take_signal().and_then(|_| self.traps.get("TERM").cloned());
        if let Some(list) = script.and_then(|script| parse(&script, self.dialect).ok()) {
            let last = self.last;
            self.list(&list).await?;
            self.last = last;
        }
        Ok(())
    }

    pub(super) async fn item(&mut self, item: &Item) -> Flow {
        let chained = !item.rest.is_empty();
        self.guarded += usize::from(chained);
        let mut code = self.pipeline(&item.first).await;
        for (index, (and, pipeline)) in item.rest.iter().enumerate() {
            if let Ok(done) = code
                && (done == 0) == *and
            {
                let last = index + 1 == item.rest.len();
                self.guarded -= usize::from(last);
                code = self.pipeline(pipeline).await;
                self.guarded += usize::from(last);
            }
        }
        self.guarded -= usize::from(chained);
        code
    }

    async fn pipeline(&mut self, pipeline: &Pipeline) -> Flow {
        self.guarded += usize::from(pipeline.negated);
        let code = match pipeline.commands.as_slice() {
            [only] => self.command(only).await,
            commands => Ok(self.piped(commands).await),
        };
        self.guarded -= usize::from(pipeline.negated);
        let code = if pipeline.negated { i32::from(code? == 0) } else { code? };
        self.last = code;
        if code != 0 && self.options.contains('e') && self.guarded == 0 && !pipeline.negated {
            return Err(Stop::Exit(code));
        }
        Ok(code)
    }

    /// What a list writes, without the line ends at its end.
    pub async fn output_of(&mut self, list: &List) -> Result<String, Stop> {
        let (output, kept) = Output::kept();
        let mut shell = self.clone();
        shell.is_first = false;
        shell.program.output = output;
        shell.depth += 1;
        if shell.depth > 30 {
            return Err(self.complain("Maximum function recursion depth reached", 2).await);
        }
        match shell.list(list).await {
            Ok(code) | Err(Stop::Exit(code) | Stop::Return(code)) => self.last = code,
            Err(_) => {}
        }
        let bytes = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }

    pub(super) fn command<'a>(&'a mut self, command: &'a Command) -> BoxFuture<'a, Flow> {
        Box::pin(async move {
            self.program.engine().step(&self.program.group).await;
            let streams = (self.program.input.clone(), self.program.output.clone(), self.program.errors.clone());
            if let Kind::Simple(simple) = &command.kind {
                self.line = simple.line;
                let words = self.fields(&simple.words).await?;
                if !self.redirect(&command.redirects).await? {
                    (self.program.input, self.program.output, self.program.errors) = streams;
                    return Ok(1);
                }
                let flow = self.simple(simple, words).await;
                if !(command.redirects.is_empty() || self.program.words.first().is_some_and(|word| word == KEEP)) {
                    (self.program.input, self.program.output, self.program.errors) = streams;
                }
                return flow;
            }
            let flow = match self.redirect(&command.redirects).await? {
                true => Box::pin(self.compound(&command.kind)).await,
                false => Ok(1),
            };
            (self.program.input, self.program.output, self.program.errors) = streams;
            flow
        })
    }

    async fn simple(&mut self, simple: &Simple, words: Vec<String>) -> Flow {
        let Some(name) = words.first() else {
            self.last = 0;
            for set in &simple.sets {
                self.set(set).await?;
            }
            let substitutes = |value: &Value| matches!(value, Value::Text(word) if word.iter().any(|part| matches!(part, Part::Output(..))));
            return Ok(if simple.sets.iter().any(|set| substitutes(&set.value)) { self.last } else { 0 });
        };
        if self.options.contains('x') {
            let line = format!("+ {}\n", words.join(" "));
            self.program.errors.write(self.program.engine(), line.as_bytes()).await;
        }
        let builtin = Builtin::named(name);
        let body = self.functions.get(name).cloned();
        if body.is_some() || builtin.is_some() {
            for set in &simple.sets {
                self.set(set).await?;
            }
        }
        if let Some(body) = body {
            return self.call(&body, words).await;
        }
        if let Some(builtin) = builtin {
            let flow = builtin::run(self, builtin, &words).await;
            for set in &simple.after {
                self.set(set).await?;
            }
            return flow;
        }
        let mut values = Vec::new();
        for set in &simple.sets {
            if let Value::Text(word) = &set.value {
                values.push((set.name.clone(), self.text(word).await?));
            }
        }
        Ok(self.execute(words, values, false).await)
    }

    async fn call(&mut self, body: &Arc<Command>, words: Vec<String>) -> Flow {
        self.depth += 1;
        if self.depth > 30 {
            return Err(self.complain("Maximum function recursion depth reached", 2).await);
        }
        let before = std::mem::replace(&mut self.positional, words[1..].to_vec());
        let flow = self.command(body).await;
        self.positional = before;
        self.depth -= 1;
        match flow {
            Err(Stop::Return(code)) => Ok(code),
            flow => flow,
        }
    }

    /// Runs a program; with `instead`, in the shell's own place.
    pub fn execute(&mut self, words: Vec<String>, more: Vec<(String, String)>, instead: bool) -> BoxFuture<'_, i32> {
        Box::pin(async move {
            let name = words[0].clone();
            let mut program = self.program.clone();
            program.words = words.clone();
            let exported =
                self.exported.iter().filter_map(|name| Some((name.clone(), self.variables.get(name)?.clone())));
            program.variables = exported.chain(more).collect();
            let run: fn(Program) -> Code = match find(&self.program, &name) {
                Found::Program(row) => row.run,
                Found::Script(path) => {
                    program.words = [vec!["sh".to_owned(), path], words[1..].to_vec()].concat();
                    |program| programs::crashing(start(program))
                }
                Found::Missing => {
                    self.complain(&self.dialect.lost(Lost::Program, &name), 127).await;
                    return 127;
                }
                Found::Denied => {
                    self.complain(&format!("{name}: Permission denied"), 126).await;
                    return 126;
                }
            };
            if instead {
                program.container.processes.becomes(program.pid, program.words.clone());
                return run(program).await;
            }
            let container = self.program.container.clone();
            program.group = self.program.group.child();
            program.pid = container.enter(words.clone(), program.group.clone());
            let (group, pid) = (program.group.clone(), program.pid);
            let killed = container.engine.until(|| group.is_dead());
            // The signal first: what it has ended does nothing more.
            let code = match futures::future::select(std::pin::pin!(killed), run(program)).await {
                futures::future::Either::Left(_) => None,
                futures::future::Either::Right((code, _)) => Some(code),
            };
            container.leave(pid);
            match code {
                Some(code) => code,
                None => self.ended(&group, pid, &words).await,
            }
        })
    }

    /// A program was ended by a signal: its code, once the shell has said so (BusyBox' `shell/ash.c`, sprint_status48; bash' `jobs.c`).
    async fn ended(&self, group: &Group, pid: u32, words: &[String]) -> i32 {
        if self.program.group.is_dead() {
            // The shell has ended with it.
            self.program.engine().until(|| false).await;
        }
        let code = group.code().unwrap_or(143);
        let signal = u8::try_from(code - 128).unwrap_or_default();
        let said = signals::description(signal);
        let line = match self.dialect {
            Dialect::Bash if !self.interactive => {
                let what = format!("{pid:>5} {said:<24}{}", words.join(" "));
                self.dialect.complaint(self.name(), self.line, &what)
            }
            _ => format!("{said}\n"),
        };
        // Of INT and PIPE nothing is said.
        if !matches!(signal, 2 | 13) {
            self.program.errors.write(self.program.engine(), line.as_bytes()).await;
        }
        code
    }
}

/// What `exec` without a command leaves as the program's only word: redirections stay.
pub const KEEP: &str = "exec";
