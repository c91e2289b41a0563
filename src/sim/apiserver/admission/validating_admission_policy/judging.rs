//! What a policy's expressions say of a write: conditions first, then variables as they are needed, then the validations.
//! Source: `k8s.io/apiserver/pkg/admission/plugin/policy/validating/validator.go` and `pkg/admission/plugin/cel`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Write, matching};
use crate::expr::{ExprError, Program};
use crate::object::meta;

/// Why a write is refused, or would be.
pub(super) struct Denial {
    pub message: String,
    /// The reason of the Status; empty for the usual one.
    pub reason: String,
}

type Variables = BTreeMap<String, Value>;

/// What is wrong with a write, in the order of the validations.
pub(super) fn judge(policy: &Value, parameter: &Value, write: &Write) -> Vec<Denial> {
    let fails = meta::text(policy, "/spec/failurePolicy") != "Ignore";
    let broken = |message: String| {
        let denial = Denial { message, reason: String::new() };
        if fails { vec![denial] } else { Vec::new() }
    };
    let mut known = inputs(parameter, write);
    for condition in meta::list(policy, "/spec/matchConditions") {
        let text = meta::text(condition, "/expression");
        match eval(text, &known) {
            Ok(Value::Bool(true)) => {}
            Ok(_) => return Vec::new(),
            Err(why) => return broken(format!("expression '{text}' resulted in error: {why}")),
        }
    }
    known.insert("variables".to_owned(), variables(policy, &known));
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

fn eval(text: &str, known: &Variables) -> Result<Value, String> {
    Program::compile(text).and_then(|program| program.eval(known)).map_err(|error| match error {
        ExprError::Missing(key) => format!("no such key: {key}"),
        ExprError::Undeclared(name) => format!("no such attribute(s): {name}"),
        ExprError::Eval(why) => why,
        other => other.to_string(),
    })
}

/// Each variable may use those before it; one that cannot be computed is missing where it is asked for.
fn variables(policy: &Value, known: &Variables) -> Value {
    let mut known = known.clone();
    let mut made = json!({});
    for variable in meta::list(policy, "/spec/variables") {
        known.insert("variables".to_owned(), made.clone());
        if let Ok(value) = eval(meta::text(variable, "/expression"), &known) {
            made[meta::text(variable, "/name")] = value;
        }
    }
    made
}

/// The message of a failed validation: computed, given, or made of the expression.
fn message(validation: &Value, known: &Variables) -> String {
    let computed = match meta::text(validation, "/messageExpression") {
        "" => None,
        text => eval(text, known).ok().and_then(|value| value.as_str().map(|text| text.trim().to_owned())),
    };
    let computed = computed.filter(|text| !text.is_empty() && !text.contains('\n'));
    computed.unwrap_or_else(|| match meta::text(validation, "/message").trim() {
        "" => format!("failed expression: {}", meta::text(validation, "/expression").trim()),
        given => given.to_owned(),
    })
}

fn inputs(parameter: &Value, write: &Write) -> Variables {
    let or_null = |object: Option<&Value>| object.cloned().unwrap_or_default();
    BTreeMap::from([
        ("object".to_owned(), or_null(write.object)),
        ("oldObject".to_owned(), or_null(write.old)),
        ("params".to_owned(), parameter.clone()),
        ("namespaceObject".to_owned(), or_null(write.namespace.as_deref())),
        ("request".to_owned(), request(write)),
    ])
}

/// The `AdmissionRequest`, without the objects.
fn request(write: &Write) -> Value {
    let (attributes, resource) = (write.attributes, write.attributes.resource);
    let kind = json!({ "group": resource.group, "version": resource.version, "kind": resource.kind });
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
