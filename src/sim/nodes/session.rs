//! Commands beside containers, and attaching to them: carries what is typed in and what is written out, as time goes by.
//! What the commands do is the process'. Source: `k8s.io/kubelet/pkg/cri/streaming/remotecommand`.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};

use super::container::hash;
use super::process::sandbox::{Process, Sandbox};
use super::process::stream::Stream;
use super::runtime::Runtime;
use super::server::Kubelet;
use crate::base::clock::Clock;
use crate::object::meta;
use crate::sim::apiserver::server::{Command, Heard, Said, Session};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Key, key};

/// So many messages may wait in each direction.
const WAITING: usize = 64;
/// So large is one message at most, bytes.
const LARGEST: usize = 32 * 1024;

/// How long who has written to a run reads along after that. A real one looks away at once, and what comes of it is often missed.
const REST: SignedDuration = SignedDuration::from_secs(1);

/// Begins a command, or attaches when there is none.
pub(super) fn begin(kubelet: &Kubelet, pod: &Object, command: Command) -> Result<Session> {
    let name = &command.container;
    let gone = || Status::unclassified(500, format!("container not found ({name:?})"));
    let run = kubelet.running(pod, name).ok_or_else(gone)?;
    let runtime = kubelet.kubelets.runtime.clone();
    let clock = kubelet.context.client.clock();
    let (say, said) = mpsc::channel(WAITING);
    let (tell, hear) = mpsc::channel(WAITING);
    let begun = match command.words.as_slice() {
        [] => Ok(Sandbox::attach(&run, command.stdin)),
        words => {
            let now = clock.now();
            let begin = |sandbox: &mut Sandbox| sandbox.begin(&run, words, (command.stdin, command.tty));
            runtime.with(meta::uid(pod), (now, now), begin)
        }
    };
    match begun {
        Ok(process) => {
            let place = Place { runtime, uid: meta::uid(pod).to_owned(), key: key(pod), clock };
            let changes = run.engine.changes();
            tokio::spawn(Conversation { place, process, changes, tell }.carry(said));
        }
        Err(why) => {
            let why = not_started(&[meta::uid(pod), name, &clock.now().to_string()], &why);
            let status = Status::internal(format!("error executing command in container: {why}"));
            // There is room: nothing was told yet.
            let _ = tell.try_send(Heard::Failed(Status::internal(status)));
        }
    }
    Ok(Session { say, hear })
}

/// What the runtime says of a command that it cannot start beside a container; `of` tells this try from others.
pub(super) fn not_started(of: &[&str], why: &str) -> String {
    format!("failed to exec in container: failed to start exec {:?}: {why}: unknown", hash(of))
}

/// Where a process is, and what time it is there.
struct Place {
    runtime: Arc<Runtime>,
    uid: String,
    key: Key,
    clock: Clock,
}

/// A process, and somebody beside it.
struct Conversation {
    place: Place,
    process: Process,
    changes: watch::Receiver<u64>,
    tell: mpsc::Sender<Heard>,
}

/// What a conversation waits for.
enum Turn {
    Said(Option<Said>),
    Gone,
    Look,
}

impl Conversation {
    /// Goes on until the process has ended or nobody listens.
    async fn carry(mut self, said: mpsc::Receiver<Said>) {
        let (mut said, mut over) = (Some(said), None);
        loop {
            self.changes.borrow_and_update();
            let Some(next) = self.place.look() else { return };
            let is_over = over.is_some_and(|over| self.place.clock.now() >= over);
            let ended = self.process.code().or(is_over.then_some(0));
            if !self.pass_on().await {
                return self.abandon();
            }
            if let Some(code) = ended {
                // Nobody listens any more, perhaps; then it is over as well.
                let _ = self.tell.send(Heard::Ended(code)).await;
                return;
            }
            let next = over.into_iter().chain(next).min();
            match self.wait(&mut said, next).await {
                Turn::Look => {}
                Turn::Gone => return self.abandon(),
                Turn::Said(Some(Said::Bytes(bytes))) => self.process.feed(&bytes),
                Turn::Said(Some(Said::Size(..))) => self.process.resize(),
                Turn::Said(Some(Said::End) | None) => {
                    said = None;
                    over = self.process.close_input().then(|| self.place.clock.now() + REST);
                }
            }
        }
    }

    async fn wait(&mut self, said: &mut Option<mpsc::Receiver<Said>>, next: Option<Timestamp>) -> Turn {
        let clock = self.place.clock;
        let timer = async {
            match next {
                Some(then) => clock.sleep_until(then).await,
                None => std::future::pending().await,
            }
        };
        let heard = async {
            match said {
                Some(said) => said.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.tell.closed() => Turn::Gone,
            said = heard => Turn::Said(said),
            _ = self.changes.changed() => Turn::Look,
            () = timer => Turn::Look,
        }
    }

    /// Tells what was written; false when nobody listens.
    async fn pass_on(&self) -> bool {
        for (stream, bytes) in self.process.written.take() {
            for part in bytes.chunks(LARGEST).map(Bytes::copy_from_slice) {
                let heard = if stream == Stream::Output { Heard::Output(part) } else { Heard::Errors(part) };
                if self.tell.send(heard).await.is_err() {
                    return false;
                }
            }
        }
        true
    }

    fn abandon(mut self) {
        self.process.abandon();
        self.place.look();
    }
}

impl Place {
    /// Lets what runs there go on until now; when something will happen by itself, or `None` when the Pod is gone.
    fn look(&self) -> Option<Option<Timestamp>> {
        let now = self.clock.now();
        self.runtime.look(&self.uid, |sandbox| {
            sandbox.run_until(now);
            sandbox.next_wake()
        })
    }
}

impl Drop for Place {
    /// A command may have ended its container: its kubelet looks.
    fn drop(&mut self) {
        self.runtime.wakes.push(self.key.clone());
    }
}
