//! The containers of a Pod, one step at a time: waiting, running, ended, started again.
//! What runs inside is the process's; images come from `pull.rs`. Source: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::images::Image;
use super::kubelet::{Kubelets, Sync};
use super::runs::{run_of, with_sandbox};
use super::{message, mounts, probes, pull, resize, starting, volumes};
use crate::base::clock::later;
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;

/// How long a container takes from created to running.
const START: Duration = Duration::from_millis(20);
/// The first pause before a crashed container starts again, doubled each time up to the longest.
const FIRST_BACKOFF: i64 = 10;
const LONGEST_BACKOFF: i64 = 300;
/// A container that ran this long starts again without a pause.
const BACKOFF_RESET: SignedDuration = SignedDuration::from_mins(10);

/// Whether an init container goes on beside the others.
pub fn is_sidecar(container: &Value) -> bool {
    meta::text(container, "/restartPolicy") == "Always"
}

/// The status of a container in one of the lists.
pub fn status_of<'a>(status: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    meta::list(status, list).iter().find(|status| meta::text(status, "/name") == name)
}

/// Whether every init container has done its part, so that the others may start.
pub fn init_done(pod: &Value, status: &Value) -> bool {
    meta::list(pod, "/spec/initContainers").iter().all(|container| {
        let Some(status) = status_of(status, "/initContainerStatuses", meta::text(container, "/name")) else {
            return false;
        };
        if is_sidecar(container) {
            meta::truth(status, "/started")
        } else {
            status.pointer("/state/terminated/exitCode") == Some(&json!(0))
        }
    })
}

/// Takes every container of the Pod one step further.
pub fn step(kubelets: &Kubelets, sync: &mut Sync, mounted: bool) {
    let mut may_start = mounted;
    let init = meta::list(sync.pod, "/spec/initContainers").to_vec();
    for container in &init {
        step_one(kubelets, sync, (container, "initContainerStatuses"), may_start);
        let name = meta::text(container, "/name");
        let done = status_of(&sync.status, "/initContainerStatuses", name).is_some_and(|status| {
            if is_sidecar(container) {
                meta::truth(status, "/started")
            } else {
                status.pointer("/state/terminated/exitCode") == Some(&json!(0))
            }
        });
        may_start = may_start && done;
    }
    for container in meta::list(sync.pod, "/spec/containers").to_vec() {
        step_one(kubelets, sync, (&container, "containerStatuses"), may_start);
    }
    for container in meta::list(sync.pod, "/spec/ephemeralContainers").to_vec() {
        step_one(kubelets, sync, (&container, "ephemeralContainerStatuses"), mounted);
    }
}

fn step_one(kubelets: &Kubelets, sync: &mut Sync, (container, list): (&Value, &str), may_start: bool) {
    let name = meta::text(container, "/name");
    let known = status_of(&sync.status, &format!("/{list}"), name).cloned();
    let waiting =
        if meta::list(sync.pod, "/spec/initContainers").is_empty() { "ContainerCreating" } else { "PodInitializing" };
    let mut status = known.unwrap_or_else(|| fresh(container, waiting));
    let before = status.clone();
    let mut one = One { container, list, status: &mut status };
    if one.status.pointer("/state/running").is_some() {
        one.running(kubelets, sync);
    } else if one.status.pointer("/state/terminated").is_some() {
        one.ended(kubelets, sync);
    } else if may_start {
        one.waiting(kubelets, sync);
    }
    if before != status || status_of(&sync.status, &format!("/{list}"), name).is_none() {
        put(&mut sync.status, list, status);
    }
}

fn put(status: &mut Value, list: &str, one: Value) {
    if !status[list].is_array() {
        status[list] = json!([]);
    }
    let Some(statuses) = status[list].as_array_mut() else { return };
    match statuses.iter_mut().find(|found| found["name"] == one["name"]) {
        Some(found) => *found = one,
        None => statuses.push(one),
    }
}

fn fresh(container: &Value, reason: &str) -> Value {
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

/// What a status says of a mount (`pkg/kubelet/kubelet_pods.go`, convertToAPIContainerStatuses).
fn mount_status(mount: &Value) -> Value {
    let mut status = json!({ "mountPath": mount["mountPath"], "name": mount["name"] });
    if meta::truth(mount, "/readOnly") {
        status["readOnly"] = json!(true);
        status["recursiveReadOnly"] = json!("Disabled");
    }
    status
}

/// One container and its status.
struct One<'a> {
    container: &'a Value,
    list: &'a str,
    status: &'a mut Value,
}

