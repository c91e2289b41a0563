//! What admission policies, their bindings and webhooks say of the writes they are about, and the expressions of policies.
//! Source: `pkg/apis/admissionregistration/validation/validation.go`.

use super::at::At;
use super::check;
use crate::expr::{ExprError, Program};
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
    let text = at.text();
    let place = |line: usize, column: usize, said: &str| {
        let shown = text.lines().nth(line - 1).unwrap_or_default();
        let dots = ".".repeat(column - 1);
        format!("compilation failed: ERROR: <input>:{line}:{column}: {said}\n | {shown}\n | {dots}^")
    };
    match Program::compile(text) {
        Err(ExprError::Parse { line, column, message }) => {
            let said = message.trim_start_matches("Syntax error: ");
            at.invalid(place(line, column, &format!("Syntax error: {said}")), errors);
        }
        Err(other) => at.invalid(format!("compilation failed: {other}"), errors),
        Ok(program) => {
            for name in program.variables().into_iter().filter(|name| !known.contains(&name.as_str())) {
                let before = text.find(&name).map(|at| &text[..at]).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                at.invalid(place(line, column, &format!("undeclared reference to '{name}' (in container '')")), errors);
            }
        }
    }
}
