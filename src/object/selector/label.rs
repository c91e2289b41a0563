//! Label requirements and selectors: made from specs or from the query language, asked whether they match labels.
//! The query language's grammar is `query`'s.

use std::fmt;

use serde_json::{Map, Value};

use super::{SelectorError, query, syntax};

/// What a requirement asks of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `key in (a,b)`
    In,
    /// `key notin (a,b)`; also true when the label is absent.
    NotIn,
    /// `key=value`
    Equals,
    /// `key==value`
    DoubleEquals,
    /// `key!=value`; also true when the label is absent.
    NotEquals,
    /// `key`
    Exists,
    /// `!key`
    DoesNotExist,
    /// `key>1`: the label is a whole number greater than the value.
    GreaterThan,
    /// `key<1`
    LessThan,
}

/// One condition on one label. Values are sorted and unique, as upstream prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

/// Conditions on labels that must all hold; or the selector that matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSelector {
    /// `None` selects nothing: what an absent selector in a spec means.
    requirements: Option<Vec<Requirement>>,
}

impl Requirement {
    /// A requirement, checked as the API server checks it: key and values well-formed, and as many values as the operator wants.
    pub fn new(key: &str, operator: Operator, values: Vec<String>) -> Result<Requirement, SelectorError> {
        let mut faults = Vec::new();
        let key_faults = syntax::key_faults(key);
        if !key_faults.is_empty() {
            faults.push(format!("key: Invalid value: {key:?}: {}", key_faults.join("; ")));
        }
        if let Some(fault) = count_fault(operator, values.len()) {
            faults.push(format!("values: Invalid value: {}: {fault}", Value::from(values.clone())));
        }
        for (index, value) in values.iter().enumerate() {
            if matches!(operator, Operator::GreaterThan | Operator::LessThan) && value.parse::<i64>().is_err() {
                let fault = "for 'Gt', 'Lt' operators, the value must be an integer";
                faults.push(format!("values[{index}]: Invalid value: {value:?}: {fault}"));
            }
            let value_faults = syntax::value_faults(value);
            if !value_faults.is_empty() {
                faults.push(format!("values[{index}][{key}]: Invalid value: {value:?}: {}", value_faults.join("; ")));
            }
        }
        match faults.len() {
            0 => Ok(Requirement { key: key.to_owned(), operator, values: sorted(values) }),
            1 => Err(SelectorError(faults.remove(0))),
            _ => Err(SelectorError(format!("[{}]", faults.join(", ")))),
        }
    }

    /// The object form `{key, operator, values}` of a node selector term: `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt`, `Lt`.
    pub fn from_expression(expression: &Value) -> Result<Requirement, SelectorError> {
        let text = |name: &str| expression.get(name).and_then(Value::as_str).unwrap_or_default();
        let operator = match text("operator") {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::GreaterThan,
            "Lt" => Operator::LessThan,
            other => return Err(SelectorError(format!("{other:?} is not a valid node selector operator"))),
        };
        let values = expression.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let values = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Requirement::new(text("key"), operator, values)
    }

    /// The label asked about.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is asked.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The values it is compared with, sorted.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether labels meet it; no labels are empty labels.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.matches_value(labels.and_then(|labels| labels.get(&self.key)).and_then(Value::as_str))
    }

    /// Whether a label's value meets it; `None` when the label is absent.
    pub fn matches_value(&self, label: Option<&str>) -> bool {
        let listed = |label: &str| self.values.iter().any(|value| value == label);
        let number = || Some((label?.parse::<i64>().ok()?, self.values.first()?.parse::<i64>().ok()?));
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => label.is_some_and(listed),
            Operator::NotIn | Operator::NotEquals => !label.is_some_and(listed),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan => number().is_some_and(|(label, value)| label > value),
            Operator::LessThan => number().is_some_and(|(label, value)| label < value),
        }
    }
}

fn count_fault(operator: Operator, values: usize) -> Option<&'static str> {
    use Operator::*;
    match operator {
        In | NotIn if values == 0 => Some("for 'in', 'notin' operators, values set can't be empty"),
        Equals | DoubleEquals | NotEquals if values != 1 => Some("exact-match compatibility requires one single value"),
        Exists | DoesNotExist if values != 0 => Some("values set must be empty for exists and does not exist"),
        GreaterThan | LessThan if values != 1 => Some("for 'Gt', 'Lt' operators, exactly one value is required"),
        _ => None,
    }
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values.dedup();
    values
}

