//! `delete`: an object goes.
//! Waiting until it is gone is the lab's.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::query::Target;

/// Deletes an object, and waits until it is gone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Delete(pub Target);
