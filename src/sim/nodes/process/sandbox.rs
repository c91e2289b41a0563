//! A Pod's runs of containers, on one simulated time and with shared ports.
//! Which containers run when is the kubelet's; `runtime.rs` keeps the sandboxes of all Pods.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::container::{Container, Start};
use super::engine::{Group, Simulation};
use super::files::Volume;
use super::ports::Ports;
use super::processes::{Processes, Sight};
use super::program::Program;
use super::programs::{self, agnhost_answer, server};
use super::record::Recipe;
use super::sh::{self, Found};
use super::stream::{Both, Input, Output, Pipe, Writer};
use super::terminal::{Screen, Terminal};
use super::tree::Tree;
use crate::sim::network::{Datagram, Reply, Request};

/// What a command run beside a container gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it could be started at all; `output` says why not.
    pub began: bool,
    pub code: i32,
    pub output: String,
    /// How long it would have taken; `None` when it would never end.
    pub took: Option<Duration>,
}

/// Where what somebody types goes.
enum Typing {
    /// Without a writer nothing is read.
    Pipe(Option<Arc<Writer>>),
    Terminal(Arc<Terminal>),
}

/// A process as whoever reads along sees it: a command beside a run, or the run's own.
pub struct Process {
    container: Arc<Container>,
    pub written: Both,
    typed: Typing,
    code: Arc<Mutex<Option<i32>>>,
    /// `None` for the run's own process, which others have in hand.
    group: Option<Arc<Group>>,
}

impl Process {
    /// Its exit code, once it has ended; 0 when the run ended that was attached to.
    pub fn code(&self) -> Option<i32> {
        match (&self.group, self.container.end()) {
            (None, end) => end.map(|_| 0),
            (Some(_), end) => self.code.lock().unwrap_or_else(PoisonError::into_inner).or(end.map(|_| 137)),
        }
    }

    /// Takes what somebody types.
    pub fn feed(&self, bytes: &[u8]) {
        match &self.typed {
            Typing::Terminal(terminal) => terminal.feed(bytes),
            Typing::Pipe(writer) => writer.iter().for_each(|writer| writer.push(bytes)),
        }
    }

    /// The window has another size.
    pub fn resize(&self) {
        if let Typing::Terminal(terminal) = &self.typed {
            terminal.redraw();
        }
    }

    /// Nothing more will be typed. Whether that is all: who writes to a run whose input stays open for others reads along no more
    /// (containerd's `container_io.go`, Attach).
    pub fn close_input(&mut self) -> bool {
        match (&self.group, &self.typed) {
            (None, typed) => {
                let over = !matches!(typed, Typing::Pipe(None)) && !self.container.stdin_once;
                self.typed = Typing::Pipe(None);
                self.container.close_input();
                return over;
            }
            (Some(_), Typing::Terminal(terminal)) => terminal.hang_up(),
            (Some(_), Typing::Pipe(_)) => self.typed = Typing::Pipe(None),
        }
        false
    }

    /// Whoever read along is gone: a command ends, a run goes on.
    pub fn abandon(&mut self) {
        self.close_input();
        self.group.iter().for_each(|group| group.kill());
        self.container.engine.stir();
    }
}

/// Begins the runtime's answer when a process cannot be started.
const INIT: &str = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ";
/// The same for a command beside a running container.
const EXEC: &str = "OCI runtime exec failed: exec failed: unable to start container process: ";

/// What others see of a Pod's runs, at any time.
pub struct Front {
    runs: Mutex<HashMap<String, Arc<Container>>>,
    pub(super) ports: Arc<Ports>,
    /// Those that containers see which see the whole Pod's.
    processes: Arc<Processes>,
}

impl Default for Front {
    fn default() -> Self {
        Self { runs: Mutex::default(), ports: Arc::default(), processes: Arc::new(Processes::of_pod()) }
    }
}

impl Front {
    pub(super) fn runs(&self) -> MutexGuard<'_, HashMap<String, Arc<Container>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run by its id.
    pub fn run(&self, id: &str) -> Option<Arc<Container>> {
        self.runs().get(id).cloned()
    }

    /// The processes that a container sees.
    pub(super) fn processes(&self, sight: &Sight) -> Arc<Processes> {
        match sight {
            Sight::Own => Arc::default(),
            Sight::Pod => self.processes.clone(),
            Sight::Of(id) => self.run(id).map(|run| run.processes.clone()).unwrap_or_default(),
        }
    }

    /// Ends every run with SIGKILL.
    pub fn kill(&self) {
        self.all().iter().for_each(|(_, run)| run.kill());
    }

    /// Every run with its id.
    pub fn all(&self) -> Vec<(String, Arc<Container>)> {
        self.runs().iter().map(|(id, run)| (id.clone(), run.clone())).collect()
    }

    /// Whether a run goes on.
    pub fn lives(&self) -> bool {
        self.runs().values().any(|run| run.end().is_none())
    }

