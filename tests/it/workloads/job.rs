//! Jobs: run to completion, tried again, given up, suspended, indexed, and taken away when their time is over.
//! Each Pod is counted once, whatever happens to it.

use std::time::Duration;

use kubedrill::object::meta;
use kubedrill::sim::apiserver::endpoints::{Propagation, timestamp};
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::storage::Object;
use serde_json::{Value, json};

use super::{World, counter, said};

const ALL: &[&str] = &["job-controller", "ttl-after-finished-controller", "generic-garbage-collector"];

fn job(spec: Value) -> Value {
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}}},
    });
    for (key, value) in spec.as_object().unwrap() {
        job["spec"][key] = value.clone();
    }
    job
}

fn now(world: &World) -> Object {
    world.get("Job", "j")
}

/// Ends a Pod with an exit code.
fn end(world: &World, pod: &Value, code: i64) {
    let at = timestamp(world.api.clock.now());
    let ended = world.client.modify_status(&POD, meta::namespace(pod), meta::name(pod), |fresh| {
        fresh["status"]["phase"] = json!(if code == 0 { "Succeeded" } else { "Failed" });
        let state = json!({"terminated": {"exitCode": code, "finishedAt": at}});
        fresh["status"]["containerStatuses"] = json!([{"name": "c", "state": state}]);
        fresh["status"]["conditions"] = json!([]);
    });
    ended.unwrap();
}

/// Ends all that run with an exit code.
async fn end_all(world: &World, code: i64) {
    for pod in world.active() {
        end(world, &pod, code);
    }
    world.settle().await;
}

