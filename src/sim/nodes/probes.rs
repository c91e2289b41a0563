//! Startup, liveness and readiness probes: when they are due, what they find, what follows.
//! What a process answers is its own. Source: `pkg/kubelet/prober`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::kubelet::{Kubelets, Sync};
use super::statuses::part;
use super::{asking, runs, session};
use crate::object::meta;

/// What the probes mean for the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    GoOn,
    /// A probe of this name failed too often; so many seconds the container has to end by itself.
    Kill(&'static str, i64),
}

/// Looks at every probe of a running container that is due; `list` is that of its status.
pub fn look(kubelets: &Kubelets, sync: &mut Sync, (container, list): (&Value, &str), status: &mut Value) -> Verdict {
    if rests(kubelets, sync) {
        status["started"] = json!(true);
        status["ready"] = json!(true);
        return Verdict::GoOn;
    }
    let Ok(started) = meta::text(status, "/state/running/startedAt").parse::<Timestamp>() else { return Verdict::GoOn };
    let id = meta::text(status, "/containerID").to_owned();
    let probe = |sync: &mut Sync, kind| Probe { kubelets, container, list, kind, id: &id }.run(sync, started);
    let up = container.get("startupProbe").is_none() || meta::truth(status, "/started");
    if !up {
        return match probe(sync, "startupProbe") {
            Some(true) => {
                status["started"] = json!(true);
                status["ready"] = json!(container.get("readinessProbe").is_none());
                sync.wake_after(Duration::from_millis(1));
                Verdict::GoOn
            }
            Some(false) => kill(sync, container, "startupProbe"),
            None => Verdict::GoOn,
        };
    }
    if container.get("readinessProbe").is_some()
        && let Some(ready) = probe(sync, "readinessProbe")
    {
        status["ready"] = json!(ready);
    }
    if container.get("livenessProbe").is_some() && probe(sync, "livenessProbe") == Some(false) {
        return kill(sync, container, "livenessProbe");
    }
    Verdict::GoOn
}

/// Whether a Pod is one a machine was born with that nobody went into since: it has long been up, and nothing can befall it.
pub fn rests(kubelets: &Kubelets, sync: &Sync) -> bool {
    super::static_pods::is_mirror(sync.pod) && kubelets.runtime.laid(sync.node()).is_none()
}

fn kill(sync: &mut Sync, container: &Value, kind: &'static str) -> Verdict {
    let name = meta::text(container, "/name");
    sync.memory.failures.retain(|(of, _), _| of != name);
    sync.memory.successes.retain(|(of, _), _| of != name);
    sync.memory.due.retain(|(of, _), _| of != name);
    let own = meta::number(container, &format!("/{kind}/terminationGracePeriodSeconds"));
    let grace = own.or_else(|| meta::number(sync.pod, "/spec/terminationGracePeriodSeconds")).unwrap_or(30);
    Verdict::Kill(if kind == "startupProbe" { "startup" } else { "liveness" }, grace)
}

/// Why a probe did not succeed.
enum Fault {
    /// The container is not as it should be.
    Failed(String),
    /// It could not be asked, which says nothing about it (`pkg/kubelet/prober/worker.go`, doProbe).
    Errored(String),
}

/// One probe of one run.
struct Probe<'a> {
    kubelets: &'a Kubelets,
    container: &'a Value,
    /// The list its container's status is in.
    list: &'a str,
    kind: &'static str,
    id: &'a str,
}

