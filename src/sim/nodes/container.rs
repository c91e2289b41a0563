//! The containers of a Pod, one step at a time: waiting, running, ended, started again.
//! What runs inside is the process's; images come from `pull.rs`. Source: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::images::Image;
use super::kubelet::{Kubelets, Sync};
use super::process::container::Container;
use super::restarts::{
    backoff, goes_on_without, has_done, is_sidecar, restarts, restarts_when_killed, spoken, status_of,
};
use super::runs::{run_of, with_sandbox};
use super::statuses::{fresh, part, put};
use super::{hooks, message, mounts, probes, pull, resize, seccomp, starting, volumes};
use crate::base::clock::later;
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;

/// How long a container takes from created to running.
const START: Duration = Duration::from_millis(20);
/// A container that ran this long starts again without a pause.
const BACKOFF_RESET: SignedDuration = SignedDuration::from_mins(10);

/// Takes every container of the Pod one step further.
pub fn step(kubelets: &Kubelets, sync: &mut Sync, mounted: bool) {
    let mut may_start = mounted;
    let init = meta::list(sync.pod, "/spec/initContainers").to_vec();
    for container in &init {
        step_one(kubelets, sync, (container, "initContainerStatuses"), may_start);
        let status = status_of(&sync.status, "/initContainerStatuses", meta::text(container, "/name"));
        may_start = may_start && status.is_some_and(|status| has_done(container, status));
    }
    for container in meta::list(sync.pod, "/spec/containers").to_vec() {
        // One after the other: none starts while the hook of another runs.
        let may_start = may_start && sync.memory.starting.is_empty();
        step_one(kubelets, sync, (&container, "containerStatuses"), may_start);
    }
    for container in meta::list(sync.pod, "/spec/ephemeralContainers").to_vec() {
        step_one(kubelets, sync, (&container, "ephemeralContainerStatuses"), mounted);
    }
}

fn step_one(kubelets: &Kubelets, sync: &mut Sync, (container, list): (&Value, &'static str), may_start: bool) {
    let name = meta::text(container, "/name");
    let known = status_of(&sync.status, &format!("/{list}"), name).cloned();
    let waiting =
        if meta::list(sync.pod, "/spec/initContainers").is_empty() { "ContainerCreating" } else { "PodInitializing" };
    let mut status = known.unwrap_or_else(|| fresh(container, waiting));
    let before = status.clone();
    let mut one = One { container, list, status: &mut status };
    if let Some(starting) = sync.memory.starting.remove(name) {
        one.hooked(kubelets, sync, starting);
    } else if one.status.pointer("/state/running").is_some() {
        one.running(kubelets, sync);
    } else if one.status.pointer("/state/terminated").is_some() {
        one.ended(kubelets, sync);
    } else if may_start {
        one.waiting(kubelets, sync);
    }
    if list == "ephemeralContainerStatuses" {
        // Nobody looks whether it has (`pkg/kubelet/prober/prober_manager.go`, UpdatePodStatus).
        meta::remove(&mut status, "started");
    }
    if before != status || status_of(&sync.status, &format!("/{list}"), name).is_none() {
        put(&mut sync.status, list, status);
    }
}

/// A container that was started and whose hook still runs: nobody is told of it before that is done
/// (`pkg/kubelet/kuberuntime/kuberuntime_container.go`, startContainer).
pub struct Starting {
    /// What its status is from then on, and the list it is in.
    status: Value,
    list: &'static str,
    hook: hooks::Begun,
}

impl Starting {
    /// Whether its run is there no more, as after the way back to a checkpoint.
    fn is_lost(&self, kubelets: &Kubelets, sync: &Sync) -> bool {
        run_of(kubelets, sync, &self.status).is_none_or(|run| !Arc::ptr_eq(&run, &self.hook.run))
    }
}

/// Tells of the containers whose hooks still run, as their Pod ends now.
pub fn reveal(kubelets: &Kubelets, sync: &mut Sync) {
    for (_, starting) in std::mem::take(&mut sync.memory.starting) {
        if !starting.is_lost(kubelets, sync) {
            put(&mut sync.status, starting.list, starting.status);
        }
    }
}

/// The id of a container's run.
pub fn id(pod: &Value, name: &str, restarts: i64) -> String {
    format!("containerd://{}", hash(&[meta::uid(pod), name, &restarts.to_string()]))
}

/// One container and its status.
struct One<'a> {
    container: &'a Value,
    list: &'static str,
    status: &'a mut Value,
}

