//! The containers, Pods and images that containerd holds on a node, seen through the objects that tell of them.
//! How they are shown stands beside; that they run at all is the kubelet's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::machine::Machine;
use crate::sim::nodes::hash;
pub(super) use crate::sim::nodes::present::id as image_id;
use crate::sim::shell::call::Call;

/// What of the runtime no object tells: containers that were removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Kept {
    pub removed: Vec<String>,
}

impl Kept {
    /// What is kept beside a machine.
    pub fn of(machine: &Machine) -> Self {
        let text = std::fs::read_to_string(machine.folder().join("runtime.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Keeps it.
    pub fn save(&self, machine: &Machine) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        // Without it only what was done by hand is forgotten.
        let _ = crate::base::files::write_whole(&machine.folder().join("runtime.json"), &text, 0o600);
    }
}

/// A container.
#[derive(Clone, Debug)]
pub(in super::super) struct Held {
    pub id: String,
    pub pod: Object,
    pub name: String,
    /// As the Pod names it, and the id of what that is.
    pub image: String,
    pub image_id: String,
    pub attempt: u64,
    /// `Running` or `Exited`.
    pub state: &'static str,
    pub created: Timestamp,
    pub finished: Option<Timestamp>,
    pub code: i64,
    pub reason: String,
    /// Whether the kubelet calls it the previous one.
    pub previous: bool,
}

impl Held {
    /// Its id as the kubelet tells it: with the runtime's name.
    pub fn container_id(&self) -> String {
        format!("containerd://{}", self.id)
    }

    /// What the runtime knows and the kubelet may still have to find: that it has ended.
    fn look(&mut self, call: &Call) {
        let front = call.inside.kubelet.runtime().front(meta::uid(&self.pod));
        let run = front.and_then(|front| front.run(&self.container_id()));
        let Some(end) = run.and_then(|run| run.end()).filter(|_| self.state == "Running") else { return };
        self.state = "Exited";
        self.finished = Some(end.at);
        self.code = i64::from(end.code);
        self.reason = if end.code == 0 { "Completed" } else { "Error" }.to_owned();
    }
}

/// Whether an image's id begins so.
pub(super) fn is_image(reference: &str, id: &str) -> bool {
    !id.is_empty() && image_id(reference).starts_with(id)
}

/// The Pods of the node.
pub(super) fn pods(call: &Call) -> Vec<Object> {
    let pods = call.inside.kubelet.runtime().pods_of(&call.inside.client, &call.machine.name);
    let mut pods: Vec<Object> = pods.into_iter().filter(|pod| created(pod).is_some()).collect();
    pods.sort_by_key(|pod| std::cmp::Reverse(created(pod)));
    pods
}

/// When a Pod's sandbox was made.
pub(super) fn created(pod: &Value) -> Option<Timestamp> {
    meta::text(pod, "/status/startTime").parse().ok()
}

/// The id of a Pod's sandbox.
pub(super) fn sandbox(pod: &Value) -> String {
    hash(&[meta::uid(pod), "sandbox"])
}

const LISTS: [(&str, &str); 3] = [
    ("/status/containerStatuses", "/spec/containers"),
    ("/status/initContainerStatuses", "/spec/initContainers"),
    ("/status/ephemeralContainerStatuses", "/spec/ephemeralContainers"),
];

/// Every container, newest first.
pub(in super::super) fn containers(call: &Call) -> Vec<Held> {
    let mut all: Vec<Held> = pods(call).iter().flat_map(of_pod).collect();
    all.iter_mut().for_each(|one| one.look(call));
    all.sort_by_key(|one| std::cmp::Reverse(one.created));
    all
}

fn of_pod(pod: &Object) -> Vec<Held> {
    let statuses = LISTS.iter().flat_map(|(list, specs)| meta::list(pod, list).iter().map(move |one| (one, *specs)));
    statuses.flat_map(|(status, specs)| of_status(pod, status, specs)).collect()
}

fn of_status(pod: &Object, status: &Value, specs: &str) -> Vec<Held> {
    let restarts = status["restartCount"].as_u64().unwrap_or_default();
    let runs = status.pointer("/state/running").is_some() || status.pointer("/state/terminated").is_some();
    let name = meta::text(status, "/name");
    let spec = meta::list(pod, specs).iter().find(|spec| spec["name"] == name);
    let image = spec.map_or_else(String::new, |spec| meta::text(spec, "/image").to_owned());
    let parts = ["/state/running", "/state/terminated", "/lastState/terminated"];
    let one = |part: &&str| {
        let state = status.pointer(part)?;
        let own = meta::text(state, "/containerID");
        let id = if own.is_empty() { meta::text(status, "/containerID") } else { own };
        let time = |key: &str| meta::text(state, key).parse::<Timestamp>().ok();
        let last = *part == "/lastState/terminated";
        Some(Held {
            id: id.rsplit_once("://").map_or(id, |(_, id)| id).to_owned(),
            pod: pod.clone(),
            name: name.to_owned(),
            image_id: image_id(&image),
            image: image.clone(),
            // The one that ended last has the newest number, unless another runs by now.
            attempt: if last && runs { restarts.saturating_sub(1) } else { restarts },
            state: if *part == "/state/running" { "Running" } else { "Exited" },
            created: time("/startedAt").or_else(|| created(pod))?,
            finished: time("/finishedAt"),
            code: state["exitCode"].as_i64().unwrap_or_default(),
            reason: meta::text(state, "/reason").to_owned(),
            previous: last,
        })
    };
    parts.iter().filter_map(one).filter(|held| !held.id.is_empty()).collect()
}

/// The one an id begins.
pub(super) fn find<'a>(all: &'a [Held], id: &str) -> Result<&'a Held, String> {
    let missing =
        || format!("rpc error: code = NotFound desc = an error occurred when try to find container {id:?}: not found");
    all.iter().find(|one| !id.is_empty() && one.id.starts_with(id)).ok_or_else(missing)
}