impl Probe<'_> {
    /// Asks if it is time to; the outcome once a threshold is reached.
    fn run(&self, sync: &mut Sync, started: Timestamp) -> Option<bool> {
        let spec = &self.container[self.kind];
        let number = |key: &str, default: i64| meta::number(spec, key).unwrap_or(default);
        let seconds = |key: &str, default: i64| SignedDuration::from_secs(number(key, default));
        let key = (meta::text(self.container, "/name").to_owned(), self.kind);
        let first = started + seconds("/initialDelaySeconds", 0);
        let due = sync.memory.due.get(&key).copied().filter(|due| *due >= first).unwrap_or(first);
        if sync.now < due {
            sync.wake_at(due);
            return None;
        }
        let next = sync.now + seconds("/periodSeconds", 10);
        sync.memory.due.insert(key.clone(), next);
        sync.wake_at(next);
        let Err(fault) = self.ask(sync, spec, number("/timeoutSeconds", 1)) else {
            sync.memory.failures.remove(&key);
            let successes = sync.memory.successes.entry(key).or_default();
            *successes += 1;
            return (i64::from(*successes) >= number("/successThreshold", 1)).then_some(true);
        };
        let word = match self.kind {
            "startupProbe" => "Startup",
            "readinessProbe" => "Readiness",
            _ => "Liveness",
        };
        let part = part(self.list, self.container);
        let told = match &fault {
            Fault::Failed(why) => format!("{word} probe failed: {why}"),
            Fault::Errored(why) => format!("{word} probe errored and resulted in unknown state: {why}"),
        };
        sync.events.record("Warning", (sync.pod, &part), "Unhealthy", &told);
        if matches!(fault, Fault::Errored(_)) {
            return None;
        }
        sync.memory.successes.remove(&key);
        let failures = sync.memory.failures.entry(key).or_default();
        *failures += 1;
        (i64::from(*failures) >= number("/failureThreshold", 3)).then_some(false)
    }

    fn ask(&self, sync: &Sync, spec: &Value, timeout: i64) -> Result<(), Fault> {
        let address = meta::text(&sync.status, "/podIP");
        if let Some(http) = spec.get("httpGet") {
            port(self.container, &http["port"]).map_err(Fault::Errored)?;
            let reply = asking::get(self.kubelets, sync, self.container, http).map_err(Fault::Failed)?;
            return match reply.status {
                200..400 => Ok(()),
                status => Err(Fault::Failed(format!("HTTP probe failed with statuscode: {status}"))),
            };
        }
        if let Some(socket) = spec.get("tcpSocket") {
            port(self.container, &socket["port"]).map_err(Fault::Errored)?;
            return asking::knock(self.kubelets, sync, self.container, socket).map_err(Fault::Failed);
        }
        if let Some(grpc) = spec.get("grpc") {
            let port = port(self.container, &grpc["port"]).map_err(Fault::Errored)?;
            let why =
                format!("timeout: failed to connect service \"{address}:{port}\" within 1s: context deadline exceeded");
            let service = meta::text(grpc, "/service");
            let told = runs::with_sandbox(self.kubelets, sync, |sandbox| sandbox.front().health(port, service));
            return told.unwrap_or(Err(why)).map_err(Fault::Failed);
        }
        let command: Vec<String> =
            meta::list(spec, "/exec/command").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let outcome = runs::with_sandbox(self.kubelets, sync, |sandbox| sandbox.exec(self.id, &command));
        if !outcome.began {
            let why = session::not_started(&[self.id, self.kind, &sync.now.to_string()], &outcome.output);
            return Err(Fault::Errored(format!("rpc error: code = Unknown desc = {why}")));
        }
        let limit = Duration::from_secs(u64::try_from(timeout).unwrap_or(1));
        if outcome.took.is_none_or(|took| took > limit) {
            let words = command.join(" ");
            return Err(Fault::Failed(format!("command timed out: {words:?} timed out after {timeout}s")));
        }
        if outcome.code == 0 { Ok(()) } else { Err(Fault::Failed(outcome.output)) }
    }
}

/// A port by number or by the container's name for it; else why there is none, in Go's words (`pkg/probe/util.go`, ResolveContainerPort).
pub fn port(container: &Value, wanted: &Value) -> Result<u16, String> {
    let number: i64 = match wanted {
        Value::String(name) => {
            let named = meta::list(container, "/ports").iter().find(|port| meta::text(port, "/name") == name);
            match named.and_then(|port| meta::number(port, "/containerPort")) {
                Some(number) => number,
                None => name.parse::<i64>().map_err(|_| format!("strconv.Atoi: parsing {name:?}: invalid syntax"))?,
            }
        }
        other => other.as_i64().unwrap_or_default(),
    };
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("invalid port number: {number}"))
}
