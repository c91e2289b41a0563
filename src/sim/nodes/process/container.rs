//! One run of a container as its programs see it: image, files, variables, processes, log.
//! When it starts and what follows its end is the kubelet's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::engine::{Engine, Group};
use super::files::Files;
use super::record::{self, Recipe};
use super::stream::{Input, Log, Output, Pipe, Stream, Writer};
use super::terminal::{Screen, Terminal};
use super::tree::Tree;
use crate::sim::network::View;
use crate::sim::nodes::images::Image;

/// The variables of a process.
pub type Variables = BTreeMap<String, String>;

/// What a container is started with.
#[derive(Clone)]
pub struct Start {
    /// What its own program does, where that is known beforehand.
    pub script: Option<Script>,
    pub image: &'static Image,
    /// The image as the Pod names it.
    pub reference: String,
    /// What runs: command and arguments; empty for the image's own.
    pub command: Vec<String>,
    pub args: Vec<String>,
    pub variables: Variables,
    /// The names of the variables as they are told; others come last.
    pub variable_order: Vec<String>,
    pub folder: String,
    pub files: Files,
    pub hostname: String,
    /// Bytes of memory it may have; `None` for any.
    pub memory: Option<i64>,
    pub user: i64,
    pub group: i64,
    pub groups: Vec<i64>,
    /// Whether something may be attached to its input.
    pub stdin: bool,
    /// Whether its input ends with the first that was attached to it.
    pub stdin_once: bool,
    /// Whether it runs at a terminal.
    pub tty: bool,
    /// The Pod's address.
    pub address: String,
    pub network: View,
}

/// What a program says and how it ends, when that follows from what is outside the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub lines: Vec<String>,
    /// How long until its last words.
    pub after: std::time::Duration,
    pub last: Vec<String>,
    /// With what it ends; it serves without one.
    pub code: Option<i32>,
    /// Whether it runs and does nothing.
    pub idle: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub at: Timestamp,
    pub code: i32,
    /// Whether it took more memory than it may.
    pub out_of_memory: bool,
}

/// A process in the list of processes.
pub struct Listed {
    pub words: Vec<String>,
    pub group: Arc<Group>,
}

/// The ports that are open in a Pod, with the number of the run that opened each.
#[derive(Default)]
pub struct Ports(Mutex<BTreeMap<u16, u64>>);

impl Ports {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    pub fn all(&self) -> Vec<u16> {
        self.lock().keys().copied().collect()
    }

    /// The run that listens on a port.
    pub fn owner(&self, port: u16) -> Option<u64> {
        self.lock().get(&port).copied()
    }
}

#[derive(Default)]
pub(super) struct State {
    pub(super) end: Option<End>,
    /// Folders that are served on ports.
    pub(super) served: BTreeMap<u16, String>,
    /// What is said on ports to whoever calls.
    pub(super) said: BTreeMap<u16, String>,
    processes: BTreeMap<u32, Listed>,
    last_pid: u32,
    /// What process 1 does with SIGTERM: the code it ends with, when it ends at once.
    pub(super) on_term: Option<i32>,
    /// Whether process 1 looks at signals itself.
    pub(super) traps: bool,
    /// What may be attached to.
    input: Option<Arc<Writer>>,
    /// Whether somebody was attached.
    attached: bool,
    /// What programs take for as long as they run.
    loads: BTreeMap<u64, Load>,
    last_load: u64,
    /// CPU that loads took which are over.
    burnt: Duration,
    /// While what it did once is done again: whether it came to an end then, which it had not.
    pub(super) replayed: Option<bool>,
}

/// What a program takes of the machine.
#[derive(Clone, Copy)]
struct Load {
    millicores: u64,
    bytes: u64,
    since: Timestamp,
}

impl Load {
    fn cpu(&self, now: Timestamp) -> Duration {
        let time = Duration::try_from(now.duration_since(self.since)).unwrap_or_default();
        time.mul_f64(f64::from(u32::try_from(self.millicores).unwrap_or(u32::MAX)) / 1000.0)
    }
}

/// Takes CPU and memory until it is dropped. See [`Container::load`].
pub struct Taking {
    container: Arc<Container>,
    number: u64,
}