    /// The volumes that runs which go on share with others, as they are now.
    pub fn volumes(&self) -> Vec<Arc<Tree>> {
        let runs = self.runs();
        let mut going_on: Vec<_> = runs.values().filter(|run| run.end().is_none()).collect();
        going_on.sort_by_key(|run| run.number);
        let mounts = going_on.iter().flat_map(|run| run.files.mounts()).filter(|mount| !mount.own);
        let kept = mounts.filter_map(|mount| match &mount.volume {
            Volume::Kept(kept) => Some(kept.tree()),
            Volume::Made(_) => None,
        });
        kept.collect()
    }

    /// Whether something in the Pod listens on a port.
    pub fn listens(&self, port: u16) -> bool {
        self.ports.owner(port).is_some()
    }

    /// The ports on which something in the Pod listens.
    pub fn open(&self) -> Vec<u16> {
        self.ports.all()
    }

    /// The run that listens on a port.
    fn owner(&self, port: u16) -> Option<Arc<Container>> {
        let owner = self.ports.owner(port)?;
        self.runs().values().find(|run| run.number == owner).cloned()
    }

    /// The answer over HTTP, when somebody listens; or what was said by something that does not speak it.
    pub fn get(&self, port: u16, request: &Request) -> Option<Result<Reply, String>> {
        let container = self.owner(port)?;
        container.group.burn(container.image.request());
        Some(server::reply(&container, port, request))
    }

    /// What the health service of gRPC says of a service, when somebody listens; an error is in the kubelet's words.
    pub fn health(&self, port: u16, service: &str) -> Option<Result<(), String>> {
        let container = self.owner(port)?;
        Some(agnhost_answer::health(&container, port, service))
    }

    /// What is sent back to a datagram, when somebody listens who answers.
    pub fn datagram(&self, port: u16, sent: &Datagram) -> Option<String> {
        let container = self.owner(port)?;
        agnhost_answer::datagram(&container, port, sent)
    }
}

/// One Pod's runs.
pub struct Sandbox {
    pub(super) simulation: Simulation,
    pub(super) front: Arc<Front>,
    /// How many runs were started in it.
    pub(super) started: u64,
}

