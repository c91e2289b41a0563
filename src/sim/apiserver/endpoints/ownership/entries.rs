//! The entries of `metadata.managedFields`: reading, writing, and what an ordinary write does to them.
//! Source: k8s.io/apimachinery `pkg/util/managedfields/internal`.

use serde_json::{Value, json};

use super::Set;
use super::walk::{Comparison, compare};
use crate::object::meta;
use crate::object::schema::{self, Place};
use crate::sim::apiserver::endpoints::{Request, timestamp};
use crate::sim::apiserver::registry::Resource;

/// How many managers that update an object are told apart before the oldest become one (`DefaultMaxUpdateManagers`).
const MOST: usize = 10;

/// Who writes: a manager, how, and through which subresource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: &'static str,
    pub subresource: String,
    pub version: String,
}

impl Writer {
    /// The writer of a request.
    pub fn of(request: &Request, operation: &'static str) -> Self {
        let manager = if request.field_manager.is_empty() { "unknown" } else { &request.field_manager };
        Self {
            manager: manager.to_owned(),
            operation,
            subresource: if request.through.is_empty() {
                request.subresource.clone()
            } else {
                request.through.to_owned()
            },
            version: request.resource.api_version(),
        }
    }

    /// As conflicts name it: `"kubectl-client-side-apply" using apps/v1`.
    pub fn shown(&self) -> String {
        let mut shown = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            shown = format!("{shown} with subresource {:?}", self.subresource);
        }
        if self.operation == "Update" { format!("{shown} using {}", self.version) } else { shown }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) writer: Writer,
    pub(super) fields: Set,
    time: String,
}

/// The managers of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managers(pub(super) Vec<Entry>);

