//! Events: what happened to an object, told once and counted when it happens again.
//! What is worth an event is for the component that records it. Source: `k8s.io/client-go/tools/record`.

mod correlation;
mod series;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use correlation::Correlation;
pub use series::Deed;
use series::Series;

use super::client::Client;
use super::endpoints::timestamp;
use super::registry::kinds::event::EVENT;
use crate::object::meta;

/// How long the same event counts up instead of being told anew.
const SAME: SignedDuration = SignedDuration::from_mins(10);
/// How many events are remembered before the old ones are forgotten.
const MEMORY: usize = 4096;
/// How many events wait to be told (`maxQueuedEvents`); those after them are lost.
const QUEUE: usize = 1000;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Said {
    uid: String,
    field: String,
    reason: String,
    message: String,
}

/// The events of one component. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Recorder {
    client: Client,
    component: &'static str,
    host: String,
    memory: Arc<Mutex<Memory>>,
}

/// What was told: the event's name and when.
#[derive(Default)]
struct Memory {
    said: HashMap<Said, (String, Timestamp)>,
    correlation: Correlation,
    series: Series,
    pruned: Timestamp,
    /// What waits to be told, while nothing can be.
    held: Option<Vec<Held>>,
}

/// An event that waits to be told.
struct Held {
    kind: String,
    object: Value,
    said: Said,
    when: Timestamp,
}

impl Memory {
    fn forget(&mut self, now: Timestamp) {
        if now.duration_since(self.pruned) > SAME || self.said.len() > MEMORY {
            self.said.retain(|_, (_, last)| now.duration_since(*last) < SAME);
            self.correlation.forget(now);
            self.pruned = now;
        }
    }
}

fn namespace(object: &Value) -> &str {
    Some(meta::namespace(object)).filter(|namespace| !namespace.is_empty()).unwrap_or("default")
}

impl Recorder {
    /// A recorder for `component`; `host` is the node it runs on, or empty.
    pub fn new(client: Client, component: &'static str, host: &str) -> Self {
        Self { client, component, host: host.to_owned(), memory: Arc::default() }
    }

    /// A Normal event about an object.
    pub fn normal(&self, object: &Value, reason: &str, message: &str) {
        self.record("Normal", (object, ""), reason, message);
    }

    /// A Warning about an object.
    pub fn warning(&self, object: &Value, reason: &str, message: &str) {
        self.record("Warning", (object, ""), reason, message);
    }

    /// An event about a part of an object, such as `spec.containers{nginx}`. `kind` is `Normal` or `Warning`.
    /// The tenth of many alike, and all after it, are told as one; of too many about one object some are not told at all.
    pub fn record(&self, kind: &str, (object, field): (&Value, &str), reason: &str, message: &str) {
        let now = self.client.clock().now();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let said = Said {
            uid: meta::uid(object).to_owned(),
            field: field.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        match &mut memory.held {
            Some(held) if held.len() >= QUEUE => {}
            Some(held) => held.push(Held { kind: kind.to_owned(), object: named(object), said, when: now }),
            None => self.record_at(&mut memory, kind, (object, said), now),
        }
    }

    /// Keeps events for later, as who does not reach the API server does, or tells those that were kept.
    pub fn hold(&self, hold: bool) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if hold {
            memory.held.get_or_insert_default();
            return;
        }
        for Held { kind, object, said, when } in memory.held.take().into_iter().flatten() {
            self.record_at(&mut memory, &kind, (&object, said), when);
        }
    }

    /// Tells what was said then.
    fn record_at(&self, memory: &mut Memory, kind: &str, (object, said): (&Value, Said), now: Timestamp) {
        let (mut key, mut told) = (said.clone(), said);
        if memory.correlation.is_one_of_many((&told.uid, kind, &told.reason), &told.message, now) {
            key = Said { field: String::new(), message: String::new(), ..key };
            told.message = format!("(combined from similar events): {}", told.message);
        }
        if !memory.correlation.may_tell(meta::uid(object), now) {
            return;
        }
        memory.forget(now);
        if !self.count_up(memory, object, (&key, &told), now)
            && let Some(name) = self.tell(kind, (object, &told), now)
        {
            memory.said.insert(key, (name, now));
        }
    }

    /// Counts an event that was told before; false when there is none.
    fn count_up(&self, memory: &mut Memory, object: &Value, (key, said): (&Said, &Said), now: Timestamp) -> bool {
        let Some((name, last)) = memory.said.get_mut(key) else { return false };
        *last = now;
        let counted = self.client.modify(&EVENT, namespace(object), name, |event| {
            event["count"] = json!(meta::number(event, "/count").unwrap_or(1) + 1);
            event["lastTimestamp"] = json!(timestamp(now));
            event["message"] = json!(said.message);
        });
        counted.is_ok()
    }

    fn tell(&self, kind: &str, (object, said): (&Value, &Said), now: Timestamp) -> Option<String> {
        self.create_named(object, now, |name| self.event((namespace(object), name), kind, (object, said), now))
    }

    /// Creates an event under a name made of the object's and the time; gives the name.
    fn create_named(&self, object: &Value, now: Timestamp, event: impl Fn(&str) -> Value) -> Option<String> {
        for nanosecond in now.as_nanosecond().. {
            let name = format!("{}.{nanosecond:x}", meta::name(object));
            match self.client.create(&EVENT, event(&name)) {
                // Two events of one moment.
                Err(status) if status.reason == "AlreadyExists" => {}
                // An event that cannot be written (its namespace is going) is no loss.
                written => return written.is_ok().then_some(name),
            }
        }
        None
    }

    fn event(
        &self,
        (namespace, name): (&str, &str),
        kind: &str,
        (object, said): (&Value, &Said),
        now: Timestamp,
    ) -> Value {
        let mut source = json!({ "component": self.component });
        if !self.host.is_empty() {
            source["host"] = json!(self.host);
        }
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": name, "namespace": namespace },
            "involvedObject": involved(object, &said.field),
            "reason": said.reason,
            "message": said.message,
            "type": kind,
            "count": 1,
            "source": source,
            "firstTimestamp": timestamp(now),
            "lastTimestamp": timestamp(now),
            "eventTime": null,
            "reportingComponent": self.component,
            "reportingInstance": self.host,
        })
    }
}

/// As much of an object as an event about it needs.
fn named(object: &Value) -> Value {
    let mut named = json!({ "kind": object["kind"], "apiVersion": object["apiVersion"], "metadata": {} });
    for key in ["namespace", "name", "uid", "resourceVersion"] {
        named["metadata"][key] = object["metadata"][key].clone();
    }
    named
}

/// The reference to the object an event is about.
fn involved(object: &Value, field: &str) -> Value {
    let mut involved = json!({
        "kind": meta::text(object, "/kind"),
        "namespace": meta::namespace(object),
        "name": meta::name(object),
        "uid": meta::uid(object),
        "apiVersion": meta::text(object, "/apiVersion"),
        "resourceVersion": meta::text(object, "/metadata/resourceVersion"),
        "fieldPath": field,
    });
    if let Some(map) = involved.as_object_mut() {
        map.retain(|_, value| value != "");
    }
    involved
}