impl Sandbox {
    /// One that begins at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { simulation: Simulation::new(now), front: Arc::default(), started: 0 }
    }

    /// The time it is in it.
    pub fn now(&self) -> Timestamp {
        self.simulation.engine().now()
    }

    /// Goes on until `now`.
    pub fn run_until(&mut self, now: Timestamp) {
        self.simulation.run_until(now);
    }

    /// It is `now` without anything having gone on since.
    pub fn stand_until(&mut self, now: Timestamp) {
        self.simulation.stand_until(now);
    }

    /// Lets everything go on that can, without time passing.
    pub fn settle(&mut self) {
        self.simulation.settle();
    }

    /// What others see of it.
    pub fn front(&self) -> &Arc<Front> {
        &self.front
    }

    /// A run by its id.
    pub fn run(&self, id: &str) -> Option<Arc<Container>> {
        self.front.run(id)
    }

    /// When something goes on by itself.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.simulation.next_wake()
    }

    /// Starts a container, or says in the runtime's words why that cannot be.
    pub fn start(&mut self, id: &str, start: Start) -> Result<(), String> {
        self.started += 1;
        let number = self.started;
        self.launch(id, (number, None), start)
    }

    /// Starts the run of this number. One that does once more what it did after a start like `again` comes to no end.
    pub(super) fn launch(
        &mut self,
        id: &str,
        (number, again): (u64, Option<Arc<Recipe>>),
        start: Start,
    ) -> Result<(), String> {
        let engine = self.simulation.engine().clone();
        let words = start.image.words(&start.command, &start.args);
        let wants_input = start.stdin;
        let (ports, processes) = (self.front.ports.clone(), self.front.processes(&start.sight));
        let mut container = Container::new((engine.clone(), ports, processes, number), start, words.clone());
        if let Some(recipe) = again {
            container.recipe = recipe;
            container.replay();
        }
        let container = Arc::new(container);
        let pid = container.enter(words.clone(), container.group.clone());
        container.processes.starts(pid, &container);
        let (input, output, errors) = container.open_streams(wants_input);
        let program = Program {
            group: container.group.clone(),
            variables: container.recipe.variables.clone(),
            folder: container.folder.clone(),
            words,
            input,
            errors,
            output,
            pid,
            container: container.clone(),
        };
        let run = run_of(&program).map_err(|why| format!("{INIT}{why}"))?;
        let ended = container.clone();
        engine.spawn(Group::alone(), async move {
            let group = ended.group.clone();
            let killed = ended.engine.until(|| group.is_dead());
            if let futures::future::Either::Left((code, _)) = futures::future::select(run, std::pin::pin!(killed)).await
            {
                ended.finish(code, false);
            }
        });
        self.front.runs().insert(id.to_owned(), container);
        self.simulation.settle();
        Ok(())
    }

    /// Reads along with a run, and types into it when `stdin`.
    pub fn attach(container: &Arc<Container>, stdin: bool) -> Process {
        let first = container.note_attached();
        // The first at an input made for one misses nothing.
        let written = container.log.follow(&container.engine, first && container.stdin_once);
        let typed = match &container.terminal {
            Some(terminal) if stdin => Typing::Terminal(terminal.clone()),
            _ => Typing::Pipe(container.input().filter(|_| stdin)),
        };
        Process { container: container.clone(), written, typed, code: Arc::default(), group: None }
    }

    /// Begins a command beside a run, for somebody who reads along and may write; or why it cannot be begun, in the runtime's words.
    pub fn begin(
        &mut self,
        container: &Arc<Container>,
        words: &[String],
        (stdin, tty): (bool, bool),
    ) -> Result<Process, String> {
        let engine = self.simulation.engine();
        let group = container.group.child();
        let ([out, err], written) = Pipe::both(engine);
        let (writer, reader) = Pipe::ends(engine);
        let (typed, streams) = if tty {
            let terminal = Terminal::new(engine, Screen::Pipe(out));
            let input = if stdin { Input::Terminal(terminal.clone()) } else { Input::Nothing };
            (Typing::Terminal(terminal.clone()), (input, terminal.output(), terminal.output()))
        } else {
            let input = if stdin { Input::Pipe(Arc::new(reader)) } else { Input::Nothing };
            (
                Typing::Pipe(stdin.then(|| Arc::new(writer))),
                (input, Output::Pipe(Arc::new(out)), Output::Pipe(Arc::new(err))),
            )
        };
        let program = Program {
            group: group.clone(),
            words: words.to_vec(),
            variables: container.recipe.variables.clone(),
            folder: container.folder.clone(),
            input: streams.0,
            output: streams.1,
            errors: streams.2,
            pid: container.enter(words.to_vec(), group.clone()),
            container: container.clone(),
        };
        let pid = program.pid;
        let terminal = program.input.terminal().cloned();
        let run = run_of(&program).inspect_err(|_| container.leave(pid)).map_err(|why| format!("{EXEC}{why}"))?;
        drop(program);
        let code = Arc::new(Mutex::new(None));
        let (told, left) = (code.clone(), container.clone());
        let killed = group.clone();
        let begun = engine.spawn(Group::alone(), async move {
            let stopped = left
                .engine
                .until(|| killed.is_dead() || terminal.as_ref().is_some_and(|terminal| terminal.takes_interrupt(0)));
            let code = match futures::future::select(run, std::pin::pin!(stopped)).await {
                _ if killed.is_dead() => killed.code().unwrap_or(137),
                futures::future::Either::Left((code, _)) => code,
                futures::future::Either::Right(_) => 130,
            };
            left.leave(pid);
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
            left.engine.stir();
        });
        if !begun {
            container.leave(pid);
            return Err(format!("{EXEC}fork/exec: resource temporarily unavailable"));
        }
        self.simulation.settle();
        Ok(Process { container: container.clone(), written, typed, code, group: Some(group) })
    }

    /// Runs a command beside a run, as probes and hooks do. Time stands still meanwhile.
    pub fn exec(&mut self, id: &str, words: &[String]) -> Outcome {
        let failed = |code: i32, output: String| Outcome { began: false, code, output, took: Some(Duration::ZERO) };
        let Some(container) = self.run(id).filter(|run| run.end().is_none()) else {
            return failed(1, "container not found".to_owned());
        };
        if words.is_empty() {
            return failed(1, "no command".to_owned());
        }
        let (output, kept) = Output::kept();
        let group = Group::hurried();
        let program = Program {
            group: group.clone(),
            words: words.to_vec(),
            variables: container.recipe.variables.clone(),
            folder: container.folder.clone(),
            input: Input::Nothing,
            errors: output.clone(),
            output,
            pid: container.enter(words.to_vec(), group.clone()),
            container: container.clone(),
        };
        let pid = program.pid;
        let run = match run_of(&program) {
            Ok(run) => run,
            Err(why) => {
                container.leave(pid);
                return failed(126, format!("{EXEC}{why}"));
            }
        };
        let code = Arc::new(Mutex::new(None));
        let told = code.clone();
        let engine = container.engine.clone();
        let spawned = engine.spawn(group.clone(), async move {
            let code = run.await;
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        });
        if spawned {
            self.simulation.settle();
        }
        let code = code.lock().unwrap_or_else(PoisonError::into_inner).or_else(|| group.code());
        group.kill();
        container.leave(pid);
        self.simulation.settle();
        let output = String::from_utf8_lossy(&kept.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
        Outcome { began: true, code: code.unwrap_or(137), output, took: code.map(|_| group.spent()) }
    }
}

fn run_of(program: &Program) -> Result<programs::Code, String> {
    let name = program.words.first().cloned().unwrap_or_default();
    match sh::find(program, &name) {
        Found::Program(row) => Ok((row.run)(program.clone())),
        Found::Script(path) => {
            let mut program = program.clone();
            program.words.splice(0..1, ["sh".to_owned(), path]);
            Ok(programs::crashing(sh::start(program)))
        }
        Found::Denied => Err(format!("exec: {name:?}: permission denied")),
        Found::Missing if name.contains('/') => Err(format!("exec: {name:?}: stat {name}: no such file or directory")),
        Found::Missing => Err(format!("exec: {name:?}: executable file not found in $PATH")),
    }
}
