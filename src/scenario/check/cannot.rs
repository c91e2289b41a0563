//! `cannot`: somebody may not do something, as the cluster's own access review says.
//! Negative: it pays only after a positive check.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Access, Statement};
use crate::scenario::inspect::Inspect;

/// Somebody may not do something.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Cannot(pub Access);

impl Statement for Cannot {
    fn is_negative(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        self.0.inspect(inspect);
    }
}
