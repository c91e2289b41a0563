//! One run of a container as its programs see it: image, files, variables, processes, log.
//! When it starts and what follows its end is the kubelet's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::engine::{Engine, Group};
use super::files::Files;
use super::ports::Ports;
use super::processes::{Processes, Sight};
use super::record::{self, Recipe};
use super::script::Script;
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
    /// What its processes may do of what the kernel keeps for some (`NET_ADMIN`).
    pub capabilities: Vec<String>,
    /// Whether its processes may have more rights than who starts them (`allowPrivilegeEscalation`).
    pub escalates: bool,
    /// Whether something may be attached to its input.
    pub stdin: bool,
    /// Whether its input ends with the first that was attached to it.
    pub stdin_once: bool,
    /// Whether it runs at a terminal.
    pub tty: bool,
    /// The Pod's address.
    pub address: String,
    pub network: View,
    pub sight: Sight,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub at: Timestamp,
    pub code: i32,
    /// Whether it took more memory than it may.
    pub out_of_memory: bool,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) end: Option<End>,
    /// Folders that are served on ports.
    pub(super) served: BTreeMap<u16, String>,
    /// What is said on ports to whoever calls.
    pub(super) said: BTreeMap<u16, String>,
    /// What programs keep while they run, by name.
    notes: BTreeMap<String, String>,
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
        let now = self.container.engine.ran();
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
    /// The same in the time that its jobs went on.
    begun: Timestamp,
    pub engine: Engine,
    pub(super) ports: Arc<Ports>,
    /// Those its own see, these among them.
    pub processes: Arc<Processes>,
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
    pub capabilities: Vec<String>,
    /// Whether its processes may have more rights than who starts them.
    pub escalates: bool,
    pub network: View,
    /// Whether the process it was started for is number 1 of those it sees.
    pub(super) is_one: bool,
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
    pub fn new(
        (engine, ports, processes, number): (Engine, Arc<Ports>, Arc<Processes>, u64),
        mut start: Start,
        words: Vec<String>,
    ) -> Self {
        let recipe = Arc::new(Recipe::new(&mut start, words));
        let log = Arc::<Log>::default();
        let terminal = start.tty.then(|| Terminal::new(&engine, Screen::Log(log.clone())));
        Self {
            terminal,
            stdin_once: start.stdin_once,
            number,
            started: engine.now(),
            begun: engine.ran(),
            engine,
            ports,
            processes,
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
            capabilities: start.capabilities,
            escalates: start.escalates,
            network: start.network,
            is_one: start.sight == Sight::Own,
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
        drop(state);
        self.processes.leave_all(self.number);
        if self.is_one {
            // With number 1 go all that see it.
            self.processes.containers().iter().for_each(|other| other.kill());
        }
        self.ports.lock().retain(|_, owner| *owner != self.number);
        self.group.kill();
        self.engine.stir();
    }

    /// Takes so many thousandths of a CPU and bytes of memory, until what it gives is dropped. More memory than it may have ends the run.
    pub fn load(self: &Arc<Self>, millicores: u64, bytes: u64) -> Taking {
        let since = self.engine.ran();
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

    /// How long it went on since its start, without the time between a checkpoint and the way back to it.
    pub fn went_on(&self) -> SignedDuration {
        self.engine.ran().duration_since(self.begun)
    }

    /// The CPU that its programs took by now, beside what the image's own takes when idle.
    pub fn cpu(&self) -> Duration {
        let now = self.engine.ran();
        let state = self.state();
        state.burnt + state.loads.values().map(|load| load.cpu(now)).sum::<Duration>() + self.group.burnt()
    }

    /// The bytes of memory it has, what the image's own program needs among them.
    pub fn bytes(&self) -> u64 {
        self.state().loads.values().map(|load| load.bytes).sum::<u64>() + self.image.idle().1
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

    /// Listens on these ports, and on no others any more.
    pub fn listens_only(&self, ports: &[u16]) {
        self.ports.lock().retain(|port, owner| *owner != self.number || ports.contains(port));
        for port in ports {
            self.listen(*port);
        }
        self.engine.stir();
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

    /// Keeps a value for its programs, under a name.
    pub fn note(&self, name: &str, value: &str) {
        self.state().notes.insert(name.to_owned(), value.to_owned());
    }

    /// What its programs keep.
    pub fn notes(&self) -> BTreeMap<String, String> {
        self.state().notes.clone()
    }

    /// Whether the image's tag is a version, or begins with it and a dot or a dash.
    pub fn is_tagged(&self, version: &str) -> bool {
        let tag = self.recipe.reference.rsplit_once(':').map_or("", |(_, tag)| tag);
        tag.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    }

    /// The release of its image's program, where it is known.
    pub fn release(&self) -> Option<String> {
        self.image.release(&self.recipe.reference)
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
        self.processes.enter((self.number, (self.user, self.group_id)), words, group)
    }

    /// Takes a process off the list.
    pub fn leave(&self, pid: u32) {
        self.processes.leave(pid);
    }
}
