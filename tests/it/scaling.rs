//! Stories of disruption budgets and of autoscalers over an API server in the process.
//! Nothing runs Pods here: they say themselves that they are ready, and how busy they are.

use std::sync::Arc;

use jiff::SignedDuration;
use kubedrill::object::meta;
use kubedrill::sim::apiserver::endpoints::timestamp;
use kubedrill::sim::apiserver::registry::kinds::apiservice::APISERVICE;
use kubedrill::sim::apiserver::registry::kinds::deployment::DEPLOYMENT;
use kubedrill::sim::apiserver::registry::kinds::horizontalpodautoscaler::HORIZONTALPODAUTOSCALER;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::registry::kinds::poddisruptionbudget::PODDISRUPTIONBUDGET;
use kubedrill::sim::apiserver::storage::Object;
use serde_json::{Value, json};

use crate::infra::World;

const CONTROLLERS: &[&str] =
    &["deployment-controller", "replicaset-controller", "controllermanager", "horizontal-pod-autoscaler"];

impl World {
    /// Deployment `web` of so many Pods that are ready.
    async fn web(&self, replicas: usize) {
        self.make(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } }));
        self.make(json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": "web" },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": { "app": "web" } },
                "template": {
                    "metadata": { "labels": { "app": "web" } },
                    "spec": { "containers": [{ "name": "c", "image": "nginx", "resources": { "requests": { "cpu": "100m" } } }] },
                },
            },
        }));
        self.settle().await;
        for pod in self.client.list(&POD, "default") {
            self.ready(&pod, true);
        }
        self.settle().await;
    }

    fn ready(&self, pod: &Value, ready: bool) {
        let status = if ready { "True" } else { "False" };
        let set = |pod: &mut Value| {
            pod["status"]["phase"] = json!("Running");
            let then = timestamp(self.client.clock().now() - SignedDuration::from_mins(20));
            pod["status"]["startTime"] = json!(then);
            pod["status"]["conditions"] = json!([{ "type": "Ready", "status": status, "lastTransitionTime": then }]);
        };
        self.client.modify_status(&POD, "default", meta::name(pod), set).unwrap();
    }

    /// Has every Pod measured, each as busy as that.
    fn busy(&self, load: &str) {
        if self.client.find(&APISERVICE, "", "v1beta1.metrics.k8s.io").is_none() {
            self.make(json!({
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": { "name": "v1beta1.metrics.k8s.io" },
                "spec": { "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100 },
            }));
            let available = json!([{ "type": "Available", "status": "True" }]);
            let set = |service: &mut Value| service["status"] = json!({ "conditions": available });
            self.client.modify_status(&APISERVICE, "", "v1beta1.metrics.k8s.io", set).unwrap();
        }
        let now = timestamp(self.client.clock().now());
        let measured = self.client.list(&POD, "default").into_iter().map(|pod| {
            self.ready(&pod, true);
            Arc::new(json!({
                "metadata": { "name": meta::name(&pod), "namespace": "default", "labels": pod["metadata"]["labels"] },
                "timestamp": now,
                "window": "15.000s",
                "containers": [{ "name": "c", "usage": { "cpu": load, "memory": "10Mi" } }],
            }))
        });
        self.client.server().measured.tell(Vec::new(), measured.collect());
    }

    fn budget(&self, name: &str, spec: Value) {
        let mut spec = spec;
        spec["selector"] = json!({ "matchLabels": { "app": "web" } });
        self.make(json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": name }, "spec": spec }));
    }

    /// Expected, desired, healthy and allowed.
    fn counted(&self, name: &str) -> [i64; 4] {
        let budget = self.client.get(&PODDISRUPTIONBUDGET, "default", name).unwrap();
        ["expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed"]
            .map(|key| budget["status"][key].as_i64().unwrap_or(-1))
    }

    fn autoscaler(&self, behavior: Value) {
        self.make(json!({
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": "web" },
            "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
                "minReplicas": 1,
                "maxReplicas": 5,
                "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 50 } } }],
                "behavior": behavior,
            },
        }));
    }

    fn hpa(&self) -> Object {
        self.client.get(&HORIZONTALPODAUTOSCALER, "default", "web").unwrap()
    }

    fn replicas(&self) -> i64 {
        self.client.get(&DEPLOYMENT, "default", "web").unwrap()["spec"]["replicas"].as_i64().unwrap()
    }
}

