//! Pulling images: how long it takes, what cannot be had and when it is tried again.
//! Which images exist is `images.rs`, what is on a node already `present.rs`. Source: `pkg/kubelet/images/image_manager.go`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::images::{self, Image};
use super::kubelet::{Kubelets, Sync};
use super::missing_image::Missing;
use super::restarts::status_of;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::secret::SECRET;

const FIRST_BACKOFF: i64 = 10;
const LONGEST_BACKOFF: i64 = 300;

/// A pull under way, or the wait after one that failed.
#[derive(Clone, Debug)]
pub enum Pull {
    Until { image: String, started: Timestamp, done: Timestamp },
    Failed { image: String, times: u32, again: Timestamp, message: String, told: bool },
}

/// What came of asking for an image.
pub enum Outcome {
    Present(&'static Image),
    /// Being pulled; the Pod is looked at again when it is there.
    Waiting,
    Failed {
        reason: &'static str,
        message: String,
    },
}

/// Makes sure of a container's image, one step at a time. `part` names the container in events.
pub fn pull(kubelets: &Kubelets, sync: &mut Sync, container: &Value, part: &str) -> Outcome {
    let wanted = meta::text(container, "/image").to_owned();
    let name = meta::text(container, "/name").to_owned();
    let policy = meta::text(container, "/imagePullPolicy").to_owned();
    let there = is_there(kubelets, sync, &wanted);
    let found = images::resolve(&wanted);
    if let Err(Missing::InvalidName(why)) = &found {
        let message =
            format!("Failed to apply default image tag {wanted:?}: couldn't parse image name {wanted:?}: {why}");
        let lists = ["/initContainerStatuses", "/containerStatuses", "/ephemeralContainerStatuses"];
        let own = lists.iter().find_map(|list| status_of(&sync.status, list, &name));
        if own.is_none_or(|own| meta::text(own, "/state/waiting/reason") != "InvalidImageName") {
            sync.events.record("Warning", (sync.pod, part), "InspectFailed", &message);
            sync.events.record("Warning", (sync.pod, part), "Failed", "Error: InvalidImageName");
        }
        sync.wake_after(Duration::from_secs(15));
        return Outcome::Failed { reason: "InvalidImageName", message };
    }
    match (&found, there, policy.as_str()) {
        (Ok(image), true, "IfNotPresent" | "Never") => {
            if !sync.memory.pulls.contains_key(&name) {
                sync.events.record(
                    "Normal",
                    (sync.pod, part),
                    "Pulled",
                    &format!("Container image {wanted:?} already present on machine and can be accessed by the pod"),
                );
            }
            sync.memory.pulls.remove(&name);
            keep(kubelets, sync, &wanted);
            Outcome::Present(image)
        }
        (_, false, "Never") => {
            let message = format!("Container image {wanted:?} is not present with pull policy of Never");
            if !matches!(sync.memory.pulls.get(&name), Some(Pull::Failed { .. })) {
                sync.events.record("Warning", (sync.pod, part), "ErrImageNeverPull", &message);
                sync.events.record("Warning", (sync.pod, part), "Failed", "Error: ErrImageNeverPull");
                remember_failure(sync, (&name, &wanted), 0, &message);
            }
            Outcome::Failed { reason: "ErrImageNeverPull", message }
        }
        _ => fetch(kubelets, sync, (&name, &wanted, part), found),
    }
}

/// Tells now and then of the Pod's pull secrets that are not there; pulling goes on without them
/// (`pkg/kubelet/kubelet_pods.go`, getPullSecretsForPod).
pub fn tell_missing_secrets(sync: &mut Sync) {
    let lately = SignedDuration::from_secs(60);
    if sync.memory.secrets_told.is_some_and(|told| sync.now.duration_since(told) < lately) {
        return;
    }
    let is_there = |name: &str| sync.context.client.find(&SECRET, meta::namespace(sync.pod), name).is_some();
    let names = meta::list(sync.pod, "/spec/imagePullSecrets").iter().map(|secret| meta::text(secret, "/name"));
    let missing: Vec<&str> = names.filter(|name| !name.is_empty() && !is_there(name)).collect();
    if missing.is_empty() {
        return;
    }
    let message = format!(
        "Unable to retrieve some image pull secrets ({}); attempting to pull the image may not succeed.",
        missing.join(", ")
    );
    sync.events.warning(sync.pod, "FailedToRetrieveImagePullSecret", &message);
    sync.memory.secrets_told = Some(sync.now);
}

/// Whether a node has an image. Images of the system are there before its Pods are.
fn is_there(kubelets: &Kubelets, sync: &Sync, image: &str) -> bool {
    let there = || kubelets.runtime.images(&sync.context.client, sync.node()).contains(&images::canonical(image));
    images::is_system(image) || there()
}

fn keep(kubelets: &Kubelets, sync: &Sync, image: &str) {
    kubelets.runtime.change_images(&sync.context.client, sync.node(), |all| all.insert(images::canonical(image)));
}

fn fetch(
    kubelets: &Kubelets,
    sync: &mut Sync,
    (name, wanted, part): (&str, &str, &str),
    found: Result<&'static Image, Missing>,
) -> Outcome {
    match sync.memory.pulls.get(name).cloned() {
        Some(Pull::Until { image, started, done }) if image == wanted => {
            if sync.now < done {
                sync.wake_at(done);
                return Outcome::Waiting;
            }
            finish(kubelets, sync, (name, wanted, part), found, done.duration_since(started))
        }
        Some(Pull::Failed { image, times, again, message, told }) if image == wanted && sync.now < again => {
            sync.wake_at(again);
            if !told {
                sync.events.record(
                    "Normal",
                    (sync.pod, part),
                    "BackOff",
                    &format!("Back-off pulling image {wanted:?}"),
                );
                sync.events.record("Warning", (sync.pod, part), "Failed", "Error: ImagePullBackOff");
                sync.memory.pulls.insert(
                    name.to_owned(),
                    Pull::Failed { image, times, again, message: message.clone(), told: true },
                );
            }
            Outcome::Failed {
                reason: "ImagePullBackOff",
                message: format!("Back-off pulling image {wanted:?}: ErrImagePull: {message}"),
            }
        }
        _ => {
            sync.events.record("Normal", (sync.pod, part), "Pulling", &format!("Pulling image {wanted:?}"));
            let takes =
                SignedDuration::try_from(found.as_ref().map_or(Duration::from_millis(400), |image| image.pull_time()))
                    .unwrap_or_default();
            let there = is_there(kubelets, sync, wanted);
            // With the layers there, only the registry is asked whether the tag has moved.
            let takes = if there { SignedDuration::from_millis(100) } else { takes };
            let again = match sync.memory.pulls.get(name) {
                Some(Pull::Failed { times, .. }) => *times,
                _ => 0,
            };
            sync.memory.failures.insert((name.to_owned(), "pull"), again);
            let done = sync.now + takes;
            sync.memory
                .pulls
                .insert(name.to_owned(), Pull::Until { image: wanted.to_owned(), started: sync.now, done });
            sync.wake_at(done);
            Outcome::Waiting
        }
    }
}

fn finish(
    kubelets: &Kubelets,
    sync: &mut Sync,
    (name, wanted, part): (&str, &str, &str),
    found: Result<&'static Image, Missing>,
    took: SignedDuration,
) -> Outcome {
    let missing = match found {
        Ok(image) => {
            keep(kubelets, sync, wanted);
            let took = spoken(took);
            let size = image.size();
            let message = format!(
                "Successfully pulled image {wanted:?} in {took} ({took} including waiting). Image size: {size} bytes."
            );
            sync.events.record("Normal", (sync.pod, part), "Pulled", &message);
            sync.memory.pulls.remove(name);
            return Outcome::Present(image);
        }
        Err(missing) => missing,
    };
    let message = missing.message(wanted);
    sync.events.record("Warning", (sync.pod, part), "Failed", &format!("Failed to pull image {wanted:?}: {message}"));
    sync.events.record("Warning", (sync.pod, part), "Failed", "Error: ErrImagePull");
    let times = sync.memory.failures.remove(&(name.to_owned(), "pull")).unwrap_or_default();
    remember_failure(sync, (name, wanted), times, &message);
    sync.wake_after(Duration::from_secs(1));
    Outcome::Failed { reason: "ErrImagePull", message }
}

fn remember_failure(sync: &mut Sync, (name, wanted): (&str, &str), times: u32, message: &str) {
    let pause = (FIRST_BACKOFF << times.min(10)).min(LONGEST_BACKOFF);
    let failed = Pull::Failed {
        image: wanted.to_owned(),
        times: times + 1,
        again: sync.now + SignedDuration::from_secs(pause),
        message: message.to_owned(),
        told: false,
    };
    sync.memory.pulls.insert(name.to_owned(), failed);
}

/// A duration as Go prints it, to the millisecond.
fn spoken(duration: SignedDuration) -> String {
    match duration.as_millis() {
        millis if millis < 1000 => format!("{millis}ms"),
        millis => format!("{}s", millis as f64 / 1000.0),
    }
}
