//! Lifecycle hooks: what is done right after a container has started, and before it is told to end.
//! When that is, is the kubelet's. Source: `pkg/kubelet/lifecycle/handlers.go`.

use std::time::Duration;

use serde_json::Value;

use super::kubelet::{Kubelets, Sync};
use super::stop::LONGEST_HOOK;
use super::{asking, runs};
use crate::object::meta;

/// Runs a hook of a run; how long it takes, or why it failed in the kubelet's words.
pub fn run(kubelets: &Kubelets, sync: &Sync, (id, of): (&str, &Value), hook: &Value) -> Result<Duration, String> {
    if let Some(seconds) = meta::number(hook, "/sleep/seconds") {
        return Ok(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
    }
    if let Some(exec) = hook.get("exec") {
        let command: Vec<String> =
            meta::list(exec, "/command").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let outcome = runs::with_sandbox(kubelets, sync, |sandbox| sandbox.exec(id, &command));
        return match outcome.code {
            0 => Ok(outcome.took.unwrap_or(LONGEST_HOOK)),
            _ if outcome.took.is_none() => Ok(LONGEST_HOOK),
            code => Err(format!(
                "command '{}' exited with {code}: {}, message: {:?}",
                command.join(" "),
                outcome.output,
                outcome.output
            )),
        };
    }
    if let Some(http) = hook.get("httpGet") {
        let reply = asking::get(kubelets, sync, of, http)?;
        let path = meta::text(http, "/path");
        if reply.status >= 400 {
            return Err(format!("HTTP lifecycle hook ({path}) failed with statuscode: {}", reply.status));
        }
    }
    Ok(Duration::ZERO)
}
