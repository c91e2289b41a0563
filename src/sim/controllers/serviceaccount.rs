//! serviceaccount: every namespace has an account named `default`.
//! Who Pods are with it is admission's. Source: `pkg/controller/serviceaccount/serviceaccounts_controller.go`.

use serde_json::json;

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use crate::sim::apiserver::registry::kinds::serviceaccount::SERVICEACCOUNT;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are namespaces.
pub static SERVICE_ACCOUNT_CONTROLLER: Controller = Controller {
    name: "service-account-controller",
    watches: &[
        Watched { resource: &NAMESPACE, keys: own },
        Watched {
            resource: &SERVICEACCOUNT,
            keys: |_, account| match meta::name(account) {
                "default" => vec![(String::new(), meta::namespace(account).to_owned())],
                _ => Vec::new(),
            },
        },
    ],
    reconcile,
};

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let client = &context.client;
    let active = client.find(&NAMESPACE, "", name).is_some_and(|found| meta::text(&found, "/status/phase") == "Active");
    if !active || client.find(&SERVICEACCOUNT, name, "default").is_some() {
        return Ok(Next::Done);
    }
    match client.create(&SERVICEACCOUNT, json!({ "metadata": { "name": "default", "namespace": name } })) {
        Err(status) if !status.is_conflict() && !status.has_cause("NamespaceTerminating") => Err(status),
        _ => Ok(Next::Done),
    }
}
