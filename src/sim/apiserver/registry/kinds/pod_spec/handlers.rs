//! Probes and lifecycle hooks.
//! Source: `pkg/apis/core/validation/validation.go`, validateProbe, validateHandler, validateLifecycle.

use serde_json::Value;

use super::super::at::At;
use super::super::check;
use super::validation::Context;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];
const HEADER: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";

/// The hooks of a container.
pub fn lifecycle(lifecycle: At<'_, '_>, context: Context<'_>, errors: &mut ErrorList) {
    for hook in ["postStart", "preStop"] {
        let hook = lifecycle.key(hook);
        if hook.is_set() {
            handler(hook, context.spec, errors);
        }
    }
}

/// The probes of a container.
pub fn probes(container: At<'_, '_>, context: Context<'_>, errors: &mut ErrorList) {
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = container.key(kind);
        if !probe.is_set() {
            continue;
        }
        handler(probe, context.spec, errors);
        for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
        {
            check::not_negative(probe.key(field), errors);
        }
        let grace = probe.key("terminationGracePeriodSeconds");
        if grace.number().is_some_and(|seconds| seconds <= 0) {
            grace.invalid("must be greater than 0", errors);
        }
        let threshold = probe.key("successThreshold");
        if kind == "readinessProbe" {
            if grace.is_set() {
                grace.invalid("must not be set for readinessProbes", errors);
            }
        } else if threshold.count() != 1 {
            threshold.invalid("must be 1", errors);
        }
    }
}

/// Exactly one way to ask.
fn handler(holder: At<'_, '_>, spec: &Value, errors: &mut ErrorList) {
    let mut found = false;
    for kind in HANDLERS {
        let handler = holder.key(kind);
        if !handler.is_set() {
            continue;
        }
        if found {
            handler.forbidden("may not specify more than 1 handler type", errors);
            continue;
        }
        found = true;
        match kind {
            "exec" if handler.key("command").list().is_empty() => handler.key("command").required(errors),
            "httpGet" => http_get(handler, errors),
            "tcpSocket" => check::port(handler.key("port"), errors),
            "grpc" => check::port_number(handler.key("port"), errors),
            "sleep" => sleep(handler, spec, errors),
            _ => {}
        }
    }
    if !found {
        holder.required_because("must specify a handler type", errors);
    }
}

fn http_get(get: At<'_, '_>, errors: &mut ErrorList) {
    if get.key("path").is_empty() {
        get.key("path").required(errors);
    }
    check::port(get.key("port"), errors);
    get.key("scheme").one_of(&["HTTP", "HTTPS"], errors);
    let headers = get.key("httpHeaders");
    for header in headers.items() {
        let name = header.key("name").text();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            errors.invalid(headers.path(), name, HEADER);
        }
    }
}

fn sleep(sleep: At<'_, '_>, spec: &Value, errors: &mut ErrorList) {
    let Some(grace) = meta::number(spec, "/terminationGracePeriodSeconds") else { return };
    let seconds = sleep.key("seconds").count();
    if !(0..=grace).contains(&seconds) {
        let why = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.invalid(sleep.path(), seconds, why);
    }
}