/// A time in a status.
pub fn time(status: &Value, pointer: &str) -> Option<Timestamp> {
    meta::text(status, pointer).parse().ok()
}

impl One<'_> {
    fn part(&self) -> String {
        let list = match self.list {
            "initContainerStatuses" => "initContainers",
            "ephemeralContainerStatuses" => "ephemeralContainers",
            _ => "containers",
        };
        format!("spec.{list}{{{}}}", meta::text(self.container, "/name"))
    }

    fn wait(&mut self, reason: &str, message: &str) {
        let mut waiting = json!({ "reason": reason });
        if !message.is_empty() {
            waiting["message"] = json!(message);
        }
        self.status["state"] = json!({ "waiting": waiting });
        self.status["ready"] = json!(false);
        self.status["started"] = json!(false);
    }

    fn waiting(&mut self, kubelets: &Kubelets, sync: &mut Sync) {
        if self.backing_off(sync) {
            return;
        }
        let part = self.part();
        let image = match pull::pull(kubelets, sync, self.container, &part) {
            pull::Outcome::Present(image) => image,
            pull::Outcome::Waiting => return,
            pull::Outcome::Failed { reason, message } => return self.wait(reason, &message),
        };
        let environment = volumes::environment(sync, self.container);
        match environment.and_then(|environment| mounts::check(self.container, &environment)) {
            Ok(()) => {}
            Err(message) => {
                if meta::text(self.status, "/state/waiting/message") != message {
                    sync.events.record("Warning", (sync.pod, &part), "Failed", &format!("Error: {message}"));
                }
                sync.wake_after(Duration::from_secs(5));
                return self.wait("CreateContainerConfigError", &message);
            }
        }
        if let Some(message) = refused_root(sync.pod, self.container, image) {
            if meta::text(self.status, "/state/waiting/message") != message {
                sync.events.record("Warning", (sync.pod, &part), "Failed", &format!("Error: {message}"));
            }
            sync.wake_after(Duration::from_secs(15));
            return self.wait("CreateContainerConfigError", &message);
        }
        self.start(kubelets, sync, image, &part);
    }

    /// Whether the container has to wait before it starts again.
    fn backing_off(&mut self, sync: &mut Sync) -> bool {
        if meta::text(self.status, "/state/waiting/reason") != "CrashLoopBackOff" {
            return false;
        }
        let Some(finished) = time(self.status, "/lastState/terminated/finishedAt") else { return false };
        let restarts = meta::number(self.status, "/restartCount").unwrap_or_default();
        let then = finished + backoff(restarts);
        if sync.now < then {
            sync.wake_at(then);
            return true;
        }
        false
    }

    fn start(&mut self, kubelets: &Kubelets, sync: &mut Sync, image: &'static Image, part: &str) {
        let name = meta::text(self.container, "/name");
        sync.memory.resized.remove(name);
        let reason = meta::text(self.status, "/state/waiting/reason");
        let again = self.status.pointer("/lastState/terminated").is_some() && reason != "ContainerCreating";
        if again {
            let restarts = meta::number(self.status, "/restartCount").unwrap_or_default() + 1;
            self.status["restartCount"] = json!(restarts);
        }
        let restarts = meta::number(self.status, "/restartCount").unwrap_or_default();
        let id = format!("containerd://{}", hash(&[meta::uid(sync.pod), name, &restarts.to_string()]));
        self.status["image"] = json!(super::images::canonical(meta::text(self.container, "/image")));
        self.status["imageID"] = json!(image.id(meta::text(self.container, "/image")));
        self.status["containerID"] = json!(id);
        let resources = resize::allocated(sync, self.container, self.status);
        let mut container = self.container.clone();
        container["resources"] = resources.clone();
        if let Some(requests) = resources.get("requests") {
            self.status["allocatedResources"] = requests.clone();
        }
        self.status["resources"] = resources;
        sync.events.record("Normal", (sync.pod, part), "Created", "Container created");
        let start = starting::start(&kubelets.runtime, sync, &container, image);
        start.script.iter().for_each(|script| kubelets.runtime.note(meta::uid(sync.pod), script));
        if let Err(message) = with_sandbox(kubelets, sync, |sandbox| sandbox.start(&id, start)) {
            sync.events.record("Warning", (sync.pod, part), "Failed", &format!("Error: {message}"));
            let now = timestamp(sync.now);
            let ended = json!({ "exitCode": 128, "reason": "StartError", "message": message, "startedAt": "1970-01-01T00:00:00Z", "finishedAt": now, "containerID": id });
            self.status["state"] = json!({ "terminated": ended });
            sync.wake_after(Duration::from_millis(1));
            return;
        }
        // Who lives by the API server begins to ask only where it runs.
        kubelets.runtime.callers.stir();
        sync.events.record("Normal", (sync.pod, part), "Started", "Container started");
        self.status["state"] = json!({ "running": { "startedAt": timestamp(sync.now) } });
        if let Some(hook) = self.container.pointer("/lifecycle/postStart")
            && let Err(why) = super::hooks::run(kubelets, sync, (&id, self.container), hook)
        {
            sync.events.record(
                "Warning",
                (sync.pod, part),
                "FailedPostStartHook",
                &format!("PostStartHook failed: {why}"),
            );
            sync.events.record("Normal", (sync.pod, part), "Killing", "FailedPostStartHook");
            run_of(kubelets, sync, self.status).iter().for_each(|run| run.kill());
            return sync.wake_after(Duration::from_millis(1));
        }
        let has = |probe: &str| self.container.get(probe).is_some();
        let rests = probes::rests(kubelets, sync);
        self.status["started"] = json!(rests || !has("startupProbe"));
        let serves = self.list == "containerStatuses" || is_sidecar(self.container);
        self.status["ready"] = json!(rests || serves && !has("startupProbe") && !has("readinessProbe"));
        sync.wake_after(START);
    }

    fn running(&mut self, kubelets: &Kubelets, sync: &mut Sync) {
        let Some(run) = run_of(kubelets, sync, self.status) else { return };
        let name = meta::text(self.container, "/name").to_owned();
        if let Some(deadline) = sync.memory.ending.get(&name).copied() {
            match run.end() {
                None if sync.now >= deadline => with_sandbox(kubelets, sync, |_| run.kill()),
                None => return sync.wake_at(deadline),
                Some(_) => {}
            }
        }
        if let Some(end) = run.end() {
            sync.memory.ending.remove(&name);
            let reason = match (end.out_of_memory, end.code) {
                (true, _) => "OOMKilled",
                (false, 0) => "Completed",
                _ => "Error",
            };
            let message = message::of(self.container, &run, end.code);
            return self.end(sync, (end.code, end.at), (reason, &message));
        }
        if self.list == "ephemeralContainerStatuses" {
            return;
        }
        if self.is_redefined() {
            let message = format!("Container {name} definition changed, will be restarted");
            return self.stop(kubelets, sync, &message, meta::number(sync.pod, "/spec/terminationGracePeriodSeconds"));
        }
        if sync.memory.resized.contains(&name) {
            let message = format!("Container {name} resize requires restart");
            return self.stop(kubelets, sync, &message, meta::number(sync.pod, "/spec/terminationGracePeriodSeconds"));
        }
        if let probes::Verdict::Kill(probe, grace) = probes::look(kubelets, sync, self.container, self.status) {
            let message = format!("Container {name} failed {probe} probe, will be restarted");
            self.stop(kubelets, sync, &message, Some(grace));
        }
    }

    /// Whether the Pod asks for another image than the one that runs or ran.
    fn is_redefined(&self) -> bool {
        let running = meta::text(self.status, "/image");
        !running.is_empty() && running != super::images::canonical(meta::text(self.container, "/image"))
    }

    /// Tells the container to end; killed when it has not within `grace` seconds.
    fn stop(&mut self, kubelets: &Kubelets, sync: &mut Sync, message: &str, grace: Option<i64>) {
        let Some(run) = run_of(kubelets, sync, self.status) else { return };
        sync.events.record("Normal", (sync.pod, &self.part()), "Killing", message);
        with_sandbox(kubelets, sync, |sandbox| {
            run.terminate();
            sandbox.settle();
        });
        let end = later(sync.now, grace.unwrap_or(30));
        sync.memory.ending.insert(meta::text(self.container, "/name").to_owned(), end);
        self.running(kubelets, sync);
    }

    fn end(&mut self, sync: &mut Sync, (code, then): (i32, Timestamp), (reason, message): (&str, &str)) {
        self.status["state"] = json!({ "terminated": {
            "exitCode": code,
            "reason": reason,
            "startedAt": self.status["state"]["running"]["startedAt"],
            "finishedAt": timestamp(then),
            "containerID": self.status["containerID"],
        } });
        if !message.is_empty() {
            self.status["state"]["terminated"]["message"] = json!(message);
        }
        // An init container that did its part counts as ready.
        self.status["ready"] = json!(self.list == "initContainerStatuses" && code == 0 && !is_sidecar(self.container));
        self.status["started"] = json!(false);
        sync.wake_after(Duration::from_millis(1));
    }

    /// An ended container starts again when its policy says so, the first time at once.
    fn ended(&mut self, kubelets: &Kubelets, sync: &mut Sync) {
        let code = meta::number(self.status, "/state/terminated/exitCode").unwrap_or_default();
        // What a container is defined by or may use resets its pauses (`pkg/kubelet/kuberuntime/helpers.go`, GetBackoffKey).
        let resized = sync.memory.resized.contains(meta::text(self.container, "/name"));
        let redefined = self.list != "ephemeralContainerStatuses" && (resized || self.is_redefined());
        let again = redefined || restarts(sync.pod, self.container, self.list, code);
        if self.list == "ephemeralContainerStatuses" || !again {
            return;
        }
        let terminated = self.status["state"]["terminated"].clone();
        let finished = time(&terminated, "/finishedAt").unwrap_or(sync.now);
        let ran = time(&terminated, "/startedAt").map(|started| finished.duration_since(started));
        let count = meta::number(self.status, "/restartCount").unwrap_or_default();
        let steady = ran.is_some_and(|ran| ran >= BACKOFF_RESET) && meta::text(&terminated, "/reason") != "StartError";
        let before = self.status["lastState"].take();
        self.status["lastState"] = json!({ "terminated": terminated });
        if count == 0 || steady || redefined {
            let ended = self.status["state"].clone();
            self.waiting(kubelets, sync);
            // Until it runs again it is shown as it ended.
            if self.status["state"] == ended {
                self.status["lastState"] = before;
            }
            return;
        }
        let name = meta::text(self.container, "/name");
        let (pod, namespace) = (meta::name(sync.pod), meta::namespace(sync.pod));
        let uid = meta::uid(sync.pod);
        let pause = backoff(count);
        let message =
            format!("back-off {} restarting failed container={name} pod={pod}_{namespace}({uid})", spoken(pause));
        self.wait("CrashLoopBackOff", &message);
        let told = format!("Back-off restarting failed container {name} in pod {pod}_{namespace}({uid})");
        sync.events.record("Warning", (sync.pod, &self.part()), "BackOff", &told);
        sync.wake_at(finished + pause);
    }
}

