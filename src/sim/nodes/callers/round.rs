//! One turn of a program that lives by the API server: it tries, waits for its lease, works, or loses what it had.
//! The words and pauses are those of kube-scheduler, kube-controller-manager and kube-proxy 1.35.4, run without an API server, with
//! one they cannot find, and with one that does not believe them.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::caller::{Caller, Calls, Standing, Told};
use super::election;
use super::rights::{LISTED, lease_refused, unlisted};
use crate::sim::apiserver::auth::User;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::endpoints::uuid;
use crate::sim::nodes::components::settings::Lease;
use crate::sim::nodes::runtime::Runtime;
use crate::sim::nodes::startup::access::Access;
use crate::sim::nodes::startup::klog;

/// How soon one that leads tries to renew its lease again, and for how long; how soon one that waits looks again.
const RETRY: SignedDuration = SignedDuration::from_secs(2);
const RENEW: SignedDuration = SignedDuration::from_secs(10);
const LOOK: SignedDuration = SignedDuration::from_secs(3);
/// The longest pause between two attempts to list.
const LONGEST: i64 = 45;

/// What comes of a turn.
#[derive(Debug, Default, PartialEq)]
pub struct Turn {
    pub lines: Vec<String>,
    /// The code it ends with, if it does.
    pub ends: Option<i32>,
    /// The ports it opens, where these are not its image's.
    pub opens: Option<Vec<u16>>,
}

/// Where and when turns are taken.
pub struct Round<'a> {
    pub client: &'a Client,
    pub runtime: &'a Runtime,
    pub now: Timestamp,
    /// The names by which leases know those who lead.
    pub leaders: HashSet<String>,
}

impl<'a> Round<'a> {
    /// One at which the leaders of now are known.
    pub fn new((client, runtime): (&'a Client, &'a Runtime), now: Timestamp) -> Self {
        let leads = |caller: Caller| (caller.standing == Standing::Works).then_some(caller.identity);
        let leaders = runtime.callers.all().into_iter().filter_map(|(_, caller)| leads(caller)).collect();
        Self { client, runtime, now, leaders }
    }

    fn line(&self, level: char, place: &str, text: &str) -> String {
        klog(level, (self.now, 1), place, text)
    }

    fn told(&self, lines: &[Told]) -> Vec<String> {
        lines.iter().map(|(place, text)| self.line('I', place, text)).collect()
    }

    /// The first turn of one that starts: as it stands, and what it says.
    pub fn begin(mut self, calls: Calls) -> (Caller, Vec<String>) {
        // What was known of its Pod is itself.
        for (_, known) in self.runtime.callers.all().into_iter().filter(|(_, known)| known.calls.pod == calls.pod) {
            self.leaders.remove(&known.identity);
        }
        let identity = format!("{}_{}", calls.hostname, uuid());
        let (standing, now) = (Standing::Seeking, self.now);
        let mut caller = Caller { calls: Arc::new(calls), identity, standing, failures: 0, due: now, since: now };
        let lines = match self.seeks(&mut caller) {
            Ok(()) => self.reached(&mut caller, true),
            Err(lines) => lines,
        };
        (caller, lines)
    }

    /// The turn of one that runs.
    pub fn turn(&self, caller: &mut Caller) -> Turn {
        match caller.standing.clone() {
            Standing::Seeking => {
                let due = caller.due <= self.now;
                let mut tried = caller.clone();
                match self.seeks(&mut tried) {
                    Ok(()) => {
                        *caller = tried;
                        let mut turn = Turn { lines: self.reached(caller, false), ..Turn::default() };
                        if let Some(proxy) = &caller.calls.proxy {
                            let works = proxy.works(self.client, self.now);
                            turn.lines.extend(works.lines.into_iter().chain(works.last));
                            turn.opens = works.ports;
                        }
                        turn
                    }
                    Err(lines) if due => {
                        *caller = tried;
                        Turn { lines, ..Turn::default() }
                    }
                    Err(_) => Turn::default(),
                }
            }
            Standing::Waiting(_) => Turn { lines: self.waits(caller), ..Turn::default() },
            Standing::Works => match self.interrupted(&caller.calls) {
                None => Turn::default(),
                Some(_) => {
                    caller.standing = Standing::Cut(self.now);
                    caller.due = self.now;
                    self.renews(caller, self.now)
                }
            },
            Standing::Cut(since) => self.renews(caller, since),
            Standing::Gone => Turn::default(),
        }
    }

    /// Whether one who worked is not heard any more: what was found once is not looked for again.
    fn interrupted(&self, calls: &Calls) -> Option<String> {
        if !self.runtime.is_served() {
            return self.fault(calls);
        }
        let user = self.user(calls)?;
        match (user, &calls.lease) {
            (Err(why), _) => Some(why),
            (Ok(user), Some(lease)) => lease_refused(self.client, &user, lease).map(|(_, why)| why),
            (Ok(_), None) => None,
        }
    }