/// Status and reason of a condition.
fn said(object: &Value, kind: &str) -> (String, String) {
    let found = meta::list(object, "/status/conditions").iter().find(|condition| condition["type"] == kind);
    let found = found.unwrap_or_else(|| panic!("no condition {kind}: {object}"));
    (meta::text(found, "/status").to_owned(), meta::text(found, "/reason").to_owned())
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_budget_counts_the_pods_of_its_controllers() {
    let world = World::with_controllers(CONTROLLERS);
    world.web(4).await;
    world.budget("least", json!({ "minAvailable": 3 }));
    world.budget("percent", json!({ "minAvailable": "60%" }));
    world.budget("most", json!({ "maxUnavailable": "30%" }));
    world.settle().await;
    assert_eq!(world.counted("least"), [4, 3, 4, 1]);
    assert_eq!(world.counted("percent"), [4, 3, 4, 1]);
    assert_eq!(world.counted("most"), [4, 2, 4, 2]);
    let budget = world.client.get(&PODDISRUPTIONBUDGET, "default", "least").unwrap();
    assert_eq!(said(&budget, "DisruptionAllowed"), pair("True", "SufficientPods"));
    assert_eq!(budget["status"]["observedGeneration"], 1);
    let pods = world.client.list(&POD, "default");
    world.ready(&pods[0], false);
    world.settle().await;
    assert_eq!(world.counted("least"), [4, 3, 3, 0]);
    let budget = world.client.get(&PODDISRUPTIONBUDGET, "default", "least").unwrap();
    assert_eq!(said(&budget, "DisruptionAllowed"), pair("False", "InsufficientPods"));
}

#[tokio::test(start_paused = true)]
async fn without_metrics_an_autoscaler_says_what_is_missing() {
    let world = World::with_controllers(CONTROLLERS);
    world.web(2).await;
    world.autoscaler(Value::Null);
    world.settle().await;
    let hpa = world.hpa();
    assert_eq!(said(&hpa, "AbleToScale"), pair("True", "SucceededGetScale"));
    assert_eq!(said(&hpa, "ScalingActive"), pair("False", "FailedGetResourceMetric"));
    let why = "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";
    let told = world.events("HorizontalPodAutoscaler", "web");
    let all = format!(
        "FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {why}"
    );
    assert_eq!(told, [format!("FailedGetResourceMetric: {why}"), all]);
    assert_eq!(world.replicas(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_follows_the_load_up_at_once_and_down_with_patience() {
    let world = World::with_controllers(CONTROLLERS);
    world.web(2).await;
    world.busy("100m");
    world.autoscaler(json!({ "scaleDown": { "stabilizationWindowSeconds": 60 } }));
    world.settle().await;
    assert_eq!(world.replicas(), 4);
    let told = world.events("HorizontalPodAutoscaler", "web");
    assert_eq!(
        told,
        ["SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target"]
    );
    assert_eq!(world.hpa()["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"], 100);
    world.busy("5m");
    world.pass(30).await;
    assert_eq!(world.replicas(), 4);
    assert_eq!(said(&world.hpa(), "AbleToScale"), pair("True", "ScaleDownStabilized"));
    world.pass(60).await;
    assert_eq!(world.replicas(), 1);
    let told = world.events("HorizontalPodAutoscaler", "web");
    assert_eq!(told.last().unwrap(), "SuccessfulRescale: New size: 1; reason: All metrics below target");
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_whose_target_is_missing_says_so() {
    let world = World::with_controllers(CONTROLLERS);
    world.autoscaler(Value::Null);
    world.settle().await;
    assert_eq!(said(&world.hpa(), "AbleToScale"), pair("False", "FailedGetScale"));
    let told = world.events("HorizontalPodAutoscaler", "web");
    assert_eq!(told, ["FailedGetScale: deployments.apps \"web\" not found"]);
}
