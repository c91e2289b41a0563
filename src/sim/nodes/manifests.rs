//! Manifests as data, and the static Pods of a node among them: the files of its kubelet's folder.
//! When they are applied is the bootstrap's and the mirrors'. Source: `pkg/kubelet/config/file.go`, `common.go`.

use serde_json::{Value, json};

use super::container::hash;
use super::runtime::Runtime;
use crate::object::meta;
use crate::sim::apiserver::decoding;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::machine::services::KUBELET;

/// A file in the folder of static Pods: where it is, and its text.
pub type File = (String, String);

/// The manifests a node's kubelet looks at; `None` while there is no kubelet that looks.
pub fn files(runtime: &Runtime, node: &str) -> Option<Vec<File>> {
    let machines = runtime.machines()?;
    let machine = machines.get(node)?;
    let Some(root) = machine.files() else { return Some(machines.manifests(&machine)) };
    if machine.services().is_fresh(KUBELET) {
        return None;
    }
    let Some(folder) = machine.services().kubelet()?.static_pods else { return Some(Vec::new()) };
    if !root.is_dir(&folder) {
        return Some(root.text(&folder).map(|text| (folder, text)).into_iter().collect());
    }
    let names = root.list(&folder).unwrap_or_default();
    let paths = names.iter().filter(|name| !name.starts_with('.')).map(|name| format!("{folder}/{name}"));
    let paths = paths.filter(|path| !root.is_dir(path));
    Some(paths.filter_map(|path| root.text(&path).ok().map(|text| (path, text))).collect())
}

/// The Pod of a manifest; the error is the kubelet's.
fn pod((path, text): &File) -> std::result::Result<Value, String> {
    let failed = |why: String| format!("{path}: couldn't parse as pod({why}), please check config file");
    let pod = decoding::tree(text.as_bytes(), "application/yaml").map_err(failed)?;
    let (version, kind) = (meta::text(&pod, "/apiVersion"), meta::text(&pod, "/kind"));
    if kind.is_empty() {
        return Err(failed(format!("Object 'Kind' is missing in '{pod}'")));
    }
    if version != "v1" {
        let what = format!("no kind {kind:?} is registered for version {version:?}");
        return Err(failed(format!("{what} in scheme \"pkg/api/legacyscheme/scheme.go:30\"")));
    }
    if kind != "Pod" {
        return Err(failed(format!("invalid pod: &core.{kind}{{}}")));
    }
    if meta::list(&pod, "/spec/containers").is_empty() {
        return Err("invalid pod: [spec.containers: Required value]".to_owned());
    }
    Ok(pod)
}

/// What does not read among manifests: where, and why.
pub fn faults(files: &[File]) -> Vec<(String, String)> {
    files.iter().filter_map(|file| pod(file).err().map(|why| (file.0.clone(), why))).collect()
}

/// The static Pods of a node, as mirrors: named after the node and owned by it. What does not read is left out.
pub fn static_pods(node: &Value, files: &[File]) -> Vec<Value> {
    let mut pods: Vec<Value> = Vec::new();
    for mut pod in files.iter().filter_map(|file| pod(file).ok()) {
        mirror(&mut pod, node);
        let known =
            |other: &&Value| (meta::namespace(other), meta::name(other)) == (meta::namespace(&pod), meta::name(&pod));
        if pods.iter().find(known).is_none() {
            pods.push(pod);
        }
    }
    pods
}

fn mirror(pod: &mut Value, node: &Value) {
    let name = meta::name(node);
    let hash = hash(&[&pod.to_string(), name])[..32].to_owned();
    pod["metadata"]["name"] = json!(format!("{}-{name}", meta::name(pod)));
    if meta::namespace(pod).is_empty() {
        pod["metadata"]["namespace"] = json!("default");
    }
    let annotations = [("config.hash", &*hash), ("config.mirror", &*hash), ("config.source", "file")];
    for (key, value) in annotations {
        meta::set_annotation(pod, &format!("kubernetes.io/{key}"), value);
    }
    pod["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "Node", "name": name, "uid": meta::uid(node), "controller": true }]);
    pod["spec"]["nodeName"] = json!(name);
    pod["spec"]["tolerations"] = json!([{ "operator": "Exists", "effect": "NoExecute" }]);
    pod["spec"]["automountServiceAccountToken"] = json!(false);
    pod["spec"]["enableServiceLinks"] = json!(false);
    meta::remove(pod, "status");
}

/// The objects of a manifest, with its words filled in.
pub fn read(manifest: &str, words: &[(&str, String)]) -> Result<Vec<Value>> {
    let mut text = manifest.to_owned();
    for (word, value) in words {
        text = text.replace(word, value);
    }
    serde_yaml::from_multiple(&text).map_err(Status::internal)
}
