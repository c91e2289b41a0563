//! What a container takes from elsewhere: volumes to mount and variables to fill, and the words when something is missing.
//! Claims are bound by the controllers. Source: `pkg/kubelet/kubelet_pods.go`, makeEnvironmentVariables; `pkg/volume/*`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::kubelet::Sync;
use super::runtime::Runtime;
use super::{claimed, downward, env_file, host_paths};
use crate::object::meta;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::registry::kinds::secret::SECRET;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::storage::Object;

/// The variables of a container.
pub type Environment = BTreeMap<String, String>;

/// Whether everything the Pod mounts is there; tells once a while what is not.
pub fn mounted(runtime: &Runtime, sync: &mut Sync) -> bool {
    let Some(message) = missing(runtime, sync) else {
        sync.memory.mount_told = None;
        return true;
    };
    let told = sync.memory.mount_told.as_ref();
    let again = told.is_none_or(|(said, when)| *said != message || sync.now.duration_since(*when).as_secs() >= 60);
    if again {
        sync.events.warning(sync.pod, "FailedMount", &message);
        sync.memory.mount_told = Some((message, sync.now));
    }
    sync.wake_after(Duration::from_secs(1));
    false
}

fn missing(runtime: &Runtime, sync: &Sync) -> Option<String> {
    meta::list(sync.pod, "/spec/volumes").iter().find_map(|volume| {
        let name = meta::text(volume, "/name");
        let failed = |why: String| format!("MountVolume.SetUp failed for volume {name:?} : {why}");
        let mut sources =
            vec![(volume.get("configMap"), "name", "configmap"), (volume.get("secret"), "secretName", "secret")];
        for part in meta::list(volume, "/projected/sources") {
            sources.push((part.get("configMap"), "name", "configmap"));
            sources.push((part.get("secret"), "name", "secret"));
        }
        let faults = sources.into_iter().filter_map(|(source, key, kind)| missing_source(sync, source?, key, kind));
        let of_node = || host_paths::fault(runtime, sync.node(), volume.get("hostPath")?);
        let of_driver = || volume.get("csi").filter(|csi| csi.is_object()).map(unregistered);
        let own = together(faults).or_else(of_node).or_else(of_driver).map(failed);
        own.or_else(|| claimed::fault(runtime, sync, volume))
    })
}

/// Why a driver cannot make a volume for the Pod: none ever registers with these kubelets
/// (`pkg/volume/csi/csi_mounter.go`, SetUpAt; `csi_client.go`, newCsiDriverClient).
fn unregistered(csi: &Value) -> String {
    let driver = meta::text(csi, "/driver");
    let why = format!("driver name {driver} not found in the list of registered CSI drivers");
    format!("kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: {why}")
}

/// Several faults as one (`k8s.io/apimachinery/pkg/util/errors/errors.go`, Aggregate).
fn together(faults: impl Iterator<Item = String>) -> Option<String> {
    let mut each: Vec<String> = Vec::new();
    for fault in faults {
        if !each.contains(&fault) {
            each.push(fault);
        }
    }
    if each.len() > 1 { Some(format!("[{}]", each.join(", "))) } else { each.pop() }
}

fn missing_source(sync: &Sync, source: &Value, key: &str, kind: &str) -> Option<String> {
    let resource = if kind == "secret" { &SECRET } else { &CONFIGMAP };
    let name = source[key].as_str().unwrap_or_default();
    let optional = meta::truth(source, "/optional");
    let Some(found) = read(sync, resource, name) else {
        return (!optional).then(|| format!("{kind} {name:?} not found"));
    };
    let keys = meta::list(source, "/items").iter().map(|item| meta::text(item, "/key"));
    let has = |key: &str| ["data", "binaryData"].iter().any(|part| found[*part].get(key).is_some());
    let absent = keys.into_iter().find(|key| !has(key));
    absent.filter(|_| !optional).map(|key| match kind {
        "secret" => format!("references non-existent secret key: {key}"),
        _ => format!("configmap references non-existent config key: {key}"),
    })
}

fn read(sync: &Sync, resource: &'static Resource, name: &str) -> Option<Object> {
    sync.context.client.find(resource, meta::namespace(sync.pod), name)
}

