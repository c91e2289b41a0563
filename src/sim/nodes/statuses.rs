//! The statuses of containers in that of their Pod: what they are at first, and where they stand.
//! What becomes of them is `container.rs`'. Source: `pkg/kubelet/kubelet_pods.go`, convertToAPIContainerStatuses.

use serde_json::{Value, json};

use crate::object::meta;

/// Puts a status into a list, instead of the one that stands there by its name. They are sorted by names, those of init containers
/// excepted (`pkg/kubelet/types/types.go`, SortedContainerStatuses).
pub fn put(status: &mut Value, list: &str, one: Value) {
    if !status[list].is_array() {
        status[list] = json!([]);
    }
    let Some(statuses) = status[list].as_array_mut() else { return };
    match statuses.iter_mut().find(|found| found["name"] == one["name"]) {
        Some(found) => *found = one,
        None => {
            statuses.push(one);
            if list != "initContainerStatuses" {
                statuses.sort_by(|one, other| meta::text(one, "/name").cmp(meta::text(other, "/name")));
            }
        }
    }
}

/// The status of a container that has not started.
pub fn fresh(container: &Value, reason: &str) -> Value {
    let mut status = json!({
        "name": container["name"],
        "state": { "waiting": { "reason": reason } },
        "lastState": {},
        "ready": false,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "",
        "started": false,
    });
    let mounts: Vec<Value> = meta::list(container, "/volumeMounts").iter().map(mount_status).collect();
    if !mounts.is_empty() {
        status["volumeMounts"] = json!(mounts);
    }
    status
}

/// What a status says of a mount.
fn mount_status(mount: &Value) -> Value {
    let mut status = json!({ "mountPath": mount["mountPath"], "name": mount["name"] });
    if meta::truth(mount, "/readOnly") {
        status["readOnly"] = json!(true);
        status["recursiveReadOnly"] = json!("Disabled");
    }
    status
}

/// What an event is about that is about one container of a Pod; `list` is that of its status.
pub fn part(list: &str, container: &Value) -> String {
    let list = match list {
        "initContainerStatuses" => "initContainers",
        "ephemeralContainerStatuses" => "ephemeralContainers",
        _ => "containers",
    };
    format!("spec.{list}{{{}}}", meta::text(container, "/name"))
}
