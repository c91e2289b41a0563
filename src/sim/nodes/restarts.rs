//! Whether what has ended starts again, and after which pause; and what that means for the whole Pod.
//! Starting it is `container.rs`'. Source: `pkg/kubelet/container/helpers.go`, ShouldContainerBeRestarted.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::object::meta;

/// The first pause before a crashed container starts again, doubled each time up to the longest.
const FIRST_BACKOFF: i64 = 10;
const LONGEST_BACKOFF: i64 = 300;

/// Whether an init container goes on beside the others.
pub fn is_sidecar(container: &Value) -> bool {
    meta::text(container, "/restartPolicy") == "Always"
}

/// The status of a container in one of the lists.
pub fn status_of<'a>(status: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    meta::list(status, list).iter().find(|status| meta::text(status, "/name") == name)
}

/// Whether an init container has done its part, so that the next may start.
pub fn has_done(container: &Value, status: &Value) -> bool {
    if is_sidecar(container) {
        return meta::truth(status, "/started");
    }
    status.pointer("/state/terminated/exitCode") == Some(&json!(0))
}

/// Whether every init container has done its part, so that the others may start.
pub fn init_done(pod: &Value, status: &Value) -> bool {
    meta::list(pod, "/spec/initContainers").iter().all(|container| {
        let status = status_of(status, "/initContainerStatuses", meta::text(container, "/name"));
        status.is_some_and(|status| has_done(container, status))
    })
}

/// Whether no container of the Pod runs or will run again, sidecars aside.
pub fn is_over(pod: &Value, status: &Value) -> bool {
    const LIST: &str = "containerStatuses";
    let ended = |container: &Value| {
        let status = status_of(status, "/containerStatuses", meta::text(container, "/name"))?;
        let code = meta::number(status, "/state/terminated/exitCode")?;
        Some(!restarts(pod, container, LIST, code))
    };
    let containers = meta::list(pod, "/spec/containers");
    !containers.is_empty() && containers.iter().all(|container| ended(container).unwrap_or_default())
}

/// Whether an init container failed that does not start again, so that the others never start.
pub fn init_failed(pod: &Value, status: &Value) -> bool {
    const LIST: &str = "initContainerStatuses";
    meta::list(pod, "/spec/initContainers").iter().filter(|container| !is_sidecar(container)).any(|container| {
        let status = status_of(status, "/initContainerStatuses", meta::text(container, "/name"));
        let code = status.and_then(|status| meta::number(status, "/state/terminated/exitCode"));
        code.is_some_and(|code| code != 0 && !restarts(pod, container, LIST, code))
    })
}

/// Whether a container that ended with this code starts again; `list` is that of its status.
pub fn restarts(pod: &Value, container: &Value, list: &str, code: i64) -> bool {
    let own = meta::text(container, "/restartPolicy");
    if !own.is_empty() && meta::list(container, "/restartPolicyRules").iter().any(|rule| applies(rule, code)) {
        return true;
    }
    match own {
        "Always" => return true,
        "Never" => return false,
        "OnFailure" => return code != 0,
        _ => {}
    }
    match meta::text(pod, "/spec/restartPolicy") {
        "Never" => false,
        // An init container that did its part is done.
        "Always" => list != "initContainerStatuses" || code != 0,
        _ => code != 0,
    }
}

/// Whether a rule to start again is one for this code.
fn applies(rule: &Value, code: i64) -> bool {
    let named = meta::list(rule, "/exitCodes/values").iter().any(|value| value.as_i64() == Some(code));
    match meta::text(rule, "/exitCodes/operator") {
        "In" => named,
        "NotIn" => !named,
        _ => false,
    }
}

/// Whether a container starts again that is ended although it should run; rules speak of exit codes, which there are none of yet
/// (`pkg/kubelet/kuberuntime/kuberuntime_manager.go`, computePodActions).
pub fn restarts_when_killed(pod: &Value, container: &Value) -> bool {
    match meta::text(container, "/restartPolicy") {
        "" => meta::text(pod, "/spec/restartPolicy") != "Never",
        own => own != "Never",
    }
}

/// Whether another container of the Pod than this one runs, or will.
pub fn goes_on_without(pod: &Value, status: &Value, name: &str) -> bool {
    const LIST: &str = "containerStatuses";
    let others = meta::list(pod, "/spec/containers").iter().filter(|container| meta::text(container, "/name") != name);
    let mut codes = others.map(|container| {
        let status = status_of(status, "/containerStatuses", meta::text(container, "/name"));
        (container, status.and_then(|status| meta::number(status, "/state/terminated/exitCode")))
    });
    codes.any(|(container, code)| code.is_none_or(|code| restarts(pod, container, LIST, code)))
}

/// How long a container waits that has started again so often.
pub fn backoff(restarts: i64) -> SignedDuration {
    let doublings = u32::try_from(restarts.clamp(1, 10) - 1).unwrap_or_default();
    SignedDuration::from_secs((FIRST_BACKOFF << doublings).min(LONGEST_BACKOFF))
}

/// A duration as Go prints it: `10s`, `1m20s`.
pub fn spoken(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}