impl LabelSelector {
    /// Selects everything.
    pub fn everything() -> LabelSelector {
        LabelSelector { requirements: Some(Vec::new()) }
    }

    /// Selects nothing.
    pub fn nothing() -> LabelSelector {
        LabelSelector { requirements: None }
    }

    /// Reads the query language: `app=web,tier in (a,b),!old`. An empty text selects everything.
    pub fn parse(text: &str) -> Result<LabelSelector, SelectorError> {
        Ok(LabelSelector::from_requirements(query::parse(text)?))
    }

    /// All of these must hold.
    pub fn from_requirements(mut requirements: Vec<Requirement>) -> LabelSelector {
        requirements.sort_by(|left, right| left.key.cmp(&right.key));
        LabelSelector { requirements: Some(requirements) }
    }

    /// Reads the object form `{matchLabels, matchExpressions}`. Absent or null selects nothing, `{}` everything.
    pub fn from_object(selector: Option<&Value>) -> Result<LabelSelector, SelectorError> {
        let Some(selector) = selector.filter(|selector| !selector.is_null()) else {
            return Ok(LabelSelector::nothing());
        };
        let mut requirements = match selector.get("matchLabels").and_then(Value::as_object) {
            Some(labels) => equalities(labels)?,
            None => Vec::new(),
        };
        for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let operator = expression.get("operator").and_then(Value::as_str).unwrap_or_default();
            if !matches!(operator, "In" | "NotIn" | "Exists" | "DoesNotExist") {
                return Err(SelectorError(format!("{operator:?} is not a valid label selector operator")));
            }
            requirements.push(Requirement::from_expression(expression)?);
        }
        Ok(LabelSelector::from_requirements(requirements))
    }

    /// Reads a plain map, as in a Service's `spec.selector`: every label must have just this value. Absent or empty selects nothing,
    /// as a Service without a selector does.
    pub fn from_map(labels: Option<&Map<String, Value>>) -> Result<LabelSelector, SelectorError> {
        match labels.filter(|labels| !labels.is_empty()) {
            Some(labels) => Ok(LabelSelector::from_requirements(equalities(labels)?)),
            None => Ok(LabelSelector::nothing()),
        }
    }

    /// Whether it restricts nothing.
    pub fn is_everything(&self) -> bool {
        self.requirements.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether it can match nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.requirements.is_none()
    }

    /// The requirements, sorted by key.
    pub fn requirements(&self) -> &[Requirement] {
        self.requirements.as_deref().unwrap_or_default()
    }

    /// Whether an object's labels are selected; no labels are empty labels.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.requirements.as_ref().is_some_and(|all| all.iter().all(|requirement| requirement.matches(labels)))
    }

    /// Whether an object is selected by its `metadata.labels`.
    pub fn selects(&self, object: &Value) -> bool {
        self.matches(object.get("metadata").and_then(|metadata| metadata.get("labels")).and_then(Value::as_object))
    }
}

fn equalities(labels: &Map<String, Value>) -> Result<Vec<Requirement>, SelectorError> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    labels.iter().map(|(key, value)| Requirement::new(key, Operator::Equals, vec![text(value)])).collect()
}

impl fmt::Display for Requirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::In => write!(out, "{key} in ({values})"),
            Operator::NotIn => write!(out, "{key} notin ({values})"),
            Operator::Equals => write!(out, "{key}={values}"),
            Operator::DoubleEquals => write!(out, "{key}=={values}"),
            Operator::NotEquals => write!(out, "{key}!={values}"),
            Operator::Exists => write!(out, "{key}"),
            Operator::DoesNotExist => write!(out, "!{key}"),
            Operator::GreaterThan => write!(out, "{key}>{values}"),
            Operator::LessThan => write!(out, "{key}<{values}"),
        }
    }
}

/// The query-language form; `<none>` for the selector that selects nothing, as kubectl prints it.
impl fmt::Display for LabelSelector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.requirements {
            None => out.write_str("<none>"),
            Some(all) => out.write_str(&all.iter().map(Requirement::to_string).collect::<Vec<_>>().join(",")),
        }
    }
}