impl Drop for Taking {
    fn drop(&mut self) {
        let now = self.container.engine.now();
        let mut state = self.container.state();
        if let Some(load) = state.loads.remove(&self.number) {
            state.burnt += load.cpu(now);
        }
    }
}

/// One run of a container.
pub struct Container {
    /// Which run of its Pod it is.
    pub number: u64,
    pub started: Timestamp,
    pub engine: Engine,
    pub(super) ports: Arc<Ports>,
    address: String,
    pub image: &'static Image,
    /// What it was started with.
    pub recipe: Arc<Recipe>,
    pub script: Option<Script>,
    pub files: Arc<Files>,
    /// The files that end with it as they were at its start, by where they are mounted.
    pub born: BTreeMap<String, Arc<Tree>>,
    pub folder: String,
    pub hostname: String,
    pub memory: Option<i64>,
    pub user: i64,
    pub group_id: i64,
    pub groups: Vec<i64>,
    pub network: View,
    pub log: Arc<Log>,
    /// The terminal process 1 runs at, if it does.
    pub terminal: Option<Arc<Terminal>>,
    /// Whether its input ends with the first that was attached to it.
    pub stdin_once: bool,
    /// Everything that runs in it.
    pub group: Arc<Group>,
    state: Mutex<State>,
}