/// A time in a status.
pub fn time(status: &Value, pointer: &str) -> Option<Timestamp> {
    meta::text(status, pointer).parse().ok()
}

impl One<'_> {
    fn part(&self) -> String {
        part(self.list, self.container)
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
        let environment = volumes::environment(&kubelets.runtime, sync, self.container);
        if let Err(message) = environment.and_then(|environment| mounts::check(self.container, &environment)) {
            return self.refuse(sync, ("CreateContainerConfigError", &message), 5);
        }
        if let Some(message) = refused_root(sync.pod, self.container, image) {
            return self.refuse(sync, ("CreateContainerConfigError", &message), 15);
        }
        if let Some(message) = seccomp::fault(&kubelets.runtime, sync, self.container) {
            return self.refuse(sync, ("CreateContainerError", &message), 15);
        }
        self.start(kubelets, sync, image, &part);
    }

    /// It cannot be made as it is; that is tried again after so many seconds.
    fn refuse(&mut self, sync: &mut Sync, (reason, message): (&str, &str), seconds: u64) {
        if meta::text(self.status, "/state/waiting/message") != message {
            sync.events.record("Warning", (sync.pod, &self.part()), "Failed", &format!("Error: {message}"));
        }
        sync.wake_after(Duration::from_secs(seconds));
        self.wait(reason, message);
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
        let shown = self.status.clone();
        sync.memory.resized.remove(name);
        let reason = meta::text(self.status, "/state/waiting/reason");
        let again = self.status.pointer("/lastState/terminated").is_some() && reason != "ContainerCreating";
        if again {
            let restarts = meta::number(self.status, "/restartCount").unwrap_or_default() + 1;
            self.status["restartCount"] = json!(restarts);
        }
        let restarts = meta::number(self.status, "/restartCount").unwrap_or_default();
        let id = id(sync.pod, name, restarts);
        self.status["image"] = json!(super::images::canonical(meta::text(self.container, "/image")));
        self.status["imageID"] = json!(image.id(meta::text(self.container, "/image")));
        self.status["containerID"] = json!(id);
        let resources = resize::allocated(sync, self.container, self.status);
        let mut container = self.container.clone();
        container["resources"] = resources.clone();
        if let Some(requests) = resize::set_aside(self.container, &resources) {
            self.status["allocatedResources"] = requests;
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
        let hook = self.container.pointer("/lifecycle/postStart");
        match hook.and_then(|hook| hooks::begin(kubelets, sync, (&id, self.container), hook)) {
            None => self.up(kubelets, sync),
            Some(hook) => {
                let status = std::mem::replace(self.status, shown);
                self.hooked(kubelets, sync, Starting { status, list: self.list, hook });
            }
        }
    }

    /// Shows a container that was started, once its hook is done.
    fn hooked(&mut self, kubelets: &Kubelets, sync: &mut Sync, starting: Starting) {
        if starting.is_lost(kubelets, sync) {
            return sync.wake_after(Duration::from_millis(1));
        }
        let Some(good) = starting.hook.succeeded(sync) else {
            sync.memory.starting.insert(meta::text(self.container, "/name").to_owned(), starting);
            return;
        };
        *self.status = starting.status;
        if good {
            return self.up(kubelets, sync);
        }
        // What went wrong is not told: it might be secret.
        let told = "PostStartHook failed";
        sync.events.record("Warning", (sync.pod, &self.part()), "FailedPostStartHook", told);
        let grace = meta::number(sync.pod, "/spec/terminationGracePeriodSeconds");
        self.stop(kubelets, sync, "FailedPostStartHook", grace);
    }

    /// It runs, and is probed from now on.
    fn up(&mut self, kubelets: &Kubelets, sync: &mut Sync) {
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
        let deadline = sync.memory.ending.get(&name).copied();
        if deadline.is_some_and(|deadline| !self.leaves(kubelets, sync, (&run, deadline))) {
            return;
        }
        if let Some(end) = run.end() {
            sync.memory.ending.remove(&name);
            sync.memory.leaving.remove(&name);
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
            let message = match self.list {
                "initContainerStatuses" => format!("Init container {name} definition changed"),
                _ => format!("Container {name} definition changed, will be restarted"),
            };
            return self.stop(kubelets, sync, &message, meta::number(sync.pod, "/spec/terminationGracePeriodSeconds"));
        }
        if sync.memory.resized.contains(&name) {
            let message = format!("Container {name} resize requires restart");
            return self.stop(kubelets, sync, &message, meta::number(sync.pod, "/spec/terminationGracePeriodSeconds"));
        }
        if let probes::Verdict::Kill(probe, grace) =
            probes::look(kubelets, sync, (self.container, self.list), self.status)
        {
            self.fail(kubelets, sync, (probe, grace));
        }
    }

    /// Whether a run that is to end has: it is told so when its hook is done, and killed at the deadline.
    fn leaves(&self, kubelets: &Kubelets, sync: &mut Sync, (run, deadline): (&Arc<Container>, Timestamp)) -> bool {
        let name = meta::text(self.container, "/name");
        let then = sync.memory.leaving.get(name).map_or(sync.now, |then| (*then).min(deadline));
        if run.end().is_none() && sync.now < then {
            sync.wake_at(then);
            return false;
        }
        if sync.memory.leaving.remove(name).is_some() {
            with_sandbox(kubelets, sync, |sandbox| {
                run.terminate();
                sandbox.settle();
            });
        }
        if run.end().is_none() && sync.now >= deadline {
            with_sandbox(kubelets, sync, |_| run.kill());
        }
        let over = run.end().is_some();
        if !over {
            sync.wake_at(deadline);
        }
        over
    }

    /// Ends a container whose probe failed too often
    /// (`pkg/kubelet/kuberuntime/kuberuntime_manager.go`, computePodActions and computeInitContainerActions).
    fn fail(&mut self, kubelets: &Kubelets, sync: &mut Sync, (probe, grace): (&str, i64)) {
        let name = meta::text(self.container, "/name");
        let again = restarts_when_killed(sync.pod, self.container);
        let (message, grace) = match self.list {
            "initContainerStatuses" => (format!("Init container {name} failed {probe} probe"), Some(grace)),
            _ if again => (format!("Container {name} failed {probe} probe, will be restarted"), Some(grace)),
            _ if goes_on_without(sync.pod, &sync.status, name) => {
                (format!("Container {name} failed {probe} probe"), Some(grace))
            }
            // With the last of them the whole Pod is ended.
            _ => {
                let grace = meta::number(sync.pod, "/spec/terminationGracePeriodSeconds");
                (format!("Stopping container {name}"), grace)
            }
        };
        self.stop(kubelets, sync, &message, grace);
    }

    /// Whether the Pod asks for another image than the one that runs or ran.
    fn is_redefined(&self) -> bool {
        let running = meta::text(self.status, "/image");
        !running.is_empty() && running != super::images::canonical(meta::text(self.container, "/image"))
    }

    /// Tells the container to end, after its hook; killed when it has not within `grace` seconds.
    fn stop(&mut self, kubelets: &Kubelets, sync: &mut Sync, message: &str, grace: Option<i64>) {
        if run_of(kubelets, sync, self.status).is_none() {
            return;
        }
        let (name, part) = (meta::text(self.container, "/name"), self.part());
        sync.events.record("Normal", (sync.pod, &part), "Killing", message);
        let then = hooks::before_end(kubelets, sync, (self.container, &*self.status), &part);
        sync.memory.leaving.insert(name.to_owned(), then);
        sync.memory.ending.insert(name.to_owned(), later(sync.now, grace.unwrap_or(30)));
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
        // One dead container of a name is kept, and that is this one now (`pkg/kubelet/pod_container_deletor.go`).
        if !restarts(sync.pod, self.container, self.list, i64::from(code)) {
            self.status["lastState"] = json!({});
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