#[tokio::test(start_paused = true)]
async fn as_many_as_asked_for_run_to_their_end() {
    let world = World::with(ALL);
    world.make(job(json!({"completions": 5, "parallelism": 2})));
    world.live().await;
    assert_eq!((world.active().len(), counter(&now(&world), "active"), counter(&now(&world), "ready")), (2, 2, 2));
    let pod = world.active().remove(0);
    assert_eq!(pod["metadata"]["finalizers"], json!(["batch.kubernetes.io/job-tracking"]));
    assert!(meta::name(&pod).starts_with("j-") && meta::label(&pod, "job-name") == Some("j"));
    for _ in 0..3 {
        world.live().await;
        end_all(&world, 0).await;
    }
    let done = now(&world);
    assert_eq!(said(&done, "SuccessCriteriaMet"), ("True".to_owned(), "CompletionsReached".to_owned()));
    assert_eq!(said(&done, "Complete"), ("True".to_owned(), "CompletionsReached".to_owned()));
    let mut status = done["status"].clone();
    meta::remove(&mut status, "conditions");
    let at = status["startTime"].clone();
    let ended = status["completionTime"].clone();
    let expected = json!({
        "startTime": at, "completionTime": ended, "succeeded": 5, "ready": 0, "terminating": 0, "uncountedTerminatedPods": {},
    });
    assert_eq!(status, expected);
    assert!(world.list("Pod").iter().all(|pod| meta::finalizers(pod).next().is_none()), "counted Pods are free");
    assert_eq!(world.events("Job").last().unwrap(), "Completed: Job completed");
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_with_growing_pauses_until_the_limit() {
    let world = World::with(ALL);
    world.make(job(json!({"backoffLimit": 2})));
    world.live().await;
    end_all(&world, 1).await;
    assert_eq!((counter(&now(&world), "failed"), world.active().len()), (1, 0));
    world.pass(Duration::from_secs(9)).await;
    assert_eq!(world.active().len(), 0, "ten seconds are not over");
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(world.active().len(), 1);
    end_all(&world, 1).await;
    world.pass(Duration::from_secs(18)).await;
    assert_eq!(world.active().len(), 0, "then twenty");
    world.pass(Duration::from_secs(3)).await;
    end_all(&world, 1).await;
    let failed = now(&world);
    assert_eq!(counter(&failed, "failed"), 3);
    assert_eq!(said(&failed, "FailureTarget"), ("True".to_owned(), "BackoffLimitExceeded".to_owned()));
    assert_eq!(said(&failed, "Failed"), ("True".to_owned(), "BackoffLimitExceeded".to_owned()));
    let expected = "BackoffLimitExceeded: Job has reached the specified backoff limit";
    assert_eq!(world.events("Job").last().unwrap(), expected);
    world.pass(Duration::from_secs(100)).await;
    assert_eq!(world.list("Pod").len(), 3, "failed Pods stay to be looked at");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_what_runs() {
    let world = World::with(ALL);
    world.make(job(json!({"activeDeadlineSeconds": 30, "parallelism": 2, "completions": 2})));
    world.live().await;
    world.pass(Duration::from_secs(31)).await;
    let ending = now(&world);
    assert_eq!(said(&ending, "FailureTarget").1, "DeadlineExceeded");
    assert_eq!(said(&ending, "Failed").0, "", "not before the Pods have ended");
    assert_eq!(counter(&ending, "terminating"), 2);
    world.live().await;
    let failed = now(&world);
    assert_eq!(said(&failed, "Failed"), ("True".to_owned(), "DeadlineExceeded".to_owned()));
    assert_eq!((counter(&failed, "failed"), counter(&failed, "active"), world.list("Pod").len()), (2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_suspended_job_has_no_pods_and_starts_anew() {
    let world = World::with(ALL);
    world.make(job(json!({"suspend": true})));
    world.live().await;
    assert_eq!((world.list("Pod").len(), said(&now(&world), "Suspended").0.as_str()), (0, "True"));
    assert_eq!(now(&world)["status"].get("startTime"), None);
    world.change("Job", "j", json!({"spec": {"suspend": false}}));
    world.live().await;
    assert_eq!((world.active().len(), said(&now(&world), "Suspended").1.as_str()), (1, "JobResumed"));
    world.change("Job", "j", json!({"spec": {"suspend": true}}));
    world.live().await;
    assert_eq!((world.list("Pod").len(), counter(&now(&world), "failed")), (0, 0), "not their fault");
    let told: Vec<String> = world.events("Job").into_iter().filter(|event| event.contains("Job ")).collect();
    assert_eq!(told, ["Resumed: Job resumed", "Suspended: Job suspended"], "the last was told before, and is counted");
}

#[tokio::test(start_paused = true)]
async fn indexed_pods_know_their_index() {
    let world = World::with(ALL);
    world.make(job(json!({"completionMode": "Indexed", "completions": 4, "parallelism": 4})));
    world.live().await;
    let index = |pod: &Value| meta::annotation(pod, "batch.kubernetes.io/job-completion-index").unwrap().to_owned();
    let mut pods = world.active();
    pods.sort_by_key(|pod| index(pod));
    assert_eq!(pods.iter().map(|pod| index(pod)).collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    assert!(meta::name(&pods[2]).starts_with("j-2-"));
    assert_eq!(pods[2]["spec"]["hostname"], "j-2");
    let variable = &pods[2]["spec"]["containers"][0]["env"][0];
    assert_eq!(variable["name"], "JOB_COMPLETION_INDEX");
    let path = "metadata.labels['batch.kubernetes.io/job-completion-index']";
    assert_eq!(variable["valueFrom"]["fieldRef"]["fieldPath"], path);
    end(&world, &pods[0], 0);
    end(&world, &pods[1], 0);
    end(&world, &pods[3], 1);
    world.settle().await;
    assert_eq!(now(&world)["status"]["completedIndexes"], "0,1");
    world.pass(Duration::from_secs(11)).await;
    assert!(world.active().iter().any(|pod| index(pod) == "3"), "index 3 is tried again");
    end_all(&world, 0).await;
    let done = now(&world);
    assert_eq!((said(&done, "Complete").0.as_str(), &done["status"]["completedIndexes"]), ("True", &json!("0-3")));
    assert_eq!((counter(&done, "succeeded"), counter(&done, "failed")), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn an_index_has_its_own_limit() {
    let world = World::with(ALL);
    let spec = json!({"completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 1});
    world.make(job(spec));
    world.live().await;
    let is_first = |pod: &Object| meta::annotation(pod, "batch.kubernetes.io/job-completion-index") == Some("0");
    let (first, second): (Vec<Object>, Vec<Object>) = world.active().into_iter().partition(is_first);
    end(&world, &first[0], 1);
    end(&world, &second[0], 0);
    world.settle().await;
    world.pass(Duration::from_secs(11)).await;
    let again = world.active().remove(0);
    assert_eq!(meta::annotation(&again, "batch.kubernetes.io/job-index-failure-count"), Some("1"));
    end_all(&world, 1).await;
    let failed = now(&world);
    assert_eq!((&failed["status"]["failedIndexes"], &failed["status"]["completedIndexes"]), (&json!("0"), &json!("1")));
    assert_eq!(said(&failed, "Failed").1, "FailedIndexes");
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_takes_its_pods_along_or_lets_them_go() {
    let world = World::with(ALL);
    world.make(job(json!({})));
    world.live().await;
    world.delete("Job", "j", Some(Propagation::Background));
    world.live().await;
    assert_eq!(world.names("Pod"), Vec::<String>::new());
    world.make(job(json!({})));
    world.live().await;
    world.delete("Job", "j", Some(Propagation::Orphan));
    world.live().await;
    let orphan = world.active().remove(0);
    assert_eq!((meta::controller_of(&orphan), meta::finalizers(&orphan).next()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_goes_when_its_time_is_over() {
    let world = World::with(ALL);
    world.make(job(json!({"ttlSecondsAfterFinished": 60})));
    world.live().await;
    end_all(&world, 0).await;
    world.pass(Duration::from_secs(55)).await;
    assert!(world.find("Job", "j").is_some());
    world.pass(Duration::from_secs(10)).await;
    assert_eq!((world.find("Job", "j"), world.list("Pod").len()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_policy_can_end_a_job_at_once() {
    let world = World::with(ALL);
    let rules = json!([{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]);
    world.make(job(json!({"podFailurePolicy": {"rules": rules}})));
    world.live().await;
    end_all(&world, 42).await;
    assert_eq!(said(&now(&world), "Failed").1, "PodFailurePolicy");
}
