//! The table of resources: one row and one file in `kinds/` for each, and what every kind shares.
//! Storage is below; who may do what with them is decided above.

pub mod duration;
pub mod kinds;
pub mod names;
pub mod resource;
pub mod strategy;

use kinds as k;
pub use resource::{Conversion, Resource, Subresource};
pub use strategy::{Deletion, Strategy};

/// Every resource served, in the order discovery shows them: core first, then by group.
pub static RESOURCES: &[&Resource] = &[&k::configmap::CONFIGMAP, &k::namespace::NAMESPACE];

/// A resource by group, version and plural.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|row| row.plural == plural && row.group == group && row.version == version).copied()
}

/// A resource by apiVersion and kind.
pub fn of_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    RESOURCES.iter().find(|row| row.kind == kind && row.group == group && row.version == version).copied()
}
