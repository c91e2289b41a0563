//! `object`: an object is there and has these fields. Maps match as subsets, lists by their merge key or in any order,
//! quantities by value; see `object::matching`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::inspect::Inspect;
use crate::scenario::query::Partial;

/// An object is there and has these fields; others do not matter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Object(pub Partial);

impl Statement for Object {
    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.partial(&[], &self.0.target.api_version, &self.0.target.kind);
    }
}
