//! What a policy's expressions say of a write: conditions first, then variables as they are needed, then the validations.
//! Source: `k8s.io/apiserver/pkg/admission/plugin/policy/validating/validator.go` and `pkg/admission/plugin/cel`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::asking;
use crate::expr::{Asking, ExprError, Program};
use crate::object::meta;
use crate::sim::apiserver::admission::matching::{self, Write};

/// Why a write is refused, or would be.
pub(super) struct Denial {
    pub message: String,
    /// The reason of the Status; empty for the usual one.
    pub reason: String,
}

/// What expressions see: values by their names, and who can be asked.
#[derive(Clone)]
struct Known {
    values: BTreeMap<String, Value>,
    asking: Option<Asking>,
}

/// What is wrong with a write, in the order of the validations.
pub(super) fn judge(policy: &Value, parameter: &Value, write: &Write) -> Vec<Denial> {
    let fails = meta::text(policy, "/spec/failurePolicy") != "Ignore";
    let broken = |message: String| {
        let denial = Denial { message, reason: String::new() };
        if fails { vec![denial] } else { Vec::new() }
    };
    let mut known = inputs(parameter, write);
    match conditions(meta::list(policy, "/spec/matchConditions"), &known) {
        Ok(true) => {}
        Ok(false) => return Vec::new(),
        Err(why) => return broken(why),
    }
    known.values.insert("variables".to_owned(), variables(policy, &known));
    let mut denials = Vec::new();
    for validation in meta::list(policy, "/spec/validations") {
        let text = meta::text(validation, "/expression");
        match eval(text, &known) {
            Ok(Value::Bool(true)) => {}
            Ok(_) => denials.push(Denial {
                message: message(validation, &known),
                reason: meta::text(validation, "/reason").to_owned(),
            }),
            Err(why) => denials.extend(broken(format!("expression '{text}' resulted in error: {why}"))),
        }
    }
    denials
}

/// Whether all conditions of a webhook are true of a write, or why one cannot be told.
pub(in crate::sim::apiserver::admission) fn meets(list: &[Value], write: &Write) -> Result<bool, String> {
    if list.is_empty() { Ok(true) } else { conditions(list, &inputs(&Value::Null, write)) }
}

fn conditions(list: &[Value], known: &Known) -> Result<bool, String> {
    for condition in list {
        let text = meta::text(condition, "/expression");
        match eval(text, known) {
            Ok(Value::Bool(true)) => {}
            Ok(_) => return Ok(false),
            Err(why) => return Err(format!("expression '{text}' resulted in error: {why}")),
        }
    }
    Ok(true)
}

fn eval(text: &str, known: &Known) -> Result<Value, String> {
    Program::compile(text).and_then(|program| program.eval_asking(&known.values, known.asking.as_ref())).map_err(
        |error| match error {
            ExprError::Missing(key) => format!("no such key: {key}"),
            ExprError::Undeclared(name) => format!("no such attribute(s): {name}"),
            ExprError::Eval(why) => why,
            other => other.to_string(),
        },
    )
}

/// Each variable may use those before it; one that cannot be computed is missing where it is asked for.
fn variables(policy: &Value, known: &Known) -> Value {
    let mut known = known.clone();
    let mut made = json!({});
    for variable in meta::list(policy, "/spec/variables") {
        known.values.insert("variables".to_owned(), made.clone());
        if let Ok(value) = eval(meta::text(variable, "/expression"), &known) {
            made[meta::text(variable, "/name")] = value;
        }
    }
    made
}

/// The message of a failed validation: computed, given, or made of the expression.
fn message(validation: &Value, known: &Known) -> String {
    let computed = match meta::text(validation, "/messageExpression") {
        "" => None,
        // Messages have nobody to ask.
        text => eval(text, &Known { asking: None, ..known.clone() })
            .ok()
            .and_then(|value| value.as_str().map(|text| text.trim().to_owned())),
    };
    let computed = computed.filter(|text| !text.is_empty() && !text.contains('\n'));
    computed.unwrap_or_else(|| match meta::text(validation, "/message").trim() {
        "" => format!("failed expression: {}", meta::text(validation, "/expression").trim()),
        given => given.to_owned(),
    })
}

fn inputs(parameter: &Value, write: &Write) -> Known {
    let or_null = |object: Option<&Value>| object.cloned().unwrap_or_default();
    let values = BTreeMap::from([
        ("object".to_owned(), or_null(write.object)),
        ("oldObject".to_owned(), or_null(write.old)),
        ("params".to_owned(), parameter.clone()),
        ("namespaceObject".to_owned(), or_null(write.namespace.as_deref())),
        ("request".to_owned(), request(write)),
    ]);
    Known { values, asking: Some(asking::of(write.attributes)) }
}

/// The `AdmissionRequest`, without the objects.
fn request(write: &Write) -> Value {
    let (attributes, resource) = (write.attributes, write.attributes.resource);
    let kind = match attributes.subresource {
        "scale" => json!({ "group": "autoscaling", "version": "v1", "kind": "Scale" }),
        _ => json!({ "group": resource.group, "version": resource.version, "kind": resource.kind }),
    };
    let plural = json!({ "group": resource.group, "version": resource.version, "resource": resource.plural });
    let user = attributes.user;
    let name = match attributes.name {
        "" => write.object.map(meta::name).unwrap_or_default(),
        name => name,
    };
    json!({
        "kind": kind,
        "resource": plural,
        "subResource": attributes.subresource,
        "requestKind": kind,
        "requestResource": plural,
        "requestSubResource": attributes.subresource,
        "name": name,
        "namespace": attributes.namespace,
        "operation": matching::verb(attributes.operation),
        "userInfo": { "username": user.name, "uid": user.uid, "groups": user.groups, "extra": user.extra },
        "dryRun": attributes.dry_run,
    })
}