fn backoff(restarts: i64) -> SignedDuration {
    let doublings = u32::try_from(restarts.clamp(1, 10) - 1).unwrap_or_default();
    SignedDuration::from_secs((FIRST_BACKOFF << doublings).min(LONGEST_BACKOFF))
}

/// A duration as Go prints it: `10s`, `1m20s`.
fn spoken(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// Whether no container of the Pod runs or will run again, sidecars aside.
pub fn is_over(pod: &Value, status: &Value) -> bool {
    const LIST: &str = "containerStatuses";
    let ended = |container: &Value| {
        let status = status_of(status, "/containerStatuses", meta::text(container, "/name"))?;
        let code = meta::number(status, "/state/terminated/exitCode")?;
        Some(!restarts(pod, container, LIST, code))
    };
    let containers = meta::list(pod, "/spec/containers");
    !containers.is_empty() && containers.iter().all(|container| ended(container).unwrap_or_default())
}

fn restarts(pod: &Value, container: &Value, list: &str, code: i64) -> bool {
    match meta::text(container, "/restartPolicy") {
        "Always" => return true,
        "Never" => return false,
        "OnFailure" => return code != 0,
        _ => {}
    }
    match meta::text(pod, "/spec/restartPolicy") {
        "Never" => false,
        // An init container that did its part is done.
        "Always" => list != "initContainerStatuses" || code != 0,
        _ => code != 0,
    }
}

fn refused_root(pod: &Value, container: &Value, image: &Image) -> Option<String> {
    let setting = |name: &str| {
        container
            .pointer(&format!("/securityContext/{name}"))
            .or_else(|| pod.pointer(&format!("/spec/securityContext/{name}")))
            .cloned()
    };
    let non_root = setting("runAsNonRoot").and_then(|value| value.as_bool()).unwrap_or_default();
    let user = setting("runAsUser").and_then(|value| value.as_i64());
    let name = meta::text(container, "/name");
    let shown = format!("pod: \"{}_{}({})\", container: {name}", meta::name(pod), meta::namespace(pod), meta::uid(pod));
    match (non_root, user) {
        (true, Some(0)) => Some(format!("container's runAsUser breaks non-root policy ({shown})")),
        (true, None) if image.runs_as_root() => {
            Some(format!("container has runAsNonRoot and image will run as root ({shown})"))
        }
        _ => None,
    }
}

/// 64 hexadecimal digits that belong to these words.
pub fn hash(words: &[&str]) -> String {
    let mut digest = Sha256::new();
    for word in words {
        digest.update(word);
        digest.update([0]);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
