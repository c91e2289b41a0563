//! `cannot`: somebody may not do something, as the cluster's own access review says.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Access, Statement};
use crate::scenario::lint::inspect::Inspect;

/// Somebody may not do something.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Cannot(pub Access);

impl Statement for Cannot {
    fn is_negative(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.access(&self.0);
    }
}
