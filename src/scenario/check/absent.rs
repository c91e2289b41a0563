//! `absent`: no such object is there.
//! Negative: it pays only after a positive check.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::inspect::Inspect;
use crate::scenario::query::Query;

/// No such object is there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Absent(pub Query);

impl Statement for Absent {
    fn is_negative(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.query(&[], &self.0);
    }
}