impl Managers {
    /// Those an object names.
    pub fn read(object: &Value) -> Self {
        let entries = meta::list(object, "/metadata/managedFields").iter().map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let operation = if entry["operation"] == "Apply" { "Apply" } else { "Update" };
            let (manager, subresource, version) = (text("manager"), text("subresource"), text("apiVersion"));
            let writer = Writer { manager, operation, subresource, version };
            Entry { writer, fields: Set::read(&entry["fieldsV1"]), time: text("time") }
        });
        Self(entries.collect())
    }

    /// Writes them into an object, in upstream's order.
    pub fn write(mut self, object: &mut Value) {
        self.0.retain(|entry| !entry.fields.is_empty());
        self.merge_oldest();
        let key = |entry: &Entry| {
            let Entry { writer, time, .. } = entry.clone();
            (writer.operation, time, writer.manager, writer.version, writer.subresource)
        };
        self.0.sort_by_cached_key(key);
        let metadata = meta::child(object, "metadata");
        if self.0.is_empty() {
            meta::remove(metadata, "managedFields");
            return;
        }
        let written = self.0.iter().map(|entry| {
            let mut written = json!({
                "manager": entry.writer.manager,
                "operation": entry.writer.operation,
                "apiVersion": entry.writer.version,
                "time": entry.time,
                "fieldsType": "FieldsV1",
                "fieldsV1": entry.fields.write(),
            });
            if entry.time.is_empty() {
                meta::remove(&mut written, "time");
            }
            if !entry.writer.subresource.is_empty() {
                written["subresource"] = json!(entry.writer.subresource);
            }
            written
        });
        metadata["managedFields"] = Value::Array(written.collect());
    }

    /// The same managers, whenever they wrote.
    pub fn same(&self, other: &Self) -> bool {
        // Who owns nothing is not written down.
        let count = |managers: &Self| managers.0.iter().filter(|entry| !entry.fields.is_empty()).count();
        let owns = |entry: &Entry| other.0.iter().any(|o| o.writer == entry.writer && o.fields == entry.fields);
        count(self) == count(other) && self.0.iter().filter(|entry| !entry.fields.is_empty()).all(owns)
    }

    pub(super) fn at(&self, writer: &Writer) -> Option<usize> {
        self.0.iter().position(|entry| {
            let found = &entry.writer;
            (found.operation, &found.manager, &found.subresource)
                == (writer.operation, &writer.manager, &writer.subresource)
        })
    }

    pub(super) fn set(&mut self, writer: &Writer, fields: Set, now: jiff::Timestamp) {
        let entry = Entry { writer: writer.clone(), fields, time: timestamp(now) };
        match self.at(writer) {
            Some(at) => self.0[at] = entry,
            None => self.0.push(entry),
        }
    }

    /// Gives an entry the time it had `before`, if any: a writer that changes nothing is not taken to have written.
    pub(super) fn keep_time(&mut self, writer: &Writer, before: Option<Entry>) {
        if let Some(at) = self.at(writer) {
            self.0[at].time = before.map(|entry| entry.time).unwrap_or_default();
        }
    }

    /// Takes from all but `except` what was changed or removed.
    pub(super) fn yield_to(&mut self, except: Option<usize>, comparison: &Comparison) {
        for (at, entry) in self.0.iter_mut().enumerate() {
            if Some(at) != except {
                entry.fields = entry.fields.difference(&comparison.changed).difference(&comparison.removed);
            }
        }
    }

    /// What an ordinary write from `old` to `new` makes of them.
    pub fn update(&mut self, writer: &Writer, comparison: &Comparison, resource: &Resource, now: jiff::Timestamp) {
        self.yield_to(None, comparison);
        let taken = stripped(comparison.changed.clone(), resource, &writer.subresource);
        if taken.is_empty() {
            return;
        }
        let before = self.at(writer).map(|at| self.0[at].fields.clone()).unwrap_or_default();
        self.set(writer, before.union(&taken), now);
    }

    fn merge_oldest(&mut self) {
        let updaters = self.0.iter().filter(|entry| entry.writer.operation == "Update").count();
        if updaters <= MOST {
            return;
        }
        self.0.sort_by(|one, other| one.time.cmp(&other.time));
        let mut surplus = updaters - MOST + 1;
        let mut ancient: Option<Entry> = None;
        self.0.retain(|entry| {
            if surplus == 0 || entry.writer.operation != "Update" {
                return true;
            }
            surplus -= 1;
            let fields = ancient.take().map(|found| found.fields).unwrap_or_default().union(&entry.fields);
            let manager = "ancient-changes".to_owned();
            let writer = Writer { manager, subresource: String::new(), ..entry.writer.clone() };
            ancient = Some(Entry { writer, fields, time: entry.time.clone() });
            false
        });
        self.0.extend(ancient);
    }
}

/// Compares an object with what it was; `None` for one that is new.
pub fn compared(resource: &Resource, old: Option<&Value>, new: &Value) -> Comparison {
    compare(root(resource), old.unwrap_or(&json!({})), new)
}

/// What is known of the objects of a resource.
pub(super) fn root(resource: &Resource) -> Place<'static> {
    match resource.strategy.custom {
        Some(custom) => Place::defined(custom.schema()),
        None => Place::of(schema::of(&resource.api_version(), resource.kind)),
    }
}

/// A set without what nobody owns, and without what this way of writing does not reach.
pub(super) fn stripped(fields: Set, resource: &Resource, subresource: &str) -> Set {
    let nobodys = json!({
        "f:apiVersion": {},
        "f:kind": {},
        "f:metadata": {
            ".": {}, "f:name": {}, "f:namespace": {}, "f:creationTimestamp": {}, "f:selfLink": {}, "f:uid": {},
            "f:clusterName": {}, "f:generation": {}, "f:resourceVersion": {},
        },
    });
    let mut fields = fields.difference(&Set::read(&nobodys));
    if let Some(metadata) = fields.child("f:metadata").cloned() {
        let mut without = Set::default();
        for (element, _) in metadata.elements().filter(|(element, _)| *element == "f:managedFields") {
            without.insert(&["f:metadata".to_owned(), element.to_owned()]);
        }
        fields = fields.difference(&without);
    }
    if subresource.is_empty() && resource.has_status() { fields.without("f:status") } else { fields }
}
