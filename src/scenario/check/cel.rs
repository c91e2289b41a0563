//! `cel`: an expression over some objects is true.
//! Compiling and evaluating stand in the layer `expr`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::inspect::Inspect;
use crate::scenario::query::Query;

/// An expression over some objects is true. Each name under `objects` is a variable: the object itself where it is asked for by
/// `name`, a list of objects otherwise.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cel {
    /// The objects the expression looks at, by the variable's name.
    pub objects: BTreeMap<String, Query>,
    /// The expression, in CEL; it must be true.
    pub expr: String,
    /// What the learner is told when it is not.
    #[serde(default)]
    pub message: Option<String>,
}

impl Statement for Cel {
    fn inspect(&self, inspect: &mut Inspect<'_>) {
        for (name, query) in &self.objects {
            inspect.query(&["objects", name], query);
        }
        if self.objects.is_empty() {
            inspect.error(&[], "bad-value", "an expression needs at least one object to look at under `objects`");
        }
        inspect.expression(&["expr"], &self.expr, &self.objects);
        if self.message.is_none() {
            inspect.warning(&["expr"], "no-message", "the learner is not told what is wrong when this is not true");
        }
    }
}