    /// Why nothing it says reaches the API server, or is believed there.
    pub fn fault(&self, calls: &Calls) -> Option<String> {
        let machines = self.runtime.machines()?;
        let machine = machines.get(&calls.node)?;
        let access = access_of(calls);
        let reach = calls.access.as_ref().and_then(|access| access.reach(machines, &machine));
        let refused = || (!self.runtime.is_served()).then(|| access.refused(machines, &machine));
        reach.or_else(refused).or_else(|| self.user(calls)?.err())
    }

    /// As whom it is known; nothing on a machine nobody went into.
    fn user(&self, calls: &Calls) -> Option<Result<User, String>> {
        let machines = self.runtime.machines()?;
        calls.access.as_ref().map(|access| access.user(machines, self.client))
    }

    /// One that has not come through tries; what it says when it does not.
    fn seeks(&self, caller: &mut Caller) -> Result<(), Vec<String>> {
        let calls = caller.calls.clone();
        let fault = self.fault(&calls);
        let lines = match (calls.program, fault) {
            ("kube-controller-manager", Some(why)) => vec![self.lost(&calls, "Get", &why)],
            ("kube-controller-manager", None) => Vec::new(),
            ("kube-proxy", Some(why)) => {
                let name = calls.proxy.as_ref().map_or("", |proxy| &proxy.name);
                let query = format!("fieldSelector=metadata.name%3D{name}&");
                vec![self.unwatched(&calls, ("", "nodes", "*v1.Node"), (&query, &why))]
            }
            (_, Some(why)) => LISTED.iter().map(|kind| self.unwatched(&calls, *kind, (filter(kind.1), &why))).collect(),
            (_, None) => self.unlisted(&calls),
        };
        if lines.is_empty() {
            caller.failures = 0;
            return Ok(());
        }
        let pause = match calls.program {
            "kube-controller-manager" => LOOK,
            _ => SignedDuration::from_secs((3_i64 << caller.failures.min(10)).saturating_div(2).min(LONGEST)),
        };
        caller.failures += 1;
        caller.due = self.after(pause);
        // What refuses connections is tried again in silence.
        Err(lines.into_iter().filter(|line| !line.is_empty()).collect())
    }

    fn unlisted(&self, calls: &Calls) -> Vec<String> {
        let Some(Ok(user)) = self.user(calls).filter(|_| calls.program == "kube-scheduler") else { return Vec::new() };
        let missing = unlisted(self.client, &user).into_iter();
        missing.map(|(kind, why)| self.watch_failed(kind, &format!("failed to list {kind}: {why}"))).collect()
    }

