//! `run`: shell text, in solutions and wrong answers only.
//! Running it is the lab's.

use schemars::JsonSchema;
use serde::Deserialize;

/// Shell text, run by `sh -eu` in the task's working directory with `KUBECONFIG` set. The files of the scenario's folder `solution/`
/// stand drawn under `$SOLUTION`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Run(pub String);
