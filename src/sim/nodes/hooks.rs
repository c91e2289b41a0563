//! Lifecycle hooks: what is done right after a container has started, and before it is told to end.
//! When that is, is the kubelet's. Source: `pkg/kubelet/lifecycle/handlers.go`.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::kubelet::{Kubelets, Sync};
use super::process::container::Container;
use super::process::sandbox::Process;
use super::stop::LONGEST_HOOK;
use super::{asking, runs};
use crate::object::meta;

/// The hook of a run that has just started, which takes its time.
pub struct Begun {
    pub run: Arc<Container>,
    way: Way,
}

enum Way {
    Command(Process),
    /// It is done then.
    Until(Timestamp),
    Failed,
}

impl Begun {
    /// Whether it succeeded, once it is over.
    pub fn succeeded(&self, sync: &mut Sync) -> Option<bool> {
        match &self.way {
            Way::Failed => Some(false),
            Way::Until(then) if sync.now >= *then => Some(true),
            Way::Until(then) => {
                sync.wake_at(*then);
                self.run.end().map(|_| false)
            }
            Way::Command(process) => {
                // Nobody reads what it says; it must not wait for that.
                drop(process.written.take());
                process.code().map(|code| code == 0)
            }
        }
    }
}

/// Begins the hook of a run that has just started; `None` when there is no such run.
pub fn begin(kubelets: &Kubelets, sync: &Sync, (id, of): (&str, &Value), hook: &Value) -> Option<Begun> {
    let run = runs::with_sandbox(kubelets, sync, |sandbox| sandbox.run(id))?;
    let way = match hook.get("exec") {
        Some(exec) if run.end().is_none() => {
            let words = command(exec);
            let begun = runs::with_sandbox(kubelets, sync, |sandbox| sandbox.begin(&run, &words, (false, false)));
            begun.map_or(Way::Failed, Way::Command)
        }
        Some(_) => Way::Failed,
        None => spend(kubelets, sync, (id, of), hook).map_or(Way::Failed, |took| Way::Until(after(sync.now, took))),
    };
    Some(Begun { run, way })
}

/// Runs the hook before a container's end; when the container is told to end, which is as much later as the hook takes
/// (`pkg/kubelet/kuberuntime/kuberuntime_container.go`, executePreStopHook).
pub fn before_end(kubelets: &Kubelets, sync: &Sync, (container, status): (&Value, &Value), part: &str) -> Timestamp {
    let Some(hook) = container.pointer("/lifecycle/preStop") else { return sync.now };
    match spend(kubelets, sync, (meta::text(status, "/containerID"), container), hook) {
        Some(took) => after(sync.now, took),
        None => {
            // What went wrong is not told: it might be secret.
            sync.events.record("Warning", (sync.pod, part), "FailedPreStopHook", "PreStopHook failed");
            sync.now
        }
    }
}

fn after(now: Timestamp, took: Duration) -> Timestamp {
    let took = SignedDuration::try_from(took).unwrap_or(SignedDuration::MAX);
    now.saturating_add(took).unwrap_or(Timestamp::MAX)
}

fn command(exec: &Value) -> Vec<String> {
    meta::list(exec, "/command").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Runs a hook, for which time stands still; how long it would have taken, or `None` when it failed.
fn spend(kubelets: &Kubelets, sync: &Sync, (id, of): (&str, &Value), hook: &Value) -> Option<Duration> {
    if let Some(seconds) = meta::number(hook, "/sleep/seconds") {
        return Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
    }
    if let Some(exec) = hook.get("exec") {
        let outcome = runs::with_sandbox(kubelets, sync, |sandbox| sandbox.exec(id, &command(exec)));
        return match outcome.code {
            0 => Some(outcome.took.unwrap_or(LONGEST_HOOK)),
            _ if outcome.took.is_none() => Some(LONGEST_HOOK),
            _ => None,
        };
    }
    // Whatever is answered is good.
    let answer = hook.get("httpGet").map(|http| asking::get(kubelets, sync, of, http));
    match answer {
        Some(Err(_)) => None,
        _ => Some(Duration::ZERO),
    }
}
