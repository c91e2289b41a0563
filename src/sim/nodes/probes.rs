//! Startup, liveness and readiness probes: when they are due, what they find, what follows.
//! What a process answers is its own. Source: `pkg/kubelet/prober`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::kubelet::Sync;
use super::process::Process;
use crate::object::meta;

/// What the probes mean for the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    GoOn,
    /// Liveness or startup failed too often.
    Kill,
}

/// Looks at every probe of a running container that is due.
pub fn look(sync: &mut Sync, container: &Value, status: &mut Value, process: &Process) -> Verdict {
    let Ok(started) = meta::text(status, "/state/running/startedAt").parse::<Timestamp>() else { return Verdict::GoOn };
    let up = container.get("startupProbe").is_none() || meta::truth(status, "/started");
    if !up {
        return match probe(sync, (container, "startupProbe"), process, started) {
            Some(true) => {
                status["started"] = json!(true);
                status["ready"] = json!(container.get("readinessProbe").is_none());
                sync.wake_after(Duration::from_millis(1));
                Verdict::GoOn
            }
            Some(false) => kill(sync, container),
            None => Verdict::GoOn,
        };
    }
    if container.get("readinessProbe").is_some()
        && let Some(ready) = probe(sync, (container, "readinessProbe"), process, started)
    {
        status["ready"] = json!(ready);
    }
    if container.get("livenessProbe").is_some()
        && probe(sync, (container, "livenessProbe"), process, started) == Some(false)
    {
        return kill(sync, container);
    }
    Verdict::GoOn
}

fn kill(sync: &mut Sync, container: &Value) -> Verdict {
    let name = meta::text(container, "/name");
    sync.memory.failures.retain(|(of, _), _| of != name);
    sync.memory.due.retain(|(of, _), _| of != name);
    Verdict::Kill
}

/// Runs a probe if it is due; its outcome once a threshold is reached.
fn probe(
    sync: &mut Sync,
    (container, kind): (&Value, &'static str),
    process: &Process,
    started: Timestamp,
) -> Option<bool> {
    let spec = &container[kind];
    let seconds = |key: &str, default: i64| SignedDuration::from_secs(meta::number(spec, key).unwrap_or(default));
    let key = (meta::text(container, "/name").to_owned(), kind);
    let first = started + seconds("/initialDelaySeconds", 0);
    let due = sync.memory.due.get(&key).copied().filter(|due| *due >= first).unwrap_or(first);
    if sync.now < due {
        sync.wake_at(due);
        return None;
    }
    let next = sync.now + seconds("/periodSeconds", 10);
    sync.memory.due.insert(key.clone(), next);
    sync.wake_at(next);
    let Err(why) = ask(sync, container, spec, (process, started)) else {
        sync.memory.failures.remove(&key);
        return Some(true);
    };
    let word = match kind {
        "startupProbe" => "Startup",
        "readinessProbe" => "Readiness",
        _ => "Liveness",
    };
    let part = format!("spec.containers{{{}}}", key.0);
    sync.events.record("Warning", (sync.pod, &part), "Unhealthy", &format!("{word} probe failed: {why}"));
    let failures = sync.memory.failures.entry(key).or_default();
    *failures += 1;
    let enough = i64::from(*failures) >= meta::number(spec, "/failureThreshold").unwrap_or(3);
    enough.then_some(false)
}

/// A port by number or by the container's name for it.
fn port(container: &Value, wanted: &Value) -> u16 {
    let number = match wanted {
        Value::String(name) => meta::list(container, "/ports")
            .iter()
            .find(|port| meta::text(port, "/name") == name)
            .and_then(|port| meta::number(port, "/containerPort"))
            .or_else(|| name.parse().ok()),
        other => other.as_i64(),
    };
    number.and_then(|number| u16::try_from(number).ok()).unwrap_or_default()
}

fn ask(sync: &Sync, container: &Value, spec: &Value, (process, started): (&Process, Timestamp)) -> Result<(), String> {
    let running = Duration::try_from(sync.now.duration_since(started)).unwrap_or_default();
    let address = meta::text(&sync.status, "/podIP");
    let refused = |port: u16| format!("dial tcp {address}:{port}: connect: connection refused");
    if let Some(http) = spec.get("httpGet") {
        let port = port(container, &http["port"]);
        let path = Some(meta::text(http, "/path")).filter(|path| !path.is_empty()).unwrap_or("/");
        let scheme = meta::text(http, "/scheme").to_lowercase();
        let scheme = if scheme.is_empty() { "http" } else { &scheme };
        if !process.listens(port) {
            return Err(format!("Get \"{scheme}://{address}:{port}{path}\": {}", refused(port)));
        }
        return match process.http(port, path) {
            200..400 => Ok(()),
            code => Err(format!("HTTP probe failed with statuscode: {code}")),
        };
    }
    for kind in ["tcpSocket", "grpc"] {
        if let Some(socket) = spec.get(kind) {
            let port = port(container, &socket["port"]);
            return if process.listens(port) { Ok(()) } else { Err(refused(port)) };
        }
    }
    let command: Vec<String> =
        meta::list(spec, "/exec/command").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let outcome = process.exec(&command, running);
    if outcome.code == 0 { Ok(()) } else { Err(outcome.output.trim_end().to_owned()) }
}
