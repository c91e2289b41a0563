//! What the API server knows of a resource: its names, verbs, subresources, strategy and table.
//! Each kind's own row stands in `kinds/`; what requests do with it, in `endpoints`.

use jiff::Timestamp;
use serde_json::Value;

use super::strategy::Strategy;
use crate::sim::apiserver::status::group_resource;

/// One resource, as discovery shows it.
pub struct Resource {
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    pub short_names: &'static [&'static str],
    pub categories: &'static [&'static str],
    pub namespaced: bool,
    pub verbs: &'static [&'static str],
    pub subresources: &'static [Subresource],
    pub strategy: Strategy,
    pub table: Table,
    /// Where the objects live when another version of the same thing stores them.
    pub stored_as: Option<Conversion>,
}

/// What every verb of a stored resource offers.
pub const ALL_VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// A resource that is only a question, such as a review.
pub const CREATE_ONLY: &[&str] = &["create"];

/// The same objects under another group or version.
#[derive(Clone, Copy)]
pub struct Conversion {
    /// The resource that stores them.
    pub storage: fn() -> &'static Resource,
    pub to_storage: fn(Value) -> Value,
    pub from_storage: fn(&Value) -> Value,
}

/// A path below an object, such as `pods/log`.
pub struct Subresource {
    pub name: &'static str,
    /// Group and version of the kind its body has; empty for the resource's own.
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub verbs: &'static [&'static str],
}

/// `/status`, for resources whose status is written apart.
pub const STATUS: Subresource =
    Subresource { name: "status", group: "", version: "", kind: "", verbs: &["get", "patch", "update"] };

/// `/scale`.
pub const SCALE: Subresource = Subresource {
    name: "scale",
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    verbs: &["get", "patch", "update"],
};

/// A column of `kubectl get`.
pub struct Column {
    pub name: &'static str,
    /// `string`, `integer` or `date`.
    pub kind: &'static str,
    /// `name` for the name, else empty.
    pub format: &'static str,
    /// 0 shows always, 1 only with `-o wide`.
    pub priority: u8,
}

/// How `kubectl get` shows a resource.
pub struct Table {
    pub columns: &'static [Column],
    /// The cells of one object at a time; as many as there are columns.
    pub row: fn(&Value, Timestamp) -> Vec<Value>,
}

/// A column of text.
pub const fn column(name: &'static str) -> Column {
    Column { name, kind: "string", format: "", priority: 0 }
}

/// A column of text that only `-o wide` shows.
pub const fn wide(name: &'static str) -> Column {
    Column { name, kind: "string", format: "", priority: 1 }
}

/// A column of whole numbers.
pub const fn integer(name: &'static str) -> Column {
    Column { name, kind: "integer", format: "", priority: 0 }
}

/// The first column.
pub const NAME: Column = Column { name: "Name", kind: "string", format: "name", priority: 0 };

/// How old it is.
pub const AGE: Column = column("Age");

impl Resource {
    /// `apps/v1`, or `v1` in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`: the name errors, quotas and storage use.
    pub fn group_resource(&self) -> String {
        group_resource(self.group, self.plural)
    }

    /// The resource that stores this one's objects: itself, or another version.
    pub fn storage(&'static self) -> &'static Resource {
        self.stored_as.map_or(self, |conversion| (conversion.storage)())
    }

    /// A subresource by name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    /// What the server tells of the resource whenever it is asked for, because another took its place.
    pub fn deprecation(&self) -> Option<&'static str> {
        if let Some(custom) = self.strategy.custom {
            return custom.deprecation();
        }
        match (self.group, self.kind) {
            ("", "Endpoints") => Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"),
            ("", "ComponentStatus") => Some("v1 ComponentStatus is deprecated in v1.19+"),
            _ => None,
        }
    }

    /// The cells of one object.
    pub fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        match self.strategy.custom {
            Some(custom) => custom.row(object, now),
            None => (self.table.row)(object, now),
        }
    }

    /// Whether status is written through `/status` only.
    pub fn has_status(&self) -> bool {
        self.subresource("status").is_some()
    }

    /// Whether it is only a question and nothing is stored.
    pub fn is_virtual(&self) -> bool {
        !self.verbs.contains(&"get")
    }
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.group_resource())
    }
}
