//! Gives every program that lives by the API server its turn, has happen what comes of it, and tells which schedulers work beside the
//! cluster's own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch::Sender;

use super::caller::{Caller, Standing};
use super::election;
use super::rights::unlisted;
use super::round::{Round, Turn};
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::clusterrole::CLUSTERROLE;
use crate::sim::apiserver::registry::kinds::clusterrolebinding::CLUSTERROLEBINDING;
use crate::sim::apiserver::registry::kinds::role::ROLE;
use crate::sim::apiserver::registry::kinds::rolebinding::ROLEBINDING;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::nodes::components::settings::{DEFAULT, Lease};
use crate::sim::nodes::process::container::{Container, End};
use crate::sim::nodes::process::stream::Stream;
use crate::sim::nodes::runtime::Runtime;
use crate::sim::reconciler::{Context, Key, Next, Reconciler, Watched};

/// How long one is waited for whose container has only just begun.
const BEGINNING: SignedDuration = SignedDuration::from_secs(5);

/// Looks at all of them. What a user may is found out anew with each change of RBAC.
pub struct Watching {
    pub runtime: Arc<Runtime>,
    /// Is told the names of the schedulers that work beside the cluster's own.
    pub tell: Sender<BTreeSet<String>>,
}

static WATCHES: &[Watched] = &[
    Watched { resource: &CLUSTERROLE, keys: always },
    Watched { resource: &CLUSTERROLEBINDING, keys: always },
    Watched { resource: &ROLE, keys: always },
    Watched { resource: &ROLEBINDING, keys: always },
];

fn always(_: &Context, _: &Object) -> Vec<Key> {
    vec![Key::default()]
}

impl Reconciler for Watching {
    fn name(&self) -> &'static str {
        "callers"
    }

    fn watches(&self) -> &'static [Watched] {
        WATCHES
    }

    fn pushed(&self) -> BoxFuture<'_, Key> {
        Box::pin(async {
            self.runtime.callers.changed.notified().await;
            Key::default()
        })
    }

    fn reconcile(&self, context: &Context, _: &Key) -> Result<Next> {
        let client = &context.client;
        self.part(client);
        let mut due = Timestamp::MAX;
        for (uid, mut caller) in self.runtime.callers.all() {
            // Who leads may have changed with each turn.
            let round = Round::new((client, &self.runtime), client.clock().now());
            let Some(run) = self.run(&uid, &caller).filter(|run| run.end().is_none()) else { continue };
            let turn = round.turn(&mut caller);
            if self.runtime.callers.becomes(&uid, &caller) {
                due = due.min(caller.due);
                self.happens((&uid, &caller), &run, (turn, round.now));
            }
        }
        self.tell(client);
        let now = client.clock().now();
        if due == Timestamp::MAX {
            return Ok(Next::Done);
        }
        Ok(Next::After(Duration::try_from(due.duration_since(now)).unwrap_or_default()))
    }
}

impl Watching {
    /// The run of its container, the last of its program there.
    fn run(&self, uid: &str, caller: &Caller) -> Option<Arc<Container>> {
        let runs = self.runtime.front(uid)?.all().into_iter().map(|(_, run)| run);
        runs.filter(|run| run.image.own_name() == caller.calls.program).max_by_key(|run| run.number)
    }

    /// Takes leave of those whose containers have ended. A scheduler that was asked to gives up its lease.
    fn part(&self, client: &Client) {
        let now = client.clock().now();
        for (uid, mut caller) in self.runtime.callers.all() {
            let Some(End { at, code, .. }) = self.run(&uid, &caller).and_then(|run| run.end()) else { continue };
            let begins = at <= caller.since && now.duration_since(caller.since) < BEGINNING;
            if begins || caller.standing == Standing::Gone {
                continue;
            }
            let held = caller.held().cloned();
            caller.standing = Standing::Gone;
            let known = self.runtime.callers.becomes(&uid, &caller);
            if let Some(lease) = held.filter(|_| known && code == 0 && caller.calls.program == "kube-scheduler") {
                self.release(client, &(lease, caller.identity));
            }
        }
        for given in self.runtime.callers.take_released() {
            self.release(client, &given);
        }
    }

    fn release(&self, client: &Client, given: &(Lease, String)) {
        // Nobody hears of it otherwise.
        if self.runtime.is_served() {
            election::release(client, given);
        }
    }

    /// What a turn leaves behind: lines in the log, open ports, and an end.
    fn happens(&self, (uid, caller): (&str, &Caller), run: &Container, (turn, now): (Turn, Timestamp)) {
        if turn == Turn::default() {
            return;
        }
        self.runtime.look(uid, |sandbox| {
            sandbox.run_until(now);
            for line in &turn.lines {
                run.log.write(Stream::Errors, format!("{line}\n").as_bytes(), now);
            }
            if let Some(ports) = &turn.opens {
                run.listens_only(ports);
            }
            if let Some(code) = turn.ends {
                run.finish(code, false);
            }
            sandbox.settle();
        });
        self.runtime.wakes.push(caller.calls.pod.clone());
    }

    fn tell(&self, client: &Client) {
        let served = self.runtime.is_served();
        let mut names = BTreeSet::new();
        for (uid, caller) in self.runtime.callers.all() {
            let runs = self.run(&uid, &caller).is_some_and(|run| run.end().is_none());
            if served && runs && caller.standing == Standing::Works && self.may_schedule(client, &caller) {
                names.extend(caller.calls.names.iter().filter(|name| *name != DEFAULT).cloned());
            }
        }
        self.tell.send_if_modified(|known| {
            let is_new = *known != names;
            *known = names;
            is_new
        });
    }

    /// Whether one that worked still may list what it has to.
    fn may_schedule(&self, client: &Client, caller: &Caller) -> bool {
        let user = self.runtime.machines().zip(caller.calls.access.as_ref());
        let user = user.map(|(machines, access)| access.user(machines, client));
        user.is_none_or(|user| user.is_ok_and(|user| unlisted(client, &user).is_empty()))
    }
}
