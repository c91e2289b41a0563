//! What webhooks of both kinds must be: their names, the writes they are asked about, where they answer.
//! Source: `pkg/apis/admissionregistration/validation/validation.go` and `k8s.io/apiserver/pkg/util/webhook/validation.go`.

use serde_json::Value;

use super::admission_rules::{Scope, match_conditions, rule};
use super::at::At;
use super::check;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

/// The versions of AdmissionReview that a server of this version speaks.
const REVIEWS: [&str; 2] = ["v1", "v1beta1"];

/// Checks all webhooks of a configuration.
pub fn validate(configuration: &Value, errors: &mut ErrorList) {
    let root = At::root(configuration);
    let webhooks = root.key("webhooks");
    let mut seen: Vec<&str> = Vec::new();
    for webhook in webhooks.items() {
        self::webhook(webhook, errors);
        let name = webhook.key("name");
        if !name.is_empty() && seen.contains(&name.text()) {
            name.duplicate(errors);
        }
        seen.push(name.text());
    }
}

fn webhook(webhook: At<'_, '_>, errors: &mut ErrorList) {
    full_name(webhook.key("name"), errors);
    webhook.key("rules").items().for_each(|one| rule(one, errors));
    webhook.key("failurePolicy").one_of_if_set(&["Fail", "Ignore"], errors);
    webhook.key("matchPolicy").one_of_if_set(&["Equivalent", "Exact"], errors);
    let effects = webhook.key("sideEffects");
    if effects.is_set() {
        effects.one_of(&["None", "NoneOnDryRun"], errors);
    } else {
        effects.required_because("must specify one of None, NoneOnDryRun", errors);
    }
    let timeout = webhook.key("timeoutSeconds");
    if timeout.number().is_some_and(|seconds| !(1..=30).contains(&seconds)) {
        timeout.invalid("the timeout value must be between 1 and 30 seconds", errors);
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        check::selector(webhook.key(selector), errors);
    }
    webhook.key("reinvocationPolicy").one_of_if_set(&["IfNeeded", "Never"], errors);
    client(webhook.key("clientConfig"), errors);
    let scope = Scope { names: vec!["object", "oldObject", "request", "authorizer"], variables: Vec::new() };
    match_conditions(webhook.key("matchConditions"), &scope, errors);
    reviews(webhook.key("admissionReviewVersions"), errors);
}

/// A name with a domain of at least three parts (`k8s.io/apimachinery/pkg/util/validation`, IsFullyQualifiedName).
fn full_name(name: At<'_, '_>, errors: &mut ErrorList) {
    if name.is_empty() {
        return name.required(errors);
    }
    let wrong = names::subdomain(name.text());
    if !wrong.is_empty() {
        return name.invalid(wrong.join(","), errors);
    }
    if name.text().split('.').count() < 3 {
        name.invalid("should be a domain with at least three segments separated by dots", errors);
    }
}

fn reviews(versions: At<'_, '_>, errors: &mut ErrorList) {
    let known = REVIEWS.join(", ");
    if versions.is_empty() {
        return versions.required_because(&format!("must specify one of {known}"), errors);
    }
    if !versions.list().iter().any(|version| version.as_str().is_some_and(|version| REVIEWS.contains(&version))) {
        versions.invalid(format!("must include at least one of {known}"), errors);
    }
}

fn client(config: At<'_, '_>, errors: &mut ErrorList) {
    let (url, service) = (config.key("url"), config.key("service"));
    match (url.is_set(), service.is_set()) {
        (true, false) => address(url, errors),
        (false, true) => self::service(service, errors),
        _ => config.required_because("exactly one of url or service is required", errors),
    }
}

fn address(url: At<'_, '_>, errors: &mut ErrorList) {
    let form = "; desired format: https://host[/path]";
    let (scheme, rest) = url.text().split_once("://").unwrap_or_default();
    if scheme != "https" {
        errors.invalid(url.path(), scheme, format!("'https' is the only allowed URL scheme{form}"));
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() {
        errors.invalid(url.path(), host, format!("host must be specified{form}"));
    }
}

fn service(service: At<'_, '_>, errors: &mut ErrorList) {
    for (key, why) in [("name", "service name is required"), ("namespace", "service namespace is required")] {
        if service.key(key).is_empty() {
            service.key(key).required_because(why, errors);
        }
    }
    let (port, path) = (service.key("port"), service.key("path"));
    if port.is_set() && !(1..=65_535).contains(&port.count()) {
        port.invalid("port is not valid: must be between 1 and 65535, inclusive", errors);
    }
    if path.is_set() {
        self::path(path, errors);
    }
}

fn path(path: At<'_, '_>, errors: &mut ErrorList) {
    let text = path.text();
    if text == "/" || text.is_empty() {
        return;
    }
    if text == "//" {
        return path.invalid("segment[0] may not be empty", errors);
    }
    if !text.starts_with('/') {
        path.invalid("must start with a '/'", errors);
    }
    // Upstream looks at what follows the first letter, whatever that is.
    let inner = text.get(1..).unwrap_or_default();
    let steps: Vec<&str> = inner.strip_suffix('/').unwrap_or(inner).split('/').collect();
    for (index, step) in steps.into_iter().enumerate() {
        if step.is_empty() {
            path.invalid(format!("segment[{index}] may not be empty"), errors);
            continue;
        }
        for why in names::subdomain(step) {
            path.invalid(format!("segment[{index}]: {why}"), errors);
        }
    }
}
