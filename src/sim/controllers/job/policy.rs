//! What a Job's own rules make of its Pods: `podFailurePolicy` and `successPolicy`.
//! Source: `pkg/controller/job/pod_failure_policy.go` and `success_policy.go`.

use serde_json::Value;

use super::indexes::{self, Indexes};
use crate::object::meta;

/// What a failure means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It counts against the limit.
    Counts,
    /// It does not count.
    Ignored,
    /// It counts, and the index is not tried again.
    FailsIndex,
    /// The whole Job fails, for this reason.
    FailsJob(String),
}

/// What the Job's `podFailurePolicy` says of a failed Pod.
pub fn of_failure(job: &Value, pod: &Value) -> Failure {
    for (index, rule) in meta::list(job, "/spec/podFailurePolicy/rules").iter().enumerate() {
        let by_code = rule.get("onExitCodes").map(|wanted| exit_code(pod, wanted).map(|(name, code)| {
            let (namespace, pod) = (meta::namespace(pod), meta::name(pod));
            format!("Container {name} for pod {namespace}/{pod} failed with exit code {code} matching FailJob rule at index {index}")
        }));
        let matched = by_code.unwrap_or_else(|| {
            condition(pod, rule).map(|kind| {
                let (namespace, pod) = (meta::namespace(pod), meta::name(pod));
                format!("Pod {namespace}/{pod} has condition {kind} matching FailJob rule at index {index}")
            })
        });
        if let Some(message) = matched {
            return match meta::text(rule, "/action") {
                "Ignore" => Failure::Ignored,
                "FailIndex" => Failure::FailsIndex,
                "FailJob" => Failure::FailsJob(message),
                _ => Failure::Counts,
            };
        }
    }
    Failure::Counts
}

/// Name and exit code of the first container that ended as `wanted` says.
fn exit_code<'a>(pod: &'a Value, wanted: &Value) -> Option<(&'a str, i64)> {
    let only = meta::text(wanted, "/containerName");
    let statuses = ["/status/containerStatuses", "/status/initContainerStatuses"];
    let mut ended = statuses
        .into_iter()
        .flat_map(|list| meta::list(pod, list))
        .filter_map(|status| Some((meta::text(status, "/name"), meta::number(status, "/state/terminated/exitCode")?)));
    ended.find(|(name, code)| {
        let is_listed = meta::list(wanted, "/values").iter().any(|value| value.as_i64() == Some(*code));
        *code != 0 && (only.is_empty() || only == *name) && is_listed == (meta::text(wanted, "/operator") == "In")
    })
}

fn condition<'a>(pod: &'a Value, rule: &Value) -> Option<&'a str> {
    let wanted = meta::list(rule, "/onPodConditions");
    let found = meta::list(pod, "/status/conditions").iter().find(|condition| {
        wanted.iter().any(|wanted| wanted["type"] == condition["type"] && wanted["status"] == condition["status"])
    });
    found.map(|condition| meta::text(condition, "/type"))
}

/// The message of the rule of the Job's `successPolicy` that these succeeded indexes meet.
pub fn success(job: &Value, succeeded: &Indexes, completions: i64) -> Option<String> {
    let meets = |rule: &Value| {
        let count = meta::number(rule, "/succeededCount").and_then(|count| usize::try_from(count).ok());
        let has_count = |found: usize| count.is_some_and(|count| found >= count);
        match rule.get("succeededIndexes").and_then(Value::as_str) {
            None => has_count(succeeded.len()),
            Some(text) => {
                let wanted = indexes::parse(text, completions);
                let found = wanted.intersection(succeeded).count();
                !wanted.is_empty() && (found == wanted.len() || has_count(found))
            }
        }
    };
    if succeeded.is_empty() {
        return None;
    }
    let rule = meta::list(job, "/spec/successPolicy/rules").iter().position(meets)?;
    Some(format!("Matched rules at index {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn exit_codes_decide_what_a_failure_means() {
        let job = json!({"spec": {"podFailurePolicy": {"rules": [
            {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]}}});
        let pod = |code: i64, disrupted: &str| {
            json!({"metadata": {"name": "p", "namespace": "n"}, "status": {
                "containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": code}}}],
                "conditions": [{"type": "DisruptionTarget", "status": disrupted}],
            }})
        };
        let message = "Container c for pod n/p failed with exit code 42 matching FailJob rule at index 0";
        assert_eq!(of_failure(&job, &pod(42, "False")), Failure::FailsJob(message.to_owned()));
        assert_eq!(of_failure(&job, &pod(1, "True")), Failure::Ignored);
        assert_eq!(of_failure(&job, &pod(1, "False")), Failure::Counts);
    }

    #[test]
    fn success_may_need_few_indexes() {
        let job = json!({"spec": {"successPolicy": {"rules": [{"succeededIndexes": "0,2-3", "succeededCount": 2}]}}});
        assert_eq!(success(&job, &Indexes::from([1, 2]), 5), None);
        assert_eq!(success(&job, &Indexes::from([2, 3]), 5).as_deref(), Some("Matched rules at index 0"));
    }
}