    /// What is said of a list that was not come by; nothing of a connection that was refused.
    fn unwatched(
        &self,
        calls: &Calls,
        (group, resource, kind): (&str, &str, &str),
        (query, why): (&str, &str),
    ) -> String {
        if why.ends_with("connection refused") {
            return String::new();
        }
        let base = if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}/v1") };
        let server = access_of(calls).server;
        let server = server.trim_end_matches('/');
        let asked = format!("Get \"{server}{base}/{resource}?{query}limit=500&resourceVersion=0\": {why}");
        let why = if why == "Unauthorized" { why } else { &asked };
        self.watch_failed(kind, &format!("failed to list {kind}: {why}"))
    }

    fn watch_failed(&self, kind: &str, why: &str) -> String {
        let text = format!(
            "\"Failed to watch\" err={why:?} logger=\"UnhandledError\" reflector=\"k8s.io/client-go/informers/factory.go:161\" type={kind:?}"
        );
        self.line('E', "reflector.go:204", &text)
    }

    /// One that has come through, at once or later on: it works, or waits for its lease.
    fn reached(&self, caller: &mut Caller, at_once: bool) -> Vec<String> {
        let calls = caller.calls.clone();
        let mut lines = self.told(&calls.reached);
        if calls.lease.is_none() || at_once && election::takes_up(self.client, caller, &self.leaders) {
            lines.extend(self.begins_to_work(caller));
        } else {
            (caller.standing, caller.due) = (Standing::Waiting(None), self.now);
        }
        lines
    }

    fn begins_to_work(&self, caller: &mut Caller) -> Vec<String> {
        let calls = caller.calls.clone();
        (caller.standing, caller.failures) = (Standing::Works, 0);
        caller.due = self.expires(&calls).unwrap_or(Timestamp::MAX);
        let acquired = calls.lease.as_ref().map(|lease| {
            let text = format!("\"Successfully acquired lease\" lock=\"{}/{}\"", lease.namespace, lease.name);
            self.line('I', "leaderelection.go:272", &text)
        });
        acquired.into_iter().chain(self.told(&calls.works)).collect()
    }

    /// When its client certificate is believed no more.
    fn expires(&self, calls: &Calls) -> Option<Timestamp> {
        let end = calls.access.as_ref()?.client_expires(self.runtime.machines()?)?;
        let moment = SignedDuration::from_secs(1);
        (end > self.now).then(|| end.saturating_add(moment).unwrap_or(Timestamp::MAX))
    }

    fn waits(&self, caller: &mut Caller) -> Vec<String> {
        let calls = caller.calls.clone();
        let due = caller.due <= self.now;
        if due {
            caller.due = self.after(LOOK);
        }
        if let Some(why) = self.fault(&calls) {
            return if due { vec![self.lost(&calls, "Get", &why)] } else { Vec::new() };
        }
        if let (Some(Ok(user)), Some(lease)) = (self.user(&calls), &calls.lease)
            && let Some((what, why)) = lease_refused(self.client, &user, lease)
        {
            return if due { vec![self.lock(&calls, what, ("leaderelection.go:452", &why))] } else { Vec::new() };
        }
        if election::takes(self.client, caller, &self.leaders) { self.begins_to_work(caller) } else { Vec::new() }
    }

    /// One that worked and is cut off: who leads tries to renew its lease, and ends when that takes too long; others go on.
    fn renews(&self, caller: &mut Caller, since: Timestamp) -> Turn {
        let calls = caller.calls.clone();
        // What is not connected any more has to be found again.
        let fault = self.fault(&calls).or_else(|| self.interrupted(&calls));
        let Some(why) = fault else {
            caller.standing = Standing::Works;
            caller.due = self.expires(&calls).unwrap_or(Timestamp::MAX);
            return Turn::default();
        };
        if calls.lease.is_none() {
            caller.due = self.after(LOOK);
            return Turn::default();
        }
        if self.now.duration_since(since) >= RENEW {
            caller.standing = Standing::Gone;
            return Turn { lines: self.loses(&calls, &why), ends: Some(1), opens: None };
        }
        if caller.due > self.now {
            return Turn::default();
        }
        caller.due = self.after(RETRY);
        let slow = "Failed to update lease optimistically, falling back to slow path";
        let put = self.lock(&calls, slow, ("leaderelection.go:445", &self.asked(&calls, "Put", &why)));
        Turn { lines: vec![put, self.lost(&calls, "Get", &why)], ..Turn::default() }
    }

    /// The last words of one that has lost its lease.
    fn loses(&self, calls: &Calls, why: &str) -> Vec<String> {
        let Lease { namespace, name } = self.lease(calls);
        let lock = format!("lock=\"{namespace}/{name}\"");
        let renew = format!("\"Failed to renew lease\" {lock} err=\"context deadline exceeded\"");
        let mut lines = vec![self.line('I', "leaderelection.go:299", &renew)];
        if calls.program == "kube-scheduler" {
            let err = self.asked(calls, "Get", why);
            lines.push(self.line(
                'E',
                "leaderelection.go:318",
                &format!("\"error retrieving resource lock\" err={err:?} {lock}"),
            ));
            lines.push(self.line('E', "server.go:319", "\"Leaderelection lost\""));
        } else {
            lines.push(self.line('E', "controllermanager.go:368", "\"leaderelection lost\""));
        }
        lines
    }

    fn lease(&self, calls: &Calls) -> Lease {
        calls.lease.clone().unwrap_or_else(|| Lease::usual(calls.program))
    }

    /// What is said of a lease one does not come by.
    fn lost(&self, calls: &Calls, verb: &str, why: &str) -> String {
        self.lock(calls, "Error retrieving lease lock", ("leaderelection.go:452", &self.asked(calls, verb, why)))
    }

    fn lock(&self, calls: &Calls, what: &str, (place, why): (&str, &str)) -> String {
        let Lease { namespace, name } = self.lease(calls);
        self.line('E', place, &format!("\"{what}\" err={why:?} lock=\"{namespace}/{name}\""))
    }

    /// Why a lease could not be asked for, with the question where no answer came.
    fn asked(&self, calls: &Calls, verb: &str, why: &str) -> String {
        if !why.starts_with("dial ") && !why.starts_with("tls:") && !why.starts_with("Client sent") {
            return why.to_owned();
        }
        let (server, Lease { namespace, name }) = (access_of(calls).server, self.lease(calls));
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}?timeout=5s");
        format!("{verb} \"{server}{path}\": {why}")
    }

    fn after(&self, pause: SignedDuration) -> Timestamp {
        self.now.saturating_add(pause).unwrap_or(Timestamp::MAX)
    }
}

/// What a scheduler asks for when it lists.
fn filter(resource: &str) -> &'static str {
    if resource == "pods" { "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&" } else { "" }
}

/// The way to the API server; where that was not looked up, the one kubeadm writes.
fn access_of(calls: &Calls) -> Access {
    calls
        .access
        .clone()
        .unwrap_or_else(|| Access { server: format!("https://{}:6443", calls.node), ..Access::default() })
}
