//! What namespaces allow Pods to do by the Pod Security Standards, in the words of 1.35.
//! A namespace without labels allows everything.

use kubedrill::sim::apiserver::auth::User;
use kubedrill::sim::apiserver::endpoints::Request;
use kubedrill::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use serde_json::{Value, json};
use std::sync::Arc;

use super::{World, pod};

fn world(labels: Value) -> World {
    let world = World::new();
    world.make(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "secure", "labels": labels } }));
    world
}

fn secure(mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!("secure");
    object
}

/// The refusal without the Pod's name, and the warnings.
fn told(world: &World, object: Value) -> (Option<String>, Vec<String>) {
    let (made, warnings) = world.make_as(&User::privileged("admin"), secure(object));
    (made.err().map(|status| status.message.replace("pods \"web\" is forbidden: ", "")), warnings)
}

fn careful(name: &str) -> Value {
    let mut pod = pod(name);
    pod["spec"]["securityContext"] = json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
    pod["spec"]["containers"][0]["securityContext"] =
        json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } });
    pod
}

const RESTRICTED: &str = "allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")";

#[tokio::test(start_paused = true)]
async fn restricted_asks_for_much() {
    let world = world(json!({ "pod-security.kubernetes.io/enforce": "restricted" }));
    let (refusal, warnings) = told(&world, pod("web"));
    assert_eq!(refusal, Some(format!("violates PodSecurity \"restricted:latest\": {RESTRICTED}")));
    assert_eq!(warnings, [""; 0]);
    assert_eq!(told(&world, careful("web")), (None, Vec::new()));
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web" },
        "spec": { "selector": { "matchLabels": { "app": "web" } }, "template": { "metadata": { "labels": { "app": "web" } }, "spec": pod("web")["spec"] } },
    });
    let (refusal, warnings) = told(&world, deployment);
    assert_eq!(refusal, None, "workloads are only warned");
    assert_eq!(warnings, [format!("would violate PodSecurity \"restricted:latest\": {RESTRICTED}")]);
}

#[tokio::test(start_paused = true)]
async fn baseline_forbids_what_leads_out_of_the_container() {
    let world = world(
        json!({ "pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/enforce-version": "v1.35" }),
    );
    assert_eq!(told(&world, pod("fine")), (None, Vec::new()));
    let mut bad = pod("web");
    bad["spec"]["hostNetwork"] = json!(true);
    bad["spec"]["hostPID"] = json!(true);
    bad["spec"]["volumes"] = json!([{ "name": "root", "hostPath": { "path": "/" } }]);
    bad["spec"]["containers"][0]["securityContext"] =
        json!({ "privileged": true, "capabilities": { "add": ["SYS_ADMIN", "CHOWN", "NET_ADMIN"] } });
    bad["spec"]["containers"][0]["ports"] = json!([{ "containerPort": 80, "hostPort": 80 }]);
    assert_eq!(
        told(&world, bad).0,
        Some("violates PodSecurity \"baseline:v1.35\": non-default capabilities (container \"c\" must not include \"NET_ADMIN\", \"SYS_ADMIN\" in securityContext.capabilities.add), host namespaces (hostNetwork=true, hostPID=true), hostPath volumes (volume \"root\"), hostPort (container \"c\" uses hostPort 80), privileged (container \"c\" must not set securityContext.privileged=true)".to_owned())
    );
    let mut seccomp = pod("web");
    seccomp["spec"]["securityContext"] =
        json!({ "seccompProfile": { "type": "Unconfined" }, "sysctls": [{ "name": "kernel.msgmax", "value": "1" }] });
    seccomp["spec"]["initContainers"] =
        json!([{ "name": "i", "image": "busybox", "securityContext": { "seccompProfile": { "type": "Unconfined" } } }]);
    assert_eq!(
        told(&world, seccomp).0,
        Some("violates PodSecurity \"baseline:v1.35\": seccompProfile (pod and container \"i\" must not set securityContext.seccompProfile.type to \"Unconfined\"), forbidden sysctls (kernel.msgmax)".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn warning_is_not_refusing_and_restricted_replaces_checks_of_baseline() {
    let world = world(json!({ "pod-security.kubernetes.io/warn": "restricted" }));
    let mut web = careful("web");
    web["spec"]["volumes"] = json!([{ "name": "root", "hostPath": { "path": "/" } }]);
    web["spec"]["containers"][0]["securityContext"]["runAsUser"] = json!(0);
    let (refusal, warnings) = told(&world, web);
    assert_eq!(refusal, None);
    assert_eq!(
        warnings,
        [
            "would violate PodSecurity \"restricted:latest\": restricted volume types (volume \"root\" uses restricted volume type \"hostPath\"), runAsUser=0 (container \"c\" must not set runAsUser=0)"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stricter_policy_tells_who_breaks_it() {
    let world = world(json!({}));
    for name in ["a", "b", "c"] {
        world.make(secure(pod(name)));
    }
    let mut privileged = pod("p");
    privileged["spec"]["containers"][0]["securityContext"] = json!({ "privileged": true });
    world.make(secure(privileged));
    let label = |level: &str| {
        let request = Request::new(Arc::new(User::privileged("admin")), &NAMESPACE, "", "secure");
        let mut namespace = (*world.client.get(&NAMESPACE, "", "secure").unwrap()).clone();
        namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = json!(level);
        let updated = world.client.server().update(&request, namespace);
        (updated.err().map(|status| status.message), request.warnings.take())
    };
    let (_, warnings) = label("baseline");
    assert_eq!(
        warnings,
        [
            "existing pods in namespace \"secure\" violate the new PodSecurity enforce level \"baseline:latest\"",
            "p: privileged"
        ]
    );
    let (_, warnings) = label("restricted");
    assert_eq!(
        warnings[1..],
        [
            "a (and 2 other pods): allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile",
            "p: privileged, allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile"
        ]
    );
    let (refusal, _) = label("tight");
    assert_eq!(
        refusal.unwrap(),
        "Namespace \"secure\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"tight\": must be one of privileged, baseline, restricted"
    );
}
