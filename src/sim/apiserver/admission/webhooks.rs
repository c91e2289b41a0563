//! MutatingAdmissionWebhook and ValidatingAdmissionWebhook: servers of somebody's are asked about writes.
//! Programs in this cluster's Pods are none: a webhook that can be reached agrees, one that cannot fails as its policy says.
//! Source: `k8s.io/apiserver/pkg/admission/plugin/webhook/{generic/webhook.go,validating/dispatcher.go,mutating/dispatcher.go}`.

use serde_json::Value;

use super::matching::{self, Write};
use super::validating_admission_policy::judging;
use super::{Attributes, Operation, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Storage;

pub const MUTATING: Plugin = Plugin {
    name: "MutatingAdmissionWebhook",
    mutate: |attributes, object| ask(attributes, object, "mutatingwebhookconfigurations"),
    validate: |attributes, object| match attributes.operation {
        // What is being deleted is changed by nobody, but asked about.
        Operation::Delete => ask(attributes, object, "mutatingwebhookconfigurations"),
        _ => Ok(()),
    },
};

pub const VALIDATING: Plugin = Plugin {
    name: "ValidatingAdmissionWebhook",
    validate: |attributes, object| ask(attributes, object, "validatingwebhookconfigurations"),
    ..Plugin::NOTHING
};

const GROUP: &str = "admissionregistration.k8s.io";

fn ask(attributes: &Attributes, object: &Value, configurations: &str) -> Result<()> {
    let resource = format!("{configurations}.{GROUP}");
    // Nobody could get rid of a broken webhook that is asked about itself.
    if attributes.resource.group == GROUP || attributes.storage.count(&resource) == 0 {
        return Ok(());
    }
    let write = Write::of(attributes, (object, attributes.old));
    let (all, _) = attributes.storage.list(&resource, None);
    let webhooks = all.iter().flat_map(|configuration| meta::list(configuration, "/webhooks"));
    webhooks.filter(|webhook| matching::concerns(webhook, &write)).try_for_each(|webhook| call(webhook, &write))
}

fn call(webhook: &Value, write: &Write) -> Result<()> {
    let name = meta::text(webhook, "/name");
    let fails = meta::text(webhook, "/failurePolicy") != "Ignore";
    match judging::meets(meta::list(webhook, "/matchConditions"), write) {
        Ok(true) => {}
        Ok(false) => return Ok(()),
        Err(_) if !fails => return Ok(()),
        Err(why) => {
            let object = write.object.or(write.old).unwrap_or(&Value::Null);
            return Err(write.attributes.forbidden(object, &why));
        }
    }
    if write.attributes.dry_run && !matches!(meta::text(webhook, "/sideEffects"), "None" | "NoneOnDryRun") {
        return Err(Status::bad_request(format!("admission webhook {name:?} does not support dry run")));
    }
    match reach(webhook, write.attributes.storage) {
        Err((url, why)) if fails => {
            let seconds = meta::number(webhook, "/timeoutSeconds").unwrap_or(10);
            let post = format!("failed to call webhook: Post \"{url}?timeout={seconds}s\": {why}");
            Err(Status::internal(format!("failed calling webhook {name:?}: {post}")))
        }
        _ => Ok(()),
    }
}

/// Whether somebody listens where a webhook is said to be; its address and what dialling it comes to where nobody does.
fn reach(webhook: &Value, storage: &Storage) -> std::result::Result<(), (String, String)> {
    let Some(service) = webhook.pointer("/clientConfig/service") else {
        let url = meta::text(webhook, "/clientConfig/url");
        let host = url.trim_start_matches("https://").split(['/', ':']).next().unwrap_or_default();
        // Nothing outside of the cluster is there.
        return Err((url.to_owned(), format!("dial tcp: lookup {host}: no such host")));
    };
    let (namespace, name) = (meta::text(service, "/namespace"), meta::text(service, "/name"));
    let port = meta::number(service, "/port").unwrap_or(443);
    let path = Some(meta::text(service, "/path")).filter(|path| !path.is_empty()).unwrap_or("/");
    let url = format!("https://{name}.{namespace}.svc:{port}{path}");
    let Some(found) = storage.get("services", namespace, name) else {
        return Err((url, format!("service {name:?} not found")));
    };
    if !meta::list(&found, "/spec/ports").iter().any(|known| known["port"] == port) {
        return Err((url, format!("no service port {port} found for service {name:?}")));
    }
    let of_service = |slice: &Value| meta::label(slice, "kubernetes.io/service-name") == Some(name);
    let ready = |endpoint: &Value| endpoint.pointer("/conditions/ready") != Some(&Value::Bool(false));
    let (slices, _) = storage.list("endpointslices.discovery.k8s.io", Some(namespace));
    if slices.iter().any(|slice| of_service(slice) && meta::list(slice, "/endpoints").iter().any(ready)) {
        return Ok(());
    }
    Err((url, format!("dial tcp {}:{port}: connect: connection refused", meta::text(&found, "/spec/clusterIP"))))
}
