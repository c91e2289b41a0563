//! The row of one version of a definition, made once for each change of it.
//! What is done with its schema is `fields` and `check`.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::{Custom, ScalePaths, columns, fields};
use crate::object::meta;
use crate::sim::apiserver::registry::resource::{AGE, Column, NAME, Resource, SCALE, STATUS, Subresource, Table};
use crate::sim::apiserver::registry::strategy::Strategy;

/// What can be done with custom resources, in the order in which their discovery names it.
const VERBS: &[&str] = &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// The row of one version. Rows live as long as the program, as the built-in ones do: there is one for each change of a definition.
pub(super) fn row(definition: &Value, version: &Value) -> &'static Resource {
    type Made = HashMap<(String, i64, String), &'static Resource>;
    static MADE: OnceLock<Mutex<Made>> = OnceLock::new();
    let generation = meta::number(definition, "/metadata/generation").unwrap_or_default();
    let key = (meta::uid(definition).to_owned(), generation, meta::text(version, "/name").to_owned());
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(key).or_insert_with(|| Box::leak(Box::new(new(definition, version))))
}

fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn texts(value: &Value, pointer: &str) -> &'static [&'static str] {
    let found: Vec<&'static str> = meta::list(value, pointer).iter().filter_map(Value::as_str).map(kept).collect();
    Box::leak(found.into_boxed_slice())
}

/// What the schema and the columns of a version are.
fn custom(definition: &Value, version: &Value) -> &'static Custom {
    let deprecation = meta::truth(version, "/deprecated").then(|| match meta::text(version, "/deprecationWarning") {
        "" => {
            let (group, kind) = (meta::text(definition, "/spec/group"), meta::text(definition, "/spec/names/kind"));
            format!("{group}/{} {kind} is deprecated", meta::text(version, "/name"))
        }
        said => said.to_owned(),
    });
    let schema = version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default();
    Box::leak(Box::new(Custom {
        fills: fields::has_defaults(&schema),
        schema,
        columns: meta::list(version, "/additionalPrinterColumns").to_vec(),
        scale: version.pointer("/subresources/scale").map(scale_paths),
        deprecation,
        selectable: meta::list(version, "/selectableFields")
            .iter()
            .map(|field| meta::text(field, "/jsonPath").trim_start_matches('.').to_owned())
            .collect(),
    }))
}

/// Where a version keeps what `/scale` shows, as pointers.
fn scale_paths(scale: &Value) -> ScalePaths {
    let pointer = |key: &str| meta::text(scale, key).replace('.', "/");
    ScalePaths {
        wanted: pointer("/specReplicasPath"),
        there: pointer("/statusReplicasPath"),
        selector: pointer("/labelSelectorPath"),
    }
}

fn subresources(version: &Value) -> &'static [Subresource] {
    let mut found: Vec<Subresource> = Vec::new();
    if version.pointer("/subresources/status").is_some() {
        found.push(STATUS);
    }
    if version.pointer("/subresources/scale").is_some() {
        found.push(SCALE);
    }
    Box::leak(found.into_boxed_slice())
}

fn table(custom: &Custom) -> Table {
    let mut columns = vec![NAME];
    columns.extend(custom.columns.iter().map(columns::of));
    if custom.columns.is_empty() {
        columns.push(Column { kind: "date", ..AGE });
    }
    // Rows are made by `Custom::row`, which knows the columns.
    Table { columns: Box::leak(columns.into_boxed_slice()), row: |_, _| Vec::new() }
}

fn new(definition: &Value, version: &Value) -> Resource {
    let text = |pointer: &str| kept(meta::text(definition, pointer));
    let custom = custom(definition, version);
    Resource {
        group: text("/spec/group"),
        version: kept(meta::text(version, "/name")),
        kind: text("/spec/names/kind"),
        plural: text("/spec/names/plural"),
        singular: text("/spec/names/singular"),
        short_names: texts(definition, "/spec/names/shortNames"),
        categories: texts(definition, "/spec/names/categories"),
        namespaced: meta::text(definition, "/spec/scope") == "Namespaced",
        verbs: VERBS,
        subresources: subresources(version),
        strategy: Strategy { generation: true, unconditional_update: false, custom: Some(custom), ..Strategy::PLAIN },
        table: table(custom),
        stored_as: None,
    }
}
