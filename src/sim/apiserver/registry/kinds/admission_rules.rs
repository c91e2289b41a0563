//! What admission policies, their bindings and webhooks say of the writes they are about, and the expressions of policies.
//! Source: `pkg/apis/admissionregistration/validation/validation.go`.

use super::at::At;
use super::check;
use crate::expr::{ExprError, Program, Step, line_and_column, pointed_at, undefined};
use crate::sim::apiserver::field::ErrorList;

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

/// Checks `matchConstraints` or `matchResources`.
pub fn match_resources(at: At<'_, '_>, errors: &mut ErrorList) {
    at.key("matchPolicy").one_of(&["Equivalent", "Exact"], errors);
    for key in ["namespaceSelector", "objectSelector"] {
        check::selector(at.key(key), errors);
    }
    for list in ["resourceRules", "excludeResourceRules"] {
        at.key(list).items().for_each(|one| rule(one, errors));
    }
}

/// Checks one rule over operations and resources.
pub fn rule(at: At<'_, '_>, errors: &mut ErrorList) {
    let operations = at.key("operations");
    some(operations, "operations", errors);
    operations.items().for_each(|operation| operation.one_of(&OPERATIONS, errors));
    some(at.key("apiGroups"), "API groups", errors);
    let versions = at.key("apiVersions");
    some(versions, "API versions", errors);
    for version in versions.items().filter(|version| version.is_empty()) {
        version.required(errors);
    }
    let resources = at.key("resources");
    if resources.is_empty() {
        resources.required(errors);
    }
    for resource in resources.items().filter(|resource| resource.is_empty()) {
        resource.required(errors);
    }
    at.key("scope").one_of_if_set(&["*", "Cluster", "Namespaced"], errors);
}

fn some(list: At<'_, '_>, what: &str, errors: &mut ErrorList) {
    if list.is_empty() {
        list.required(errors);
    } else if list.list().len() > 1 && list.list().iter().any(|one| one == "*") {
        list.invalid(format!("if '*' is present, must not specify other {what}"), errors);
    }
}

/// Checks an expression that has to be there: it parses, and names nothing but `known`.
pub fn expression(at: At<'_, '_>, known: &[&str], errors: &mut ErrorList) {
    if at.text().trim().is_empty() {
        return at.required_because("expression is not specified", errors);
    }
    for why in faults(at.text(), known) {
        at.invalid(format!("compilation failed: {why}"), errors);
    }
}

/// What the expressions of a policy or webhook may name.
#[derive(Clone, Default)]
pub struct Scope<'a> {
    pub names: Vec<&'a str>,
    /// What there is of `variables`, where that is among the names.
    pub variables: Vec<&'a str>,
}

/// Names that stand for objects of any type (`k8s.io/apiserver/pkg/admission/plugin/cel/compile.go`).
const DYNAMIC: [&str; 3] = ["object", "oldObject", "params"];

/// Checks an expression that has to give one of these types, or anything where none is told.
pub fn gives(at: At<'_, '_>, scope: &Scope, types: &[&str], errors: &mut ErrorList) {
    let before = errors.0.len();
    expression(at, &scope.names, errors);
    if errors.0.len() > before {
        return;
    }
    if scope.names.contains(&"variables")
        && let Some((place, why)) = undefined(at.text(), "variables", scope.variables.as_slice(), variable)
    {
        let said = pointed_at(at.text(), line_and_column(at.text(), place), &why);
        return at.invalid(format!("compilation failed: {said}"), errors);
    }
    let Ok(program) = Program::compile(at.text()) else { return };
    let Some(is) = program.type_of(&DYNAMIC) else { return };
    match types {
        [] => {}
        types if types.contains(&is) => {}
        [one] => at.invalid(format!("must evaluate to {one} but got {is}"), errors),
        several => {
            let several = several.join(" ");
            at.invalid(format!("must evaluate to one of [{several}] but got {is}"), errors);
        }
    }
}

fn variable<'k>(known: &'k [&'k str], name: &str) -> Step<&'k [&'k str]> {
    if known.contains(&name) { Step::Open } else { Step::Wrong(format!("undefined field '{name}'")) }
}

/// Checks `matchConditions`.
pub fn match_conditions(list: At<'_, '_>, scope: &Scope, errors: &mut ErrorList) {
    let mut seen: Vec<&str> = Vec::new();
    for condition in list.items() {
        gives(condition.key("expression"), scope, &["bool"], errors);
        let name = condition.key("name");
        if name.is_empty() {
            name.required(errors);
            continue;
        }
        check::qualified(name, errors);
        if seen.contains(&name.text()) {
            name.duplicate(errors);
        }
        seen.push(name.text());
    }
}

/// Why an expression does not compile: it does not parse, or names something else than `known`.
pub fn faults(text: &str, known: &[&str]) -> Vec<String> {
    match Program::compile(text) {
        // Valid CEL that our parser does not know, such as `.?`.
        Err(ExprError::Parse { message, .. }) if message.starts_with("unsupported syntax") => Vec::new(),
        Err(ExprError::Parse { line, column, message }) => {
            let said = message.trim_start_matches("Syntax error: ");
            vec![pointed_at(text, (line, column), &format!("Syntax error: {said}"))]
        }
        Err(other) => vec![other.to_string()],
        Ok(program) => {
            let unknown = program.variables().into_iter().filter(|name| !known.contains(&name.as_str()));
            let undeclared = |name: String| {
                let place = line_and_column(text, text.find(&name).unwrap_or_default());
                pointed_at(text, place, &format!("undeclared reference to '{name}' (in container '')"))
            };
            unknown.map(undeclared).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_expressions_bind_and_optional_fields_are_known() {
        let said = |text: &str| {
            let mut errors = ErrorList::default();
            expression(At::root(&json!(text)), &["object"], &mut errors);
            errors.sentence()
        };
        assert_eq!(said("object.?metadata.?labels.orValue({}) == {}"), "[]");
        assert_eq!(said("cel.bind(x, object.spec, x.replicas > 1)"), "[]");
        assert!(said("cel.bind(x, 1, x == y)").contains("undeclared reference to 'y'"));
        assert!(said("cel.bind(x, x, true)").contains("undeclared reference to 'x'"), "not in its own value");
        assert!(said("object. == 1").contains("Syntax error"));
    }
}
