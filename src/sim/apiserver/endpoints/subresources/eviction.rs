//! `pods/eviction`: a deletion that asks the disruption budgets first.
//! Counting the budgets is the disruption controller's. Source: `pkg/registry/core/pod/storage/eviction.go`.

use serde_json::{Value, json};

use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::endpoints::delete::DeleteOptions;
use crate::sim::apiserver::endpoints::{ApiServer, Request, timestamp};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

const BUDGETS: &str = "poddisruptionbudgets.policy";

/// Evicts the Pod of the request, or refuses with 429 while a budget allows none.
pub fn evict(server: &ApiServer, request: &Request, eviction: &Value) -> Result<Value> {
    if meta::name(eviction) != request.name {
        return Err(Status::bad_request("name in URL does not match name in Eviction object"));
    }
    let _turn = server.turn();
    let pods = request.resource.group_resource();
    let pod = server.storage.get(&pods, &request.namespace, &request.name).ok_or_else(|| request.not_found())?;
    let options = DeleteOptions::from_value(eviction.get("deleteOptions").unwrap_or(&Value::Null))?;
    let ended = matches!(meta::text(&pod, "/status/phase"), "Succeeded" | "Failed" | "Pending");
    if !ended && !meta::is_terminating(&pod) {
        let budgets = budgets_of(server, &pod);
        match budgets.as_slice() {
            [] => {}
            [budget] if is_let_go(budget, &pod) => {}
            [budget] => spend(server, request, budget, &pod)?,
            _ => {
                return Err(Status::bare(
                    500,
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                ));
            }
        }
    }
    if !request.dry_run && !meta::is_terminating(&pod) {
        mark(server, request, &pod)?;
    }
    let whole = Request {
        dry_run: request.dry_run,
        ..Request::new(request.user.clone(), request.resource, &request.namespace, &request.name)
    };
    server.delete_in_turn(&whole, &options)?;
    Ok(json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 }))
}

/// Says in the Pod's conditions that it goes by an eviction.
fn mark(server: &ApiServer, request: &Request, pod: &Object) -> Result<()> {
    let condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
        "lastProbeTime": null,
        "lastTransitionTime": timestamp(server.clock.now()),
    });
    let mut marked = (**pod).clone();
    meta::edit_list(meta::child(&mut marked, "status"), "conditions", |conditions| {
        conditions.retain(|found| found["type"] != "DisruptionTarget");
        conditions.push(condition);
    });
    let key = (request.namespace.clone(), request.name.clone());
    let pods = request.resource.group_resource();
    let written = server.storage.replace(&pods, key, meta::revision(pod), marked);
    written.map(drop).map_err(|_| Status::modified("", "pods", &request.name))
}

fn budgets_of(server: &ApiServer, pod: &Value) -> Vec<Object> {
    let labels = meta::map(pod, "/metadata/labels");
    let (budgets, _) = server.storage.list(BUDGETS, Some(meta::namespace(pod)));
    let selects = |budget: &Object| {
        LabelSelector::from_object(budget.pointer("/spec/selector")).is_ok_and(|selector| selector.matches(labels))
    };
    budgets.into_iter().filter(selects).collect()
}

/// Whether a budget has nothing to say of a Pod: one that is not ready counts for nothing, and may go when the policy says so or enough
/// others are ready.
fn is_let_go(budget: &Value, pod: &Value) -> bool {
    let mut conditions = meta::list(pod, "/status/conditions").iter();
    if conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True") {
        return false;
    }
    let count = |name: &str| meta::number(budget, name).unwrap_or_default();
    let (has, needs) = (count("/status/currentHealthy"), count("/status/desiredHealthy"));
    meta::text(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow" || has >= needs && needs > 0
}

fn spend(server: &ApiServer, request: &Request, budget: &Value, pod: &Value) -> Result<()> {
    let name = meta::name(budget);
    let refused = |message: &str| {
        let causes = json!([{ "reason": "DisruptionBudget", "message": message }]);
        Status::too_many_requests("Cannot evict pod as it would violate the pod's disruption budget.", causes)
    };
    let generation = meta::number(budget, "/metadata/generation").unwrap_or_default();
    if meta::number(budget, "/status/observedGeneration").unwrap_or_default() < generation {
        return Err(refused(&format!("The disruption budget {name} is still being processed by the server.")));
    }
    let allowed = meta::number(budget, "/status/disruptionsAllowed").unwrap_or_default();
    if allowed <= 0 {
        let needs = meta::number(budget, "/status/desiredHealthy").unwrap_or_default();
        let has = meta::number(budget, "/status/currentHealthy").unwrap_or_default();
        return Err(refused(&format!(
            "The disruption budget {name} needs {needs} healthy pods and has {has} currently"
        )));
    }
    if request.dry_run {
        return Ok(());
    }
    let mut spent = budget.clone();
    spent["status"]["disruptionsAllowed"] = json!(allowed - 1);
    meta::child(&mut spent["status"], "disruptedPods")[meta::name(pod)] = json!(timestamp(server.clock.now()));
    let key = (meta::namespace(budget).to_owned(), name.to_owned());
    let written = server.storage.replace(BUDGETS, key, meta::revision(budget), spent);
    written.map(drop).map_err(|_| refused("The disruption budget changed meanwhile"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_are_not_ready_go_when_enough_others_are_or_the_policy_says_so() {
        let budget = |policy: &str, has: i64, needs: i64| {
            json!({
                "spec": { "unhealthyPodEvictionPolicy": policy },
                "status": { "currentHealthy": has, "desiredHealthy": needs, "disruptionsAllowed": 0 },
            })
        };
        let pod = |ready: &str| json!({ "status": { "conditions": [{ "type": "Ready", "status": ready }] } });
        assert!(is_let_go(&budget("AlwaysAllow", 0, 2), &pod("False")));
        assert!(!is_let_go(&budget("AlwaysAllow", 2, 2), &pod("True")));
        assert!(is_let_go(&budget("IfHealthyBudget", 2, 2), &pod("False")));
        assert!(!is_let_go(&budget("IfHealthyBudget", 1, 2), &pod("False")));
        assert!(!is_let_go(&budget("", 0, 0), &json!({})), "nothing is asked for");
    }
}
