//! The form of an answer: plain JSON, a Table for `kubectl get`, or metadata only.
//! Cells are each kind's own. Source: `k8s.io/apiserver/pkg/endpoints/handlers/response.go`.

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value, json};

use super::query::{Query, continue_token};
use crate::object::meta;
use crate::sim::apiserver::endpoints::Page;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::duration::since;
use crate::sim::apiserver::registry::resource::{AGE, NAME, Table, integer};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// The media types of answers.
pub const SERVED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// How the client wants objects shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Table(Include),
    Metadata,
}

/// What a Table's rows carry beside their cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    Nothing,
    Metadata,
    Object,
}

impl Form {
    /// Reads the Accept header; the first form that is served here wins.
    pub fn negotiate(accept: &str, query: &Query) -> Result<Self> {
        let mut understood = accept.trim().is_empty();
        let mut unknown_form = false;
        for offer in accept.split(',') {
            let mut parts = offer.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let parameters: Vec<&str> = parts.collect();
            let given = |name: &str| parameters.iter().find_map(|parameter| parameter.strip_prefix(name));
            let known = given("g=") == Some("meta.k8s.io") && matches!(given("v="), Some("v1" | "v1beta1"));
            let shown_as = given("as=").map(|form| if known { form } else { "" });
            match (media, shown_as) {
                ("application/json" | "application/vnd.kubernetes.protobuf", Some("Table")) => {
                    return Ok(Self::Table(Include::asked(query)?));
                }
                (
                    "application/json" | "application/vnd.kubernetes.protobuf",
                    Some("PartialObjectMetadata" | "PartialObjectMetadataList"),
                ) => {
                    return Ok(Self::Metadata);
                }
                ("application/json" | "application/*" | "*/*" | "", None) => return Ok(Self::Json),
                // Protobuf is read here, not written; clients that ask for it read JSON too.
                ("application/vnd.kubernetes.protobuf" | "application/yaml", None) => understood = true,
                (_, Some(_)) => unknown_form = true,
                _ => {}
            }
        }
        match (understood, unknown_form) {
            (true, _) => Ok(Self::Json),
            (false, true) => Err(Status::no_such_form(SERVED)),
            (false, false) => Err(Status::not_acceptable(SERVED)),
        }
    }

    /// One object in this form.
    pub fn object(self, resource: &Resource, object: &Object, now: Timestamp) -> Value {
        match self {
            Self::Json => (**object).clone(),
            Self::Metadata => partial(object),
            Self::Table(include) => {
                let row = |object: &Value| resource.row(object, now);
                table(&resource.table, std::slice::from_ref(object), include, row)
            }
        }
    }

    /// A Scale in this form; other answers of subresources are always plain.
    pub fn scale(self, scale: Value, now: Timestamp) -> Value {
        match self {
            Self::Json => scale,
            Self::Metadata => partial(&scale),
            Self::Table(include) => {
                table(&SCALE_TABLE, &[scale.into()], include, |scale| (SCALE_TABLE.row)(scale, now))
            }
        }
    }
}

impl Include {
    fn asked(query: &Query) -> Result<Self> {
        match query.get("includeObject") {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::Nothing),
            "Object" => Ok(Self::Object),
            other => Err(Status::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', 'None', or empty"
            ))),
        }
    }
}

fn partial(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}

/// `printScale` of `pkg/printers/internalversion/printers.go`.
static SCALE_TABLE: Table = Table {
    columns: &[NAME, integer("Desired"), integer("Available"), AGE],
    row: |scale, now| {
        let count = |pointer: &str| json!(meta::number(scale, pointer).unwrap_or_default());
        let age = json!(since(scale, "/metadata/creationTimestamp", now));
        vec![json!(meta::name(scale)), count("/spec/replicas"), count("/status/replicas"), age]
    },
};

fn table(table: &Table, objects: &[Object], include: Include, cells: impl Fn(&Value) -> Vec<Value>) -> Value {
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| {
            json!({ "name": column.name, "type": column.kind, "format": column.format, "description": "", "priority": column.priority })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut row = json!({ "cells": cells(object) });
            match include {
                Include::Nothing => row["object"] = Value::Null,
                Include::Metadata => row["object"] = partial(object),
                Include::Object => row["object"] = (**object).clone(),
            }
            if matches!(meta::text(object, "/status/phase"), "Succeeded" | "Failed") && object["kind"] == "Pod" {
                let phase = meta::text(object, "/status/phase");
                row["conditions"] = json!([{ "type": "Completed", "status": "True", "reason": phase, "message": "The pod has completed." }]);
            }
            row
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": objects.first().map(|object| meta::text(object, "/metadata/resourceVersion")).unwrap_or_default() },
        "columnDefinitions": columns,
        "rows": rows,
    })
}

/// A page of a list, written without copying its objects.
pub struct List<'a> {
    pub resource: &'a Resource,
    pub page: &'a Page,
    pub form: Form,
    pub now: Timestamp,
}

impl List<'_> {
    fn metadata(&self) -> Value {
        let mut metadata = json!({ "resourceVersion": self.page.revision.to_string() });
        if let Some((last, remaining)) = &self.page.more {
            metadata["continue"] = json!(continue_token(last));
            if let Some(remaining) = remaining {
                metadata["remainingItemCount"] = json!(remaining);
            }
        }
        metadata
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if let Form::Table(include) = self.form {
            let mut objects = self.page.objects.clone();
            // The one kind whose rows are not in the order of their names (`printFlowSchemaList`).
            if self.resource.kind == "FlowSchema" {
                objects.sort_by_key(|schema| meta::number(schema, "/spec/matchingPrecedence"));
            }
            let row = |object: &Value| self.resource.row(object, self.now);
            let mut body = table(&self.resource.table, &objects, include, row);
            body["metadata"] = self.metadata();
            return body.serialize(serializer);
        }
        let mut body = serializer.serialize_map(Some(4))?;
        match self.form {
            Form::Metadata => {
                body.serialize_entry("kind", "PartialObjectMetadataList")?;
                body.serialize_entry("apiVersion", "meta.k8s.io/v1")?;
            }
            _ => {
                body.serialize_entry("kind", &format!("{}List", self.resource.kind))?;
                body.serialize_entry("apiVersion", &self.resource.api_version())?;
            }
        }
        body.serialize_entry("metadata", &self.metadata())?;
        body.serialize_entry("items", &Items(self))?;
        body.end()
    }
}

struct Items<'a>(&'a List<'a>);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let objects = &self.0.page.objects;
        let mut items = serializer.serialize_seq(Some(objects.len()))?;
        for object in objects {
            match self.0.form {
                Form::Metadata => items.serialize_element(&partial(object))?,
                // Lists of definitions' objects are not typed: each says what it is.
                _ if self.0.resource.strategy.custom.is_some() => items.serialize_element(object)?,
                _ => items.serialize_element(&Item(object))?,
            }
        }
        items.end()
    }
}

/// An object in a typed list: its kind is the list's.
struct Item<'a>(&'a Value);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut item = serializer.serialize_map(None)?;
        for (key, value) in self.0.as_object().into_iter().flatten() {
            if key != "kind" && key != "apiVersion" {
                item.serialize_entry(key, value)?;
            }
        }
        item.end()
    }
}
