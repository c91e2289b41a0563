//! root-ca-certificate-publisher: every namespace has the cluster's CA certificate in ConfigMap `kube-root-ca.crt`.
//! Pods find it beside their token. Source: `pkg/controller/certificates/rootcacertpublisher/publisher.go`.

use serde_json::json;

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are namespaces.
pub static ROOT_CA_CERTIFICATE_PUBLISHER: Controller = Controller {
    name: "root-ca-certificate-publisher-controller",
    watches: &[
        Watched { resource: &NAMESPACE, keys: own },
        Watched {
            resource: &CONFIGMAP,
            keys: |_, map| match meta::name(map) {
                NAME => vec![(String::new(), meta::namespace(map).to_owned())],
                _ => Vec::new(),
            },
        },
    ],
    reconcile,
};

const NAME: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "kubernetes.io/description";
const TEXT: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

fn reconcile(context: &Context, (_, namespace): &Key) -> Result<Next> {
    let client = &context.client;
    let active =
        client.find(&NAMESPACE, "", namespace).is_some_and(|found| meta::text(&found, "/status/phase") == "Active");
    if !active {
        return Ok(Next::Done);
    }
    let data = json!({ "ca.crt": context.authority.certificate_pem() });
    let written = match client.find(&CONFIGMAP, namespace, NAME) {
        None => {
            let metadata = json!({ "name": NAME, "namespace": namespace, "annotations": { DESCRIPTION: TEXT } });
            client.create(&CONFIGMAP, json!({ "metadata": metadata, "data": data }))
        }
        Some(found) if found["data"] == data && meta::annotation(&found, DESCRIPTION).is_some() => Ok(found),
        Some(_) => client.modify(&CONFIGMAP, namespace, NAME, |map| {
            map["data"] = data.clone();
            meta::set_annotation(map, DESCRIPTION, TEXT);
        }),
    };
    match written {
        Err(status) if !status.is_not_found() && !status.has_cause("NamespaceTerminating") => Err(status),
        _ => Ok(Next::Done),
    }
}
