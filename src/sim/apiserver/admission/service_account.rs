//! ServiceAccount: every Pod is somebody, and carries the token that proves it.
//! The tokens themselves are made at `serviceaccounts/token`; the default accounts by a controller.
//! Source: `plugin/pkg/admission/serviceaccount/admission.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Attributes, Operation, Plugin};
use crate::object::meta;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;

pub const PLUGIN: Plugin = Plugin { name: "ServiceAccount", mutate, validate };

const MIRROR: &str = "kubernetes.io/config.mirror";
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME: &str = "kube-api-access-";
/// How long the tokens of Pods last; the odd seconds mark them (`WarnOnlyBoundTokenExpirationSeconds`).
const TOKEN_SECONDS: i64 = 60 * 60 + 7;
/// How long a Pod waits for its namespace's default account to be made.
const PATIENCE: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

fn mutate(attributes: &Attributes, pod: &mut Value) -> Result<()> {
    if !attributes.creates("", "pods") || meta::annotation(pod, MIRROR).is_some() {
        return Ok(());
    }
    let name = match meta::text(pod, "/spec/serviceAccountName") {
        "" => "default".to_owned(),
        name => name.to_owned(),
    };
    let Some(account) = account(attributes, &name) else {
        return Err(attributes.forbidden_early(pod, &missing(attributes.namespace, &name)));
    };
    meta::child(pod, "spec")["serviceAccountName"] = json!(name);
    let wish = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_bool);
    let own = wish(pod, "/spec/automountServiceAccountToken");
    if own.or_else(|| wish(&account, "/automountServiceAccountToken")).unwrap_or(true) {
        mount_token(pod);
    }
    let secrets = meta::list(&account, "/imagePullSecrets");
    if meta::list(pod, "/spec/imagePullSecrets").is_empty() && !secrets.is_empty() {
        pod["spec"]["imagePullSecrets"] = json!(secrets);
    }
    Ok(())
}

fn missing(namespace: &str, name: &str) -> String {
    format!("error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found")
}

/// The account. A real server asks for the default one for up to two seconds; here the Pod is let in as if that had been long enough.
fn account(attributes: &Attributes, name: &str) -> Option<Object> {
    let found = attributes.storage.get("serviceaccounts", attributes.namespace, name);
    let fresh = || {
        let namespace = attributes.namespace_object()?;
        let born: jiff::Timestamp = meta::text(&namespace, "/metadata/creationTimestamp").parse().ok()?;
        (attributes.clock.now().duration_since(born) < PATIENCE).then(|| Arc::new(json!({})))
    };
    found.or_else(|| if name == "default" { fresh() } else { None })
}

fn mount_token(pod: &mut Value) {
    let volumes = meta::list(pod, "/spec/volumes").iter().map(|volume| meta::text(volume, "/name"));
    let known = volumes.into_iter().find(|name| name.starts_with(VOLUME)).map(str::to_owned);
    let name = known.clone().unwrap_or_else(|| format!("{VOLUME}{}", names::suffix()));
    let mount = json!({ "name": name, "readOnly": true, "mountPath": MOUNT_PATH });
    let mut mounted = false;
    for list in ["initContainers", "containers"] {
        let containers = pod["spec"].get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let mounts = meta::list(container, "/volumeMounts");
            if !mounts.iter().any(|mount| meta::text(mount, "/mountPath") == MOUNT_PATH) {
                container["volumeMounts"] = Value::Array([mounts, std::slice::from_ref(&mount)].concat());
                mounted = true;
            }
        }
    }
    if known.is_none() && mounted {
        let volumes = [meta::list(pod, "/spec/volumes"), &[token_volume(&name)]].concat();
        pod["spec"]["volumes"] = Value::Array(volumes);
    }
}

fn token_volume(name: &str) -> Value {
    let items = json!([{ "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } }]);
    json!({
        "name": name,
        "projected": {
            "sources": [
                { "serviceAccountToken": { "expirationSeconds": TOKEN_SECONDS, "path": "token" } },
                { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
                { "downwardAPI": { "items": items } },
            ],
            "defaultMode": 420,
        },
    })
}

fn validate(attributes: &Attributes, pod: &Value) -> Result<()> {
    if attributes.operation != Operation::Create || !attributes.is("", "pods") {
        return Ok(());
    }
    if meta::annotation(pod, MIRROR).is_some() {
        return validate_mirror(attributes, pod);
    }
    let name = meta::text(pod, "/spec/serviceAccountName");
    if name.is_empty() {
        let why = format!("no service account specified for pod {}/{}", attributes.namespace, meta::name(pod));
        return Err(attributes.forbidden(pod, &why));
    }
    match account(attributes, name) {
        Some(_) => Ok(()),
        None => Err(attributes.forbidden(pod, &missing(attributes.namespace, name))),
    }
}

/// What a node runs by itself has nothing from the API.
fn validate_mirror(attributes: &Attributes, pod: &Value) -> Result<()> {
    let refuse = |why: &str| Err(attributes.forbidden(pod, why));
    if !meta::text(pod, "/spec/serviceAccountName").is_empty() {
        return refuse("a mirror pod may not reference service accounts");
    }
    let volumes = meta::list(pod, "/spec/volumes");
    if volumes.iter().any(|volume| volume.get("secret").is_some()) {
        return refuse("a mirror pod may not reference secrets");
    }
    let projects = |volume: &Value| {
        meta::list(volume, "/projected/sources").iter().any(|source| source.get("serviceAccountToken").is_some())
    };
    if volumes.iter().any(projects) {
        return refuse("a mirror pod may not use ServiceAccountToken volume projections");
    }
    Ok(())
}
