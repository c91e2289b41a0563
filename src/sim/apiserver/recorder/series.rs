//! Events of `events.k8s.io`, as the scheduler tells them: with an action, and what happens again makes a series.
//! Events in the core form stand in `mod.rs`. Source: `k8s.io/client-go/tools/events/event_broadcaster.go`.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Recorder, involved, namespace};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::event::EVENT;

/// After so long without another one a series has ended.
const FINISHED: SignedDuration = SignedDuration::from_mins(6);

/// What makes two events one series. The message does not count, and the state of the object does.
#[derive(PartialEq, Eq, Hash)]
struct Alike {
    uid: String,
    revision: u64,
    reason: String,
    related: String,
}

/// An event that was told: its name, how often, and when last.
struct Told {
    name: String,
    count: u64,
    last: Timestamp,
}

/// What was told lately.
#[derive(Default)]
pub(super) struct Series {
    told: HashMap<Alike, Told>,
}

/// Something done to an object.
pub struct Deed<'d> {
    /// `Normal` or `Warning`.
    pub kind: &'static str,
    pub reason: &'static str,
    /// What was being done, such as `Binding`.
    pub action: &'static str,
    pub message: &'d str,
    /// The object for whose sake it was done, if another.
    pub related: Option<&'d Value>,
}

impl Recorder {
    /// Tells a deed about an object. Of a series the API shows the first two; its count goes on in memory.
    pub fn deed(&self, object: &Value, deed: &Deed) {
        let now = self.client.clock().now();
        let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        memory.series.told.retain(|_, told| now.duration_since(told.last) < FINISHED);
        let alike = Alike {
            uid: meta::uid(object).to_owned(),
            revision: meta::revision(object),
            reason: deed.reason.to_owned(),
            related: deed.related.map(meta::uid).unwrap_or_default().to_owned(),
        };
        let time = now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        if let Some(told) = memory.series.told.get_mut(&alike) {
            (told.count, told.last) = (told.count + 1, now);
            if told.count == 2 {
                let series = json!({ "count": 2, "lastObservedTime": time });
                // An event that is gone meanwhile is no loss.
                drop(self.client.merge(&EVENT, namespace(object), &told.name, json!({ "series": series })));
            }
            return;
        }
        let event = |name: &str| self.event_of(object, name, deed, &time);
        if let Some(name) = self.create_named(object, now, event) {
            memory.series.told.insert(alike, Told { name, count: 1, last: now });
        }
    }

    fn event_of(&self, object: &Value, name: &str, deed: &Deed, time: &str) -> Value {
        let mut event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": name, "namespace": namespace(object) },
            "action": deed.action,
            "eventTime": time,
            "involvedObject": involved(object, ""),
            "reason": deed.reason,
            "message": deed.message,
            "type": deed.kind,
            "reportingComponent": self.component,
            "reportingInstance": format!("{}-controlplane", self.component),
        });
        if let Some(related) = deed.related {
            event["related"] = involved(related, "");
        }
        event
    }
}
