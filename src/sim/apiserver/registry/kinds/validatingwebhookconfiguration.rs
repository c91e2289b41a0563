//! ValidatingWebhookConfiguration: servers that are asked about writes. What becomes of that is admission's (`admission/webhooks.rs`).
//! Source: `pkg/apis/admissionregistration/v1/defaults.go`.

use serde_json::{Value, json};

use super::cells;
use super::filling::{each, part};
use super::webhooks;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, integer};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration`.
pub static VALIDATINGWEBHOOKCONFIGURATION: Resource = Resource {
    group: "admissionregistration.k8s.io",
    version: "v1",
    kind: "ValidatingWebhookConfiguration",
    plural: "validatingwebhookconfigurations",
    singular: "validatingwebhookconfiguration",
    short_names: &[],
    categories: &["api-extensions"],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        defaults: |configuration| each(configuration, "webhooks", webhook),
        validate: webhooks::validate,
        generation: true,
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, integer("Webhooks"), AGE],
        row: |configuration, now| {
            vec![
                cells::name(configuration),
                json!(meta::list(configuration, "/webhooks").len()),
                age(configuration, now),
            ]
        },
    },
    stored_as: None,
};

fn webhook(webhook: &mut Value) {
    meta::set_default(webhook, "failurePolicy", "Fail");
    meta::set_default(webhook, "matchPolicy", "Equivalent");
    meta::set_default(webhook, "namespaceSelector", json!({}));
    meta::set_default(webhook, "objectSelector", json!({}));
    meta::set_default(webhook, "timeoutSeconds", 10);
    each(webhook, "rules", |rule| meta::set_default(rule, "scope", "*"));
    part(webhook, "clientConfig", |config| part(config, "service", |service| meta::set_default(service, "port", 443)));
}
