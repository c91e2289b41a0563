//! `count`: so many objects of a kind are there.
//! Counting is grading's; zero is a negative.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Statement;
use crate::scenario::form::schema_of_form;
use crate::scenario::inspect::Inspect;
use crate::scenario::query::{Query, Which};

/// So many objects of a kind are there.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "CountForm")]
pub struct Count {
    /// Which objects are counted.
    pub query: Query,
    /// Only those that have these fields count.
    pub matching: Option<Value>,
    /// How many there must be.
    pub bounds: Bounds,
}

/// How many there must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At least so many.
    pub least: u64,
    /// At most so many; `None` for no limit.
    pub most: Option<u64>,
}

impl Bounds {
    /// Whether `count` is right.
    pub fn contain(&self, count: u64) -> bool {
        count >= self.least && self.most.is_none_or(|most| count <= most)
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.least, self.most) {
            (least, Some(most)) if least == most => write!(formatter, "{least}"),
            (0, Some(most)) => write!(formatter, "at most {most}"),
            (least, None) => write!(formatter, "at least {least}"),
            (least, Some(most)) => write!(formatter, "{least} to {most}"),
        }
    }
}

/// So many objects of a kind are there: `equals`, or `atLeast` and `atMost`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "Count", deny_unknown_fields, rename_all = "camelCase")]
struct CountForm {
    /// Such as `v1` or `apps/v1`.
    api_version: String,
    /// Such as `Pod`.
    kind: String,
    /// The namespace; all, where it is left out.
    #[serde(default)]
    namespace: Option<String>,
    /// Labels that every object counted has.
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    /// Fields that every object counted has, matched as in `object`.
    #[serde(default, rename = "where")]
    matching: Option<Value>,
    /// Exactly so many.
    #[serde(default)]
    #[schemars(schema_with = "crate::scenario::template::number_schema")]
    equals: Option<u64>,
    /// So many or more.
    #[serde(default)]
    #[schemars(schema_with = "crate::scenario::template::number_schema")]
    at_least: Option<u64>,
    /// So many or fewer.
    #[serde(default)]
    #[schemars(schema_with = "crate::scenario::template::number_schema")]
    at_most: Option<u64>,
}

schema_of_form!(Count, CountForm);

impl TryFrom<CountForm> for Count {
    type Error = &'static str;

    fn try_from(form: CountForm) -> Result<Self, &'static str> {
        let bounds = match (form.equals, form.at_least, form.at_most) {
            (Some(equals), None, None) => Bounds { least: equals, most: Some(equals) },
            (Some(_), ..) => return Err("`equals` goes with neither `atLeast` nor `atMost`"),
            (None, None, None) => return Err("say how many: `equals`, `atLeast` or `atMost`"),
            (None, Some(least), Some(most)) if least > most => return Err("`atLeast` is more than `atMost`"),
            (None, least, most) => Bounds { least: least.unwrap_or(0), most },
        };
        let which = Which::Labels(form.labels.unwrap_or_default());
        let query = Query { api_version: form.api_version, kind: form.kind, namespace: form.namespace, which };
        Ok(Self { query, matching: form.matching, bounds })
    }
}

impl Statement for Count {
    fn is_negative(&self) -> bool {
        self.bounds.least == 0
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.query(&[], &self.query);
        if self.matching.is_some() {
            inspect.partial(&["where"], &self.query.api_version, &self.query.kind);
        }
        if self.bounds.least == 0 && self.bounds.most.is_none() {
            inspect.error(&[], "bad-value", "this holds for any number of objects");
        }
    }
}
