//! LimitRanges and ResourceQuotas: what containers are given, and what is too much, in Kubernetes' words.
//! The quotas' status stands in the stories of their controller.

use kubedrill::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::registry::kinds::resourcequota::RESOURCEQUOTA;
use serde_json::{Value, json};

use super::{World, pod};

fn range(limits: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "limits" }, "spec": { "limits": [limits] } })
}

fn quota(hard: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "team" }, "spec": { "hard": hard } })
}

fn with_resources(name: &str, resources: Value) -> Value {
    let mut pod = pod(name);
    pod["spec"]["containers"][0]["resources"] = resources;
    pod
}

fn claim(name: &str, size: &str, class: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": name },
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": { "requests": { "storage": size } } },
    })
}

#[tokio::test(start_paused = true)]
async fn containers_get_what_the_namespace_gives() {
    let world = World::new();
    world.make(range(json!({ "type": "Container", "default": { "cpu": "500m", "memory": "256Mi" }, "defaultRequest": { "cpu": "250m" } })));
    let made = world.make(pod("web"));
    assert_eq!(
        made["spec"]["containers"][0]["resources"],
        json!({ "limits": { "cpu": "500m", "memory": "256Mi" }, "requests": { "cpu": "250m", "memory": "256Mi" } })
    );
    assert_eq!(
        made["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c"
    );
    let made = world.make(with_resources("own", json!({ "limits": { "cpu": "1", "memory": "1Gi" } })));
    assert_eq!(made["spec"]["containers"][0]["resources"]["requests"], json!({ "cpu": "1", "memory": "1Gi" }));
}

#[tokio::test(start_paused = true)]
async fn what_lies_outside_the_bounds_is_refused() {
    let world = World::new();
    world.make(range(json!({ "type": "Container", "max": { "cpu": "500m", "memory": "1Gi" }, "min": { "cpu": "100m" }, "maxLimitRequestRatio": { "memory": "2" } })));
    let fine =
        json!({ "limits": { "cpu": "500m", "memory": "1Gi" }, "requests": { "cpu": "100m", "memory": "512Mi" } });
    world.make(with_resources("fine", fine.clone()));
    let mut much = fine.clone();
    much["limits"]["cpu"] = json!("1");
    assert_eq!(
        world.refusal(with_resources("web", much)),
        "pods \"web\" is forbidden: maximum cpu usage per Container is 500m, but limit is 1"
    );
    let mut little = fine.clone();
    little["requests"]["cpu"] = json!("50m");
    little["requests"]["memory"] = json!("256Mi");
    assert_eq!(
        world.refusal(with_resources("web", little)),
        "pods \"web\" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, memory max limit to request ratio per Container is 2, but provided ratio is 4.000000]"
    );
}

#[tokio::test(start_paused = true)]
async fn a_range_may_bound_whole_pods_and_claims() {
    let world = World::new();
    world.make(range(json!({ "type": "Pod", "max": { "memory": "1Gi" } })));
    let half = json!({ "name": "c", "image": "nginx", "resources": { "limits": { "memory": "768Mi" } } });
    let mut two = pod("two");
    two["spec"]["containers"] = json!([half, half]);
    two["spec"]["containers"][1]["name"] = json!("d");
    assert_eq!(
        world.refusal(two),
        "pods \"two\" is forbidden: maximum memory usage per Pod is 1Gi, but limit is 1536Mi"
    );
    let mut other = range(json!({ "type": "PersistentVolumeClaim", "max": { "storage": "1Gi" } }));
    other["metadata"]["name"] = json!("claims");
    world.make(other);
    assert_eq!(
        world.refusal(claim("big", "2Gi", "")),
        "persistentvolumeclaims \"big\" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"
    );
}

#[tokio::test(start_paused = true)]
async fn a_quota_counts_pods_and_what_they_ask_for() {
    let world = World::new();
    world.make(quota(json!({ "pods": "2", "requests.cpu": "1", "limits.memory": "1Gi" })));
    assert_eq!(
        world.refusal(pod("bare")),
        "pods \"bare\" is forbidden: failed quota: team: must specify limits.memory for: c; requests.cpu for: c"
    );
    let resources = |cpu: &str| json!({ "requests": { "cpu": cpu }, "limits": { "memory": "256Mi" } });
    world.make(with_resources("one", resources("600m")));
    assert_eq!(
        world.refusal(with_resources("two", resources("500m"))),
        "pods \"two\" is forbidden: exceeded quota: team, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1"
    );
    world.make(with_resources("two", resources("400m")));
    assert_eq!(
        world.refusal(with_resources("three", resources("100m"))),
        "pods \"three\" is forbidden: exceeded quota: team, requested: pods=1,requests.cpu=100m, used: pods=2,requests.cpu=1, limited: pods=2,requests.cpu=1"
    );
    world.client.modify_status(&POD, "default", "one", |pod| pod["status"]["phase"] = json!("Succeeded")).unwrap();
    world.make(with_resources("three", resources("100m")));
}

#[tokio::test(start_paused = true)]
async fn a_quota_counts_objects_of_any_kind() {
    let world = World::new();
    world.make(quota(json!({ "configmaps": "1", "count/deployments.apps": "1", "services.nodeports": "1" })));
    let map = |name: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
    world.make(map("a"));
    assert_eq!(
        world.refusal(map("b")),
        "configmaps \"b\" is forbidden: exceeded quota: team, requested: configmaps=1, used: configmaps=1, limited: configmaps=1"
    );
    let deployment = |name: &str| {
        let labels = json!({ "app": name });
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name }, "spec": { "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "c", "image": "nginx" }] } } } })
    };
    world.make(deployment("a"));
    assert_eq!(
        world.refusal(deployment("b")),
        "deployments.apps \"b\" is forbidden: exceeded quota: team, requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1"
    );
    let service = |name: &str, kind: &str| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": { "type": kind, "ports": [{ "port": 80 }] } });
    world.make(service("inner", "ClusterIP"));
    world.make(service("outer", "NodePort"));
    assert_eq!(
        world.refusal(service("more", "NodePort")),
        "services \"more\" is forbidden: exceeded quota: team, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1"
    );
}

#[tokio::test(start_paused = true)]
async fn kinds_that_nobody_watches_are_counted_soon() {
    let world = World::with_controllers(&["resourcequota-controller"]);
    world.make(quota(json!({ "count/roles.rbac.authorization.k8s.io": "1" })));
    world.pass(2).await;
    let role =
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "reader" } });
    world.make(role);
    world.pass(2).await;
    let quota = world.client.get(&RESOURCEQUOTA, "default", "team").unwrap();
    assert_eq!(quota["status"]["used"], json!({ "count/roles.rbac.authorization.k8s.io": "1" }));
}

