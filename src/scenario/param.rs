//! Parameters: what a scenario's templates are filled with, and how a seed draws them.
//! How templates use them stands in `template`.

use std::collections::BTreeMap;
use std::fmt;

use rand::Rng;
use schemars::JsonSchema;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::form::schema_of_form;
use crate::base::seed::Seed;

/// How often a draw is begun again where the values left cannot differ as they should.
const ATTEMPTS: u32 = 200;
const MOST_NUMBERS: i64 = 100_000;

/// One value of a variant, drawn anew for each seed.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "ParamForm")]
pub struct Param {
    /// What it may be.
    pub values: Values,
    /// The parameters it must differ from.
    pub differs: Vec<String>,
}

/// The values a parameter may take.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One of these.
    Choose(Vec<Value>),
    /// A whole number.
    Numbers {
        /// The least.
        from: i64,
        /// The greatest.
        to: i64,
        /// From one to the next.
        step: i64,
    },
}

/// A value drawn anew for each seed: one of a list (`choose`), or a whole number (`from`, `to`, `step`).
#[derive(serde::Deserialize, JsonSchema)]
#[serde(rename = "Param", deny_unknown_fields)]
struct ParamForm {
    /// One of these is drawn. An item may be a mapping: `{{ app.name }}` then reaches into it.
    #[serde(default)]
    choose: Option<Vec<Value>>,
    /// The least number that may be drawn.
    #[serde(default)]
    from: Option<i64>,
    /// The greatest number that may be drawn.
    #[serde(default)]
    to: Option<i64>,
    /// The distance between numbers that may be drawn; 1 where it is not said.
    #[serde(default)]
    step: Option<i64>,
    /// Names of parameters whose drawn value this one must not have.
    #[serde(default)]
    differs: Vec<String>,
}

schema_of_form!(Param, ParamForm);

impl TryFrom<ParamForm> for Param {
    type Error = String;

    fn try_from(form: ParamForm) -> Result<Self, String> {
        let values = match (form.choose, form.from, form.to) {
            (Some(choose), None, None) if form.step.is_none() => {
                if choose.is_empty() {
                    return Err("`choose` has nothing to choose from".to_owned());
                }
                Values::Choose(choose)
            }
            (None, Some(from), Some(to)) => {
                let step = form.step.unwrap_or(1);
                if step >= 1 && from <= to && to.checked_sub(from).is_none_or(|far| far / step > MOST_NUMBERS) {
                    return Err(format!(
                        "there are more than {MOST_NUMBERS} numbers from {from} to {to}; take a larger step"
                    ));
                }
                if step < 1 || from > to {
                    return Err(format!("there is no number to draw from {from} to {to} in steps of {step}"));
                }
                Values::Numbers { from, to, step }
            }
            _ => return Err("a parameter is either { choose: [..] } or { from: 1, to: 9 }".to_owned()),
        };
        Ok(Self { values, differs: form.differs })
    }
}

impl Values {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        match self {
            Self::Choose(items) => items.len() as u64,
            Self::Numbers { from, to, step } => ((to - from) / step) as u64 + 1,
        }
    }

    /// The value at a position below [`Values::count`].
    pub fn nth(&self, index: u64) -> Value {
        match self {
            Self::Choose(items) => items.get(index as usize).cloned().unwrap_or_default(),
            Self::Numbers { from, step, .. } => Value::from(from + index as i64 * step),
        }
    }
}

/// A scenario's parameters in the order of its file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(pub Vec<(String, Param)>);

impl Params {
    /// Whether a parameter has this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The values of a seed. Each parameter is drawn by its own name, so that one more changes none of the others.
    /// `None` where no values can differ as they should.
    pub fn draw(&self, seed: Seed) -> Option<Map<String, Value>> {
        (0..ATTEMPTS).find_map(|attempt| self.attempt(seed, attempt))
    }

