//! Manifests as data, and the static Pods among them.
//! When they are applied is the bootstrap's and the mirrors'.

use serde_json::{Value, json};

use super::container::hash;
use crate::sim::apiserver::server::discovery::VERSION;
use crate::sim::apiserver::status::{Result, Status};

static STATIC_PODS: &str = include_str!("../../../assets/cluster/static-pods.yaml");

/// The static Pods of the control-plane node, as mirrors: named after the node and owned by it.
pub fn static_pods(node: &Value) -> Result<Vec<Value>> {
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
    let address = addresses.filter_map(|address| address["address"].as_str()).next().unwrap_or_default();
    let words = [("$(VERSION)", VERSION.to_owned()), ("$(ADDRESS)", address.to_owned()), ("$(NODE)", name.to_owned())];
    let mut pods = read(STATIC_PODS, &words)?;
    for pod in &mut pods {
        let hash = hash(&[&pod["spec"].to_string()])[..32].to_owned();
        pod["metadata"]["name"] = json!(format!("{}-{name}", pod["metadata"]["name"].as_str().unwrap_or_default()));
        pod["metadata"]["annotations"] = json!({
            "kubernetes.io/config.hash": hash,
            "kubernetes.io/config.mirror": hash,
            "kubernetes.io/config.source": "file",
        });
        pod["metadata"]["ownerReferences"] = json!([{ "apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"], "controller": true }]);
        pod["spec"]["nodeName"] = json!(name);
        pod["spec"]["tolerations"] = json!([{ "operator": "Exists", "effect": "NoExecute" }]);
        pod["spec"]["automountServiceAccountToken"] = json!(false);
        pod["spec"]["enableServiceLinks"] = json!(false);
    }
    Ok(pods)
}

/// The objects of a manifest, with its words filled in.
pub fn read(manifest: &str, words: &[(&str, String)]) -> Result<Vec<Value>> {
    let mut text = manifest.to_owned();
    for (word, value) in words {
        text = text.replace(word, value);
    }
    serde_yaml::from_multiple(&text).map_err(Status::internal)
}