impl Container {
    /// What a start asks for, before anything runs; `words` are those of process 1.
    pub fn new((engine, ports, number): (Engine, Arc<Ports>, u64), mut start: Start, words: Vec<String>) -> Self {
        let recipe = Arc::new(Recipe::new(&mut start, words));
        let log = Arc::<Log>::default();
        let terminal = start.tty.then(|| Terminal::new(&engine, Screen::Log(log.clone())));
        Self {
            terminal,
            stdin_once: start.stdin_once,
            number,
            started: engine.now(),
            engine,
            ports,
            address: start.address,
            image: start.image,
            recipe,
            born: record::born(&start.files),
            script: start.script,
            files: Arc::new(start.files),
            folder: start.folder,
            hostname: start.hostname,
            memory: start.memory,
            user: start.user,
            group_id: start.group,
            groups: start.groups,
            network: start.network,
            log,
            group: Group::alone(),
            state: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<End> {
        self.state().end
    }

    /// Ends it, once.
    pub fn finish(&self, code: i32, out_of_memory: bool) {
        let now = self.engine.now();
        let mut state = self.state();
        if state.replayed.is_some() {
            state.replayed = Some(true);
            return;
        }
        self.log.finish(now);
        state.end.get_or_insert(End { at: now, code, out_of_memory });
        state.processes.clear();
        drop(state);
        self.ports.lock().retain(|_, owner| *owner != self.number);
        self.group.kill();
        self.engine.stir();
    }

    /// Takes so many thousandths of a CPU and bytes of memory, until what it gives is dropped. More memory than it may have ends the run.
    pub fn load(self: &Arc<Self>, millicores: u64, bytes: u64) -> Taking {
        let since = self.engine.now();
        let mut state = self.state();
        state.last_load += 1;
        let number = state.last_load;
        state.loads.insert(number, Load { millicores, bytes, since });
        drop(state);
        let most = self.memory.and_then(|most| u64::try_from(most).ok()).filter(|most| *most > 0);
        if most.is_some_and(|most| self.bytes() > most) {
            self.finish(137, true);
        }
        Taking { container: self.clone(), number }
    }

    /// The CPU that its programs took by now, beside what the image's own takes when idle.
    pub fn cpu(&self) -> Duration {
        let now = self.engine.now();
        let state = self.state();
        state.burnt + state.loads.values().map(|load| load.cpu(now)).sum::<Duration>() + self.group.burnt()
    }

    /// The bytes of memory it has, what the image's own program needs among them.
    pub fn bytes(&self) -> u64 {
        self.state().loads.values().map(|load| load.bytes).sum::<u64>() + self.image.idle().1
    }

    /// Ends it with SIGKILL.
    pub fn kill(&self) {
        self.finish(137, false);
    }

    /// Sends SIGTERM to process 1, which mostly does not care unless it is made to.
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
            (false, None) => {}
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

    /// Opens a port; false when somebody in the Pod has it.
    pub fn listen(&self, port: u16) -> bool {
        let mut ports = self.ports.lock();
        let free = !ports.contains_key(&port);
        if free {
            ports.insert(port, self.number);
        }
        drop(ports);
        self.engine.stir();
        free
    }

    /// The ports that are open in the Pod.
    pub fn ports(&self) -> Vec<u16> {
        self.ports.all()
    }

    /// Says that the files of a folder are served on a port.
    pub fn serves_files(&self, port: u16, folder: &str) {
        self.state().served.insert(port, folder.to_owned());
    }

    /// The folder that is served on a port.
    pub fn served_from(&self, port: u16) -> Option<String> {
        self.state().served.get(&port).cloned()
    }

    /// Says something on a port to whoever calls.
    pub fn says(&self, port: u16, text: &str) {
        self.state().said.insert(port, text.to_owned());
    }

    /// What is said on a port, when that is all that happens there.
    pub fn said(&self, port: u16) -> Option<String> {
        self.state().said.get(&port).cloned()
    }

    /// Whether the image's tag is a version, or begins with it and a dot or a dash.
    pub fn is_tagged(&self, version: &str) -> bool {
        let tag = self.recipe.reference.rsplit_once(':').map_or("", |(_, tag)| tag);
        tag.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    }

    /// The Pod's address.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Whether process 1 was started with a word.
    pub fn runs(&self, word: &str) -> bool {
        self.recipe.words.iter().any(|known| known == word)
    }

    /// The value of an option of process 1: `-name=value` or `-name value`, with one dash or two.
    pub fn option(&self, name: &str) -> Option<String> {
        self.recipe.words.iter().enumerate().find_map(|(at, word)| {
            let word = if word.starts_with("--") { &word[1..] } else { word };
            match word.split_once('=') {
                Some((known, value)) if known == name => Some(value.to_owned()),
                None if word == name => self.recipe.words.get(at + 1).cloned(),
                _ => None,
            }
        })
    }

    /// Whether it has run longer than that.
    pub fn is_older_than(&self, time: Duration) -> bool {
        self.engine.now().duration_since(self.started) > SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
    }

    /// Opens process 1's streams: input to whoever attaches when `stdin`, output and errors to the log.
    pub fn open_streams(&self, stdin: bool) -> (Input, Output, Output) {
        let (output, errors) = match &self.terminal {
            Some(terminal) => (terminal.output(), terminal.output()),
            None => (Output::Log(self.log.clone(), Stream::Output), Output::Log(self.log.clone(), Stream::Errors)),
        };
        let input = match &self.terminal {
            _ if !stdin => Input::Nothing,
            Some(terminal) => Input::Terminal(terminal.clone()),
            None => {
                let (writer, reader) = Pipe::ends(&self.engine);
                self.state().input = Some(Arc::new(writer));
                Input::Pipe(Arc::new(reader))
            }
        };
        (input, output, errors)
    }

    /// Process 1's input, when it is open.
    pub fn input(&self) -> Option<Arc<Writer>> {
        self.state().input.clone()
    }

    /// Notes that somebody is attached; whether nobody was before.
    pub fn note_attached(&self) -> bool {
        !std::mem::replace(&mut self.state().attached, true)
    }

    /// Whoever was attached has said all: input that is for one only ends.
    pub fn close_input(&self) {
        if self.stdin_once {
            self.state().input = None;
            self.terminal.iter().for_each(|terminal| terminal.hang_up());
        }
    }

    /// Enters a process into the list; gives its number.
    pub fn enter(&self, words: Vec<String>, group: Arc<Group>) -> u32 {
        let mut state = self.state();
        state.last_pid += 1;
        let pid = state.last_pid;
        state.processes.insert(pid, Listed { words, group });
        pid
    }

    /// Takes a process off the list.
    pub fn leave(&self, pid: u32) {
        self.state().processes.remove(&pid);
    }

    /// The group of a process.
    pub fn process(&self, pid: u32) -> Option<Arc<Group>> {
        self.state().processes.get(&pid).map(|listed| listed.group.clone())
    }

    /// The processes there are: number and words.
    pub fn processes(&self) -> Vec<(u32, Vec<String>)> {
        let state = self.state();
        let alive = state.processes.iter().filter(|(_, listed)| !listed.group.is_dead());
        alive.map(|(pid, listed)| (*pid, listed.words.clone())).collect()
    }
}