    fn attempt(&self, seed: Seed, attempt: u32) -> Option<Map<String, Value>> {
        let mut drawn: Map<String, Value> = Map::new();
        for (name, param) in &self.0 {
            let part = if attempt == 0 { format!("param {name}") } else { format!("param {name} {attempt}") };
            let avoid: Vec<&Value> = drawn
                .iter()
                .filter(|(other, _)| param.differs.contains(other) || self.asks(other, name))
                .map(|(_, value)| value)
                .collect();
            let first = seed.derive(&part).rng().next_u64() % param.values.count();
            // Neighbours of a value to avoid are tried in turn: at most as many as there are values to avoid, and one more.
            let tries = (avoid.len() as u64 + 1).min(param.values.count()).max(duplicates(&param.values));
            let value = (0..tries)
                .map(|step| param.values.nth((first + step) % param.values.count()))
                .find(|value| !avoid.contains(&value))?;
            drawn.insert(name.clone(), value);
        }
        Some(drawn)
    }

    fn asks(&self, param: &str, to_differ_from: &str) -> bool {
        self.0.iter().any(|(name, param_)| name == param && param_.differs.iter().any(|other| other == to_differ_from))
    }
}

/// How many values to look at where a list may hold the same value twice.
fn duplicates(values: &Values) -> u64 {
    if matches!(values, Values::Choose(_)) { values.count() } else { 0 }
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Params;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping of names to parameters")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Params, A::Error> {
                let mut params = Vec::new();
                while let Some(name) = access.next_key::<String>()? {
                    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
                    if !plain || name.starts_with(|letter: char| letter.is_ascii_digit()) {
                        let message = format!("`{name}` cannot be used in a template; use letters, digits and `_`");
                        return Err(de::Error::custom(message));
                    }
                    params.push((name, access.next_value()?));
                }
                Ok(Params(params))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl JsonSchema for Params {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Params".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        BTreeMap::<String, Param>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn params(value: Value) -> Params {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_seed_always_draws_the_same() {
        let all = params(json!({
            "ns": {"choose": ["orion", "apollo", "vega", "lyra"]},
            "n": {"from": 2, "to": 20, "step": 3},
            "app": {"choose": [{"name": "web", "port": 80}, {"name": "api", "port": 8080}]},
        }));
        let drawn: Vec<String> = (1..=4).map(|seed| json!(all.draw(Seed(seed)).unwrap()).to_string()).collect();
        insta::assert_snapshot!(drawn.join("\n"), @r#"
        {"ns":"vega","n":5,"app":{"name":"api","port":8080}}
        {"ns":"vega","n":8,"app":{"name":"api","port":8080}}
        {"ns":"apollo","n":5,"app":{"name":"api","port":8080}}
        {"ns":"lyra","n":11,"app":{"name":"web","port":80}}
        "#);
    }

    #[test]
    fn one_more_parameter_changes_none_of_the_others() {
        let few = params(json!({"a": {"from": 1, "to": 999}}));
        let more = params(json!({"b": {"from": 1, "to": 999}, "a": {"from": 1, "to": 999}}));
        assert_eq!(few.draw(Seed(7)).unwrap()["a"], more.draw(Seed(7)).unwrap()["a"]);
    }

    #[test]
    fn values_differ_where_they_should_whichever_side_says_so() {
        let tight = params(json!({
            "a": {"choose": ["x", "y"], "differs": ["b"]},
            "b": {"choose": ["x", "y", "z"]},
            "c": {"choose": ["y", "z"], "differs": ["a", "b"]},
        }));
        for seed in 0..200 {
            let drawn = tight.draw(Seed(seed)).unwrap();
            assert!(drawn["a"] != drawn["b"] && drawn["c"] != drawn["a"] && drawn["c"] != drawn["b"], "{drawn:?}");
        }
        let never = params(json!({"a": {"choose": ["x"]}, "b": {"choose": ["x"], "differs": ["a"]}}));
        assert_eq!(never.draw(Seed(1)), None);
    }
}
