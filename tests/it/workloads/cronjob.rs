//! CronJobs: Jobs by the clock, side by side or not, few of the finished kept.
//! When a schedule is due is tried beside the code.

use std::time::Duration;

use kubedrill::object::meta;
use kubedrill::sim::apiserver::registry::kinds::job::JOB;
use serde_json::{Value, json};

use super::{NS, World};

/// Jobs do not run here by themselves: the stories say when they end.
const ONE: &[&str] = &["cronjob-controller", "generic-garbage-collector"];
const MINUTE: Duration = Duration::from_secs(60);

fn cron(spec: Value) -> Value {
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]});
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"spec": pod}}});
    let mut cron = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"},
        "spec": {"schedule": "* * * * *", "jobTemplate": template},
    });
    for (key, value) in spec.as_object().unwrap() {
        cron["spec"][key] = value.clone();
    }
    cron
}

fn end(world: &World, name: &str, kind: &str) {
    let now = kubedrill::sim::apiserver::endpoints::timestamp(world.api.clock.now());
    let condition = json!({"type": kind, "status": "True", "lastTransitionTime": now});
    let ended = world.client.modify_status(&JOB, NS, name, |fresh| {
        fresh["status"]["conditions"] = json!([condition]);
        fresh["status"]["startTime"] = json!(now);
        if kind == "Complete" {
            fresh["status"]["completionTime"] = json!(now);
        }
    });
    ended.unwrap();
}

/// Stories begin at noon of 1 March 2026, UTC: minute 29539440 of Unix time.
const NOON: i64 = 29_539_440;

fn job(minute: i64) -> String {
    format!("tick-{}", NOON + minute)
}

#[tokio::test(start_paused = true)]
async fn each_minute_has_its_job_and_few_finished_are_kept() {
    let world = World::with(ONE);
    world.make(cron(json!({"successfulJobsHistoryLimit": 2, "timeZone": "Asia/Kolkata"})));
    world.pass(Duration::from_secs(59)).await;
    assert_eq!(world.names("Job"), Vec::<String>::new(), "none at the moment it is made");
    world.pass(Duration::from_secs(2)).await;
    let made = world.get("Job", &job(1));
    assert_eq!(
        meta::annotation(&made, "batch.kubernetes.io/cronjob-scheduled-timestamp"),
        Some("2026-03-01T17:31:00+05:30")
    );
    assert_eq!(
        (meta::label(&made, "a"), made["metadata"]["ownerReferences"][0]["kind"].as_str()),
        (Some("b"), Some("CronJob"))
    );
    let cron = world.get("CronJob", "tick");
    assert_eq!(cron["status"]["lastScheduleTime"], "2026-03-01T12:01:00Z");
    assert_eq!(cron["status"]["active"][0]["uid"], made["metadata"]["uid"]);
    for minute in 1..=4 {
        end(&world, &job(minute), "Complete");
        world.pass(MINUTE).await;
    }
    assert_eq!(world.names("Job"), [job(3), job(4), job(5)]);
    let events = world.events("CronJob");
    for expected in [
        format!("SuccessfulCreate: Created job {}", job(1)),
        format!("SawCompletedJob: Saw completed job: {}, condition: Complete", job(1)),
        format!("SuccessfulDelete: Deleted job {}", job(1)),
    ] {
        assert!(events.contains(&expected), "{expected}: {events:#?}");
    }
    assert!(world.get("CronJob", "tick")["status"]["lastSuccessfulTime"].as_str() > Some("2026-03-01T12:04"));
}

#[tokio::test(start_paused = true)]
async fn what_runs_together_is_for_the_policy_to_say() {
    for (policy, expected) in [("Allow", vec![job(1), job(2)]), ("Forbid", vec![job(1)]), ("Replace", vec![job(2)])] {
        let world = World::with(ONE);
        world.make(cron(json!({"concurrencyPolicy": policy})));
        world.pass(MINUTE * 2 + Duration::from_secs(1)).await;
        assert_eq!(world.names("Job"), expected, "{policy}");
        let active = world.get("CronJob", "tick")["status"]["active"].as_array().map(Vec::len);
        assert_eq!(active, Some(expected.len()), "{policy}");
        if policy == "Forbid" {
            assert!(world.events("CronJob").last().unwrap().starts_with("JobAlreadyActive: Not starting job because"));
            end(&world, &job(1), "Failed");
            world.settle().await;
            assert_eq!(world.names("Job"), [job(1), job(2)], "it is made up for as soon as it may");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn suspended_it_makes_nothing_and_late_starts_have_a_deadline() {
    let world = World::with(ONE);
    world.make(cron(json!({"suspend": true, "schedule": "*/10 * * * *", "startingDeadlineSeconds": 30})));
    world.pass(MINUTE * 15).await;
    assert_eq!(world.names("Job"), Vec::<String>::new());
    world.change("CronJob", "tick", json!({"spec": {"suspend": false}}));
    world.settle().await;
    assert_eq!(world.names("Job"), Vec::<String>::new(), "five minutes too late");
    world.change("CronJob", "tick", json!({"spec": {"startingDeadlineSeconds": null}}));
    world.settle().await;
    assert_eq!(world.names("Job"), [job(10)]);
    world.pass(MINUTE * 5).await;
    assert_eq!(world.names("Job"), [job(10), job(20)]);
}

#[tokio::test(start_paused = true)]
async fn deleted_it_takes_its_jobs_along() {
    let world = World::with(ONE);
    world.make(cron(json!({})));
    world.pass(MINUTE + Duration::from_secs(1)).await;
    world.delete("CronJob", "tick", None);
    world.settle().await;
    assert_eq!(world.names("Job"), Vec::<String>::new());
}
