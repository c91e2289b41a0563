//! Writing conditions into a status, and counters beside them, as Go's types leave them in JSON.
//! Which conditions there are is each controller's. Source: `SetDeploymentCondition` and its like under `pkg/controller`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::Context;

/// A condition as a controller says it.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'a> {
    pub kind: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    pub reason: &'a str,
    pub message: &'a str,
}

impl Condition<'_> {
    /// With the one time most kinds keep.
    pub fn at(&self, now: Timestamp) -> Value {
        json!({
            "type": self.kind,
            "status": self.status,
            "lastTransitionTime": timestamp(now),
            "reason": self.reason,
            "message": self.message,
        })
    }

    /// With `lastUpdateTime` too, as Deployments have it.
    pub fn updated_at(&self, now: Timestamp) -> Value {
        let mut condition = self.at(now);
        condition["lastUpdateTime"] = json!(timestamp(now));
        condition
    }
}

/// The condition of this type in a status.
pub fn of<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    meta::list(status, "/conditions").iter().find(|condition| meta::text(condition, "/type") == kind)
}

/// The reason of the condition of this type; empty when there is none.
pub fn reason<'a>(status: &'a Value, kind: &str) -> &'a str {
    of(status, kind).map_or("", |condition| meta::text(condition, "/reason"))
}

/// Puts a condition in, unless one of its type says the same status and reason already.
/// The time of transition stays while the status does.
pub fn set(status: &mut Value, mut condition: Value) {
    let kind = meta::text(&condition, "/type").to_owned();
    if let Some(found) = of(status, &kind)
        && found["status"] == condition["status"]
    {
        if found["reason"] == condition["reason"] {
            return;
        }
        condition["lastTransitionTime"] = found["lastTransitionTime"].clone();
    }
    replace(status, condition);
}

/// Puts a condition in, in place of the one of its type.
pub fn replace(status: &mut Value, condition: Value) {
    remove(status, meta::text(&condition, "/type"));
    meta::edit_list(status, "conditions", |conditions| conditions.push(condition));
}

/// Takes a condition out.
pub fn remove(status: &mut Value, kind: &str) {
    meta::edit_list(status, "conditions", |conditions| conditions.retain(|found| meta::text(found, "/type") != kind));
}

/// Writes a counter that is left out when it is zero.
pub fn count(status: &mut Value, key: &str, number: i64) {
    if number == 0 {
        meta::remove(status, key);
    } else {
        status[key] = json!(number);
    }
}

/// Writes an object's status, where it differs from what the object says.
pub fn write(context: &Context, resource: &'static Resource, object: &Value, status: &Value) -> Result<()> {
    if object.get("status") == Some(status) {
        return Ok(());
    }
    let (namespace, name) = (meta::namespace(object), meta::name(object));
    let written = context.client.modify_status(resource, namespace, name, |fresh| {
        if meta::uid(fresh) == meta::uid(object) {
            fresh["status"] = status.clone();
        }
    });
    written.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_transition_stays_while_the_status_does() {
        let early: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let late: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let said = |status, reason| Condition { kind: "Progressing", status, reason, message: "" };
        let mut status = json!({});
        set(&mut status, said("True", "New").at(early));
        set(&mut status, said("True", "Updated").at(late));
        assert_eq!(status["conditions"][0]["reason"], "Updated");
        assert_eq!(status["conditions"][0]["lastTransitionTime"], "2026-01-01T00:00:00Z");
        set(&mut status, said("False", "TimedOut").at(late));
        assert_eq!(status["conditions"][0]["lastTransitionTime"], "2026-01-01T00:01:00Z");
        remove(&mut status, "Progressing");
        assert_eq!(status, json!({}));
    }
}
