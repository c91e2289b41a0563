//! validatingadmissionpolicy-status: looks at a policy's expressions beside the types it is about, and warns of fields they do not have.
//! Source: `pkg/controller/validatingadmissionpolicystatus` and `k8s.io/apiserver/pkg/admission/plugin/policy/validating/typechecking.go`.

use serde_json::{Value, json};

use super::Controller;
use super::conditions;
use crate::expr::{self, Step};
use crate::object::meta;
use crate::object::schema::{self, Shape, Type};
use crate::sim::apiserver::registry::kinds::validatingadmissionpolicy::VALIDATINGADMISSIONPOLICY;
use crate::sim::apiserver::registry::{RESOURCES, Resource};
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are policies.
pub static VALIDATING_ADMISSION_POLICY_STATUS: Controller = Controller {
    name: "validatingadmissionpolicy-status-controller",
    watches: &[Watched { resource: &VALIDATINGADMISSIONPOLICY, keys: own }],
    reconcile,
};

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let Some(policy) = context.client.find(&VALIDATINGADMISSIONPOLICY, "", name) else { return Ok(Next::Done) };
    let generation = meta::number(&policy, "/metadata/generation").unwrap_or_default();
    if meta::number(&policy, "/status/observedGeneration") == Some(generation) {
        return Ok(Next::Done);
    }
    let mut checking = json!({});
    let warnings = warnings(&policy);
    if !warnings.is_empty() {
        checking["expressionWarnings"] = Value::Array(warnings);
    }
    let mut status = policy.get("status").cloned().unwrap_or_else(|| json!({}));
    status["observedGeneration"] = json!(generation);
    status["typeChecking"] = checking;
    conditions::write(context, &VALIDATINGADMISSIONPOLICY, &policy, &status)?;
    Ok(Next::Done)
}

fn warnings(policy: &Value) -> Vec<Value> {
    let about = about(policy);
    let mut found = Vec::new();
    for (index, validation) in meta::list(policy, "/spec/validations").iter().enumerate() {
        for key in ["expression", "messageExpression"] {
            let text = meta::text(validation, &format!("/{key}"));
            let said: Vec<String> = about.iter().filter_map(|(resource, of)| warning(text, resource, *of)).collect();
            if !said.is_empty() {
                let field = format!("spec.validations[{index}].{key}");
                found.push(json!({ "fieldRef": field, "warning": format!("{}\n", said.join("\n")) }));
            }
        }
    }
    found
}

/// The types a policy names without a star.
fn about(policy: &Value) -> Vec<(&'static Resource, Type)> {
    let mut found = Vec::new();
    for rule in meta::list(policy, "/spec/matchConstraints/resourceRules") {
        let names = |list: &str, word: &str| meta::list(rule, list).iter().any(|one| one == word);
        for resource in RESOURCES {
            let meant = names("/apiGroups", resource.group)
                && names("/apiVersions", resource.version)
                && names("/resources", resource.plural);
            found
                .extend(schema::of(&resource.api_version(), resource.kind).filter(|_| meant).map(|of| (*resource, of)));
        }
    }
    found
}

fn warning(text: &str, resource: &Resource, of: Type) -> Option<String> {
    let (place, why) = undefined(text, of)?;
    let (kind, group, version) = (resource.kind, resource.group, resource.version);
    let said = expr::pointed_at(text, expr::line_and_column(text, place), &why);
    Some(format!("{group}/{version}, Kind={kind}: {said}"))
}

/// Where an expression asks the object for a field that its type does not have, and the words for it.
fn undefined(text: &str, of: Type) -> Option<(usize, String)> {
    expr::undefined(text, "object", of, |within, field| match within.field(field) {
        Some(found) => match found.shape {
            Shape::Object(next) => Step::Into(next),
            _ => Step::Open,
        },
        None => Step::Wrong(format!("undefined field '{field}'")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_not_there_is_found() {
        let of = schema::of("apps/v1", "Deployment").unwrap();
        assert_eq!(undefined("object.spec.foo.bar == 1", of), Some((11, "undefined field 'foo'".to_owned())));
        assert_eq!(undefined("object.spec.replicas > 1 && object.metadata.labels.app == 'x'", of), None);
        assert_eq!(undefined("oldObject.spec.foo == 1 || object.spec.template.spec.containers.all(c, c.x)", of), None);
    }
}