/// The Pod whose sandbox an id begins.
pub(super) fn find_pod<'a>(pods: &'a [Object], id: &str) -> Result<&'a Object, String> {
    let missing =
        || "rpc error: code = NotFound desc = an error occurred when try to find sandbox: not found".to_owned();
    pods.iter().find(|pod| !id.is_empty() && sandbox(pod).starts_with(id)).ok_or_else(missing)
}

/// The images on the node by their whole references.
pub(in super::super) fn references(call: &Call) -> Vec<String> {
    call.inside.kubelet.runtime().images(&call.inside.client, &call.machine.name).into_iter().collect()
}

/// How long ago something was, as docker's go-units says it.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    let text = match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (seconds, 0, _) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, minutes @ ..46, _) => format!("{minutes} minutes"),
        (_, _, 0 | 1) => "About an hour".to_owned(),
        (_, _, hours @ ..48) => format!("{hours} hours"),
        (_, _, hours @ ..336) => format!("{} days", hours / 24),
        (_, _, hours @ ..1440) => format!("{} weeks", hours / 24 / 7),
        (_, _, hours) => format!("{} months", hours / 24 / 30),
    };
    text + " ago"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn containers_are_numbered_as_the_kubelet_numbers_them() {
        let ended = json!({ "containerID": "containerd://old", "exitCode": 1, "startedAt": "2026-03-04T12:00:00Z",
            "finishedAt": "2026-03-04T12:00:05Z" });
        let pod = |state: Value| {
            Object::new(
                json!({ "metadata": { "name": "a", "uid": "1" }, "spec": { "containers": [{ "name": "c", "image": "nginx" }] },
                "status": { "startTime": "2026-03-04T12:00:00Z", "containerStatuses": [{ "name": "c", "restartCount": 2,
                    "containerID": "containerd://new", "state": state, "lastState": { "terminated": ended } }] } }),
            )
        };
        let told = |state| {
            let all = of_pod(&pod(state)).into_iter();
            all.map(|one| (one.id, one.state, one.attempt)).collect::<Vec<_>>()
        };
        let running = told(json!({ "running": { "startedAt": "2026-03-04T12:01:00Z" } }));
        assert_eq!(running, [("new".to_owned(), "Running", 2), ("old".to_owned(), "Exited", 1)]);
        assert_eq!(told(json!({ "waiting": {} })), [("old".to_owned(), "Exited", 2)]);
    }

    #[test]
    fn time_passed_is_said_as_docker_says_it() {
        let then: Timestamp = "2026-03-04T12:00:00Z".parse().expect("a time");
        let said: Vec<String> = [0, 30, 70, 2700, 4000, 7300, 200_000]
            .map(|seconds| ago(then, then + std::time::Duration::from_secs(seconds)))
            .to_vec();
        let wanted = [
            "Less than a second ago",
            "30 seconds ago",
            "About a minute ago",
            "45 minutes ago",
            "About an hour ago",
            "2 hours ago",
            "2 days ago",
        ];
        assert_eq!(said, wanted);
    }
}
