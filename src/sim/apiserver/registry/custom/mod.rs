//! Custom resources: rows of the registry made from CustomResourceDefinitions that are established.
//! What their schemas make of an object is in `fields` and `check`, how they are shown in `columns`.
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go`.

mod check;
mod columns;
mod fields;
mod formats;
mod made;
mod rules;
mod unchanged;

use jiff::Timestamp;
use serde_json::Value;

use super::kinds::customresourcedefinition::has_condition;
use super::resource::Resource;
use super::{RESOURCES, find, of_kind};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::storage::{Object, Storage};

const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Where an object keeps what `/scale` shows, as JSON pointers; the selector may be nowhere.
pub struct ScalePaths {
    pub wanted: String,
    pub there: String,
    pub selector: String,
}

/// What a definition says of one version.
pub struct Custom {
    /// The schema; an empty one knows nothing.
    schema: Value,
    /// Whether it has defaults.
    fills: bool,
    /// The printer columns, after the name.
    columns: Vec<Value>,
    /// What its `/scale` reads and writes, if it has one.
    scale: Option<ScalePaths>,
    /// What is told whenever a deprecated version is used.
    deprecation: Option<String>,
    /// Fields that `--field-selector` can ask for, beside name and namespace.
    selectable: Vec<String>,
}

impl Custom {
    /// Drops what the schema does not know, and tells the paths of it; then fills in its defaults.
    pub fn settle(&self, object: &mut Value) -> Vec<String> {
        let unknown = fields::prune(object, &self.schema);
        fields::drop_nulls(object, &self.schema);
        fields::fill(object, &self.schema);
        unknown
    }

    /// Fills defaults into an object that was stored before there were these; `None` when there are none to fill in.
    pub fn filled(&self, object: &Value) -> Option<Value> {
        self.fills.then(|| {
            let mut filled = object.clone();
            fields::fill(&mut filled, &self.schema);
            filled
        })
    }

    /// What of an object is not as the schema and its rules want it.
    pub fn validate(&self, object: &Value, old: Option<&Value>, errors: &mut ErrorList) {
        check::validate(object, old, self, errors);
    }

    /// The cells of one row.
    pub fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        columns::row(&self.columns, object, now)
    }

    /// Whether `--field-selector` can ask for this field.
    pub fn selects(&self, field: &str) -> bool {
        self.selectable.iter().any(|known| known == field)
    }

    /// What a field that can be asked for holds; nothing when it cannot.
    pub fn selected(&self, field: &str, object: &Value) -> Option<String> {
        if !self.selects(field) {
            return None;
        }
        let found = object.pointer(&format!("/{}", field.replace('.', "/")));
        Some(found.map(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned)).unwrap_or_default())
    }

    /// What its `/scale` reads and writes, if it has one.
    pub fn scale(&self) -> Option<&ScalePaths> {
        self.scale.as_ref()
    }

    /// The schema as it was written.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// What is told whenever this version is used.
    pub fn deprecation(&'static self) -> Option<&'static str> {
        self.deprecation.as_deref()
    }
}

/// Everything served: the built-in resources, and those of definitions, ordered by group.
pub fn served(storage: &Storage) -> Vec<&'static Resource> {
    let mut definitions = storage.list(DEFINITIONS, None).0;
    definitions.sort_by_key(|definition| meta::text(definition, "/spec/group").to_owned());
    RESOURCES.iter().copied().chain(definitions.iter().flat_map(versions)).collect()
}

/// A resource by group, version and plural, built in or defined.
pub fn find_served(storage: &Storage, group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    find(group, version, plural).or_else(|| {
        let definition = storage.get(DEFINITIONS, "", &format!("{plural}.{group}"))?;
        versions(&definition).into_iter().find(|resource| resource.version == version)
    })
}

/// A resource by apiVersion and kind, built in or defined.
pub fn of_kind_served(storage: &Storage, api_version: &str, kind: &str) -> Option<&'static Resource> {
    of_kind(api_version, kind).or_else(|| {
        let of = |resource: &&&Resource| resource.kind == kind && resource.api_version() == api_version;
        served(storage)[RESOURCES.len()..].iter().find(of).copied()
    })
}

/// The rows of a definition's served versions; none before it is established.
fn versions(definition: &Object) -> Vec<&'static Resource> {
    if !has_condition(definition, "Established") {
        return Vec::new();
    }
    let versions = meta::list(definition, "/spec/versions").iter();
    versions.filter(|version| meta::truth(version, "/served")).map(|version| made::row(definition, version)).collect()
}
