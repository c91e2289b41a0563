//! `waitFor`: until an object has some fields.
//! Waiting is the lab's.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::query::Partial;

/// Waits until an object has some fields.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitFor {
    /// The object and the fields, matched as in the check `object`.
    pub object: Partial,
    /// How long it may take, such as `20s`; 30 seconds where it is not said.
    #[serde(default, deserialize_with = "crate::scenario::duration::optional")]
    #[schemars(with = "Option<String>")]
    pub within: Option<Duration>,
}

impl WaitFor {
    /// How long it may take.
    pub fn limit(&self) -> Duration {
        self.within.unwrap_or(Duration::from_secs(30))
    }
}
