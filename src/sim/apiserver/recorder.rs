//! Events: what happened to an object, told once and counted when it happens again.
//! What is worth an event is for the component that records it. Source: `k8s.io/client-go/tools/record`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::client::Client;
use super::endpoints::timestamp;
use super::registry::kinds::event::EVENT;
use crate::object::meta;

/// How long the same event counts up instead of being told anew.
const SAME: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

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
    said: Arc<Mutex<HashMap<Said, (String, jiff::Timestamp)>>>,
}

impl Recorder {
    /// A recorder for `component`; `host` is the node it runs on, or empty.
    pub fn new(client: Client, component: &'static str, host: &str) -> Self {
        Self { client, component, host: host.to_owned(), said: Arc::default() }
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
    pub fn record(&self, kind: &str, (object, field): (&Value, &str), reason: &str, message: &str) {
        let now = self.client.clock().now();
        let namespace = Some(meta::namespace(object)).filter(|namespace| !namespace.is_empty()).unwrap_or("default");
        let said = Said {
            uid: meta::uid(object).to_owned(),
            field: field.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        let mut known = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, last)| now.duration_since(*last) < SAME);
        if let Some((name, last)) = known.get_mut(&said) {
            *last = now;
            let counted = self.client.modify(&EVENT, namespace, name, |event| {
                event["count"] = json!(meta::number(event, "/count").unwrap_or(1) + 1);
                event["lastTimestamp"] = json!(timestamp(now));
            });
            if counted.is_ok() {
                return;
            }
        }
        for nanosecond in now.as_nanosecond().. {
            let name = format!("{}.{nanosecond:x}", meta::name(object));
            let event = self.event((namespace, &name), kind, (object, &said), now);
            match self.client.create(&EVENT, event) {
                // Two events of one moment.
                Err(status) if status.reason == "AlreadyExists" => {}
                // An event that cannot be written (its namespace is going) is no loss.
                Err(_) => return,
                Ok(_) => {
                    known.insert(said, (name, now));
                    return;
                }
            }
        }
    }

    fn event(
        &self,
        (namespace, name): (&str, &str),
        kind: &str,
        (object, said): (&Value, &Said),
        now: jiff::Timestamp,
    ) -> Value {
        let mut involved = json!({
            "kind": meta::text(object, "/kind"),
            "namespace": meta::namespace(object),
            "name": meta::name(object),
            "uid": meta::uid(object),
            "apiVersion": meta::text(object, "/apiVersion"),
            "resourceVersion": meta::text(object, "/metadata/resourceVersion"),
            "fieldPath": said.field,
        });
        if let Some(map) = involved.as_object_mut() {
            map.retain(|_, value| value != "");
        }
        let mut source = json!({ "component": self.component });
        if !self.host.is_empty() {
            source["host"] = json!(self.host);
        }
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": name, "namespace": namespace },
            "involvedObject": involved,
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