/// A key of a ConfigMap or Secret, decoded. What is no text fills no variable.
fn value(object: &Value, key: &str) -> Option<String> {
    let text = object.get("data")?.get(key)?.as_str()?;
    if object["kind"] != "Secret" {
        return Some(text.to_owned());
    }
    let bytes = STANDARD.decode(text).unwrap_or_default();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The variables of a container, or what is missing to fill them, in the kubelet's words.
pub fn environment(runtime: &Runtime, sync: &Sync, container: &Value) -> Result<Environment, String> {
    let mut environment = services(sync);
    for source in meta::list(container, "/envFrom") {
        let prefix = meta::text(source, "/prefix");
        for (part, resource, word) in [("configMapRef", &CONFIGMAP, "configmap"), ("secretRef", &SECRET, "secret")] {
            let Some(reference) = source.get(part) else { continue };
            let name = meta::text(reference, "/name");
            match read(sync, resource, name) {
                Some(found) => {
                    for key in meta::map(&found, "/data").into_iter().flatten().map(|(key, _)| key) {
                        environment.insert(format!("{prefix}{key}"), value(&found, key).unwrap_or_default());
                    }
                }
                None if meta::truth(reference, "/optional") => {}
                None => return Err(format!("{word} {name:?} not found")),
            }
        }
    }
    for variable in meta::list(container, "/env") {
        let name = meta::text(variable, "/name").to_owned();
        match variable.get("valueFrom") {
            None => drop(environment.insert(name, expanded(meta::text(variable, "/value"), &environment))),
            Some(from) => {
                let found = match from.get("fileKeyRef") {
                    Some(reference) => env_file::referenced(runtime, sync, reference)?,
                    None => referenced(sync, container, from)?,
                };
                if let Some(found) = found {
                    environment.insert(name, found);
                }
            }
        }
    }
    Ok(environment)
}

/// The variables that tell of Services: that of the API always, those of the namespace unless the Pod does without.
/// Source: `pkg/kubelet/envvars/envvars.go`.
fn services(sync: &Sync) -> Environment {
    let mut environment = Environment::new();
    let client = &sync.context.client;
    let mut services: Vec<Object> = client.find(&SERVICE, "default", "kubernetes").into_iter().collect();
    if sync.pod.pointer("/spec/enableServiceLinks") != Some(&Value::Bool(false)) {
        services.extend(client.list(&SERVICE, meta::namespace(sync.pod)));
    }
    for service in services {
        let address = meta::text(&service, "/spec/clusterIP");
        if matches!(address, "" | "None") {
            continue;
        }
        let name = meta::name(&service).to_uppercase().replace('-', "_");
        environment.insert(format!("{name}_SERVICE_HOST"), address.to_owned());
        for (index, port) in meta::list(&service, "/spec/ports").iter().enumerate() {
            let number = meta::number(port, "/port").unwrap_or_default();
            let protocol = meta::text(port, "/protocol").to_lowercase();
            let url = format!("{protocol}://{address}:{number}");
            if index == 0 {
                environment.insert(format!("{name}_SERVICE_PORT"), number.to_string());
                environment.insert(format!("{name}_PORT"), url.clone());
            }
            if !meta::text(port, "/name").is_empty() {
                let port_name = meta::text(port, "/name").to_uppercase().replace('-', "_");
                environment.insert(format!("{name}_SERVICE_PORT_{port_name}"), number.to_string());
            }
            let prefix = format!("{name}_PORT_{number}_{}", protocol.to_uppercase());
            environment.insert(prefix.clone(), url);
            environment.insert(format!("{prefix}_PROTO"), protocol);
            environment.insert(format!("{prefix}_PORT"), number.to_string());
            environment.insert(format!("{prefix}_ADDR"), address.to_owned());
        }
    }
    environment
}

/// `$(NAME)` stands for a variable set before; `$$` for a dollar sign.
pub fn expanded(text: &str, environment: &Environment) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(escaped) = after.strip_prefix('$') {
            out.push('$');
            rest = escaped;
        } else if let Some((name, behind)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match environment.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = behind;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out + rest
}

fn referenced(sync: &Sync, container: &Value, from: &Value) -> Result<Option<String>, String> {
    for (part, resource, word) in [("configMapKeyRef", &CONFIGMAP, "configmap"), ("secretKeyRef", &SECRET, "secret")] {
        let Some(reference) = from.get(part) else { continue };
        let (name, key) = (meta::text(reference, "/name"), meta::text(reference, "/key"));
        let optional = meta::truth(reference, "/optional");
        let shown = if word == "secret" { "Secret" } else { "ConfigMap" };
        return match read(sync, resource, name) {
            None if optional => Ok(None),
            None => Err(format!("{word} {name:?} not found")),
            Some(found) => match value(&found, key) {
                Some(text) => Ok(Some(text)),
                None if optional => Ok(None),
                None => Err(format!("couldn't find key {key} in {shown} {}/{name}", meta::namespace(sync.pod))),
            },
        };
    }
    let path = meta::text(from, "/fieldRef/fieldPath");
    if !path.is_empty() {
        let mut seen = (**sync.pod).clone();
        seen["status"] = sync.status.clone();
        return Ok(Some(downward::field(&downward::as_seen(seen), path)));
    }
    let reference = &from["resourceFieldRef"];
    let container = match meta::text(reference, "/containerName") {
        "" => container,
        name => downward::named(sync.pod, name).ok_or_else(|| format!("container {name} not found"))?,
    };
    Ok(Some(downward::resource(sync.pod, container, reference)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_driver_that_nobody_registered_is_named() {
        let told = unregistered(&json!({ "driver": "secrets-store.csi.k8s.io" }));
        let why = "driver name secrets-store.csi.k8s.io not found in the list of registered CSI drivers";
        assert_eq!(told, format!("kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: {why}"));
    }
}