#[tokio::test(start_paused = true)]
async fn scopes_choose_the_pods() {
    let world = World::new();
    world.make(json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "high" }, "value": 10 }));
    let mut high = quota(json!({ "pods": "0" }));
    high["spec"]["scopeSelector"] =
        json!({ "matchExpressions": [{ "scopeName": "PriorityClass", "operator": "In", "values": ["high"] }] });
    world.make(high);
    let mut best = quota(json!({ "pods": "1" }));
    best["metadata"]["name"] = json!("best");
    best["spec"]["scopes"] = json!(["BestEffort"]);
    world.make(best);
    let resources = json!({ "requests": { "cpu": "1" } });
    let mut important = with_resources("important", resources.clone());
    important["spec"]["priorityClassName"] = json!("high");
    assert_eq!(
        world.refusal(important),
        "pods \"important\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0"
    );
    world.make(pod("a"));
    assert_eq!(
        world.refusal(pod("b")),
        "pods \"b\" is forbidden: exceeded quota: best, requested: pods=1, used: pods=1, limited: pods=1"
    );
    world.make(with_resources("c", resources));
}

#[tokio::test(start_paused = true)]
async fn storage_is_counted_by_class_and_only_what_grows() {
    let world = World::new();
    world.make(json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "fast", "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } }, "provisioner": "x", "allowVolumeExpansion": true }));
    world.make(quota(json!({ "requests.storage": "3Gi", "fast.storageclass.storage.k8s.io/requests.storage": "2Gi" })));
    let mut nameless = claim("a", "1Gi", "");
    nameless["spec"].as_object_mut().unwrap().shift_remove("storageClassName");
    let made = world.make(nameless);
    assert_eq!(made["spec"]["storageClassName"], "fast");
    assert_eq!(made["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
    assert_eq!(
        world.refusal(claim("b", "2Gi", "fast")),
        "persistentvolumeclaims \"b\" is forbidden: exceeded quota: team, requested: fast.storageclass.storage.k8s.io/requests.storage=2Gi, used: fast.storageclass.storage.k8s.io/requests.storage=1Gi, limited: fast.storageclass.storage.k8s.io/requests.storage=2Gi"
    );
    let grow = |size: &str| {
        let change = json!({ "spec": { "resources": { "requests": { "storage": size } } } });
        world.client.merge(&PERSISTENTVOLUMECLAIM, "default", "a", change).map_err(|status| status.message)
    };
    assert_eq!(
        grow("2Gi").unwrap_err(),
        "PersistentVolumeClaim \"a\" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
    );
    let bound = |claim: &mut Value| claim["status"]["phase"] = json!("Bound");
    world.client.modify_status(&PERSISTENTVOLUMECLAIM, "default", "a", bound).unwrap();
    grow("2Gi").unwrap();
    assert!(grow("3Gi").unwrap_err().contains("exceeded quota: team"));
}
