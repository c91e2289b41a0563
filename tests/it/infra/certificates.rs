//! A certificate asked for, approved and signed, through the API; Secrets with tokens; roles that aggregate.
//! What signers accept and how keys are read stands in `pki.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubedrill::sim::apiserver::auth::{Authenticator, PeerCertificate, TokenKey, User};
use kubedrill::sim::apiserver::endpoints::{DeleteOptions, Request};
use kubedrill::sim::apiserver::pki::KeyPair;
use kubedrill::sim::apiserver::registry::kinds::certificatesigningrequest::CERTIFICATESIGNINGREQUEST as CSR;
use kubedrill::sim::apiserver::registry::kinds::clusterrole::CLUSTERROLE;
use kubedrill::sim::apiserver::registry::kinds::secret::SECRET;
use kubedrill::sim::apiserver::registry::kinds::serviceaccount::SERVICEACCOUNT;
use kubedrill::sim::apiserver::status::Result;
use kubedrill::sim::apiserver::storage::Object;
use serde_json::{Value, json};
use std::sync::Arc;

use super::World;

const CONTROLLERS: &[&str] =
    &["csrapproving", "csrsigning", "csrcleaner", "tokens-controller", "clusterrole-aggregation-controller"];
const CLIENT: &str = "kubernetes.io/kube-apiserver-client";

fn request(name: &str, fixture: &str, signer: &str, usages: &[&str]) -> Value {
    let pem = std::fs::read(format!("tests/fixtures/csr/{fixture}.pem")).unwrap();
    json!({
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": { "name": name },
        "spec": { "request": STANDARD.encode(pem), "signerName": signer, "usages": usages, "username": "somebody else" },
    })
}

fn role(name: &str, rules: Value) -> Value {
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": name }, "rules": rules })
}

fn binding(role: &str, user: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": format!("{role}-{user}") },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    })
}

impl World {
    fn csr(&self, name: &str) -> Object {
        self.client.get(&CSR, "", name).unwrap()
    }

    /// What `kubectl certificate approve` or `deny` sends.
    fn settle_request(&self, user: &User, name: &str, kind: &str) -> Result<Object> {
        let mut found = (*self.csr(name)).clone();
        found["status"]["conditions"] = json!([{ "type": kind, "status": "True", "reason": "KubectlApprove", "message": "This CSR was approved by kubectl certificate approve." }]);
        let request = Request::new(Arc::new(user.clone()), &CSR, "", name).on("approval");
        self.client.server().update(&request, found).map(|(updated, _)| updated)
    }
}

#[tokio::test(start_paused = true)]
async fn an_approved_request_becomes_a_certificate_that_logs_in() {
    let world = World::with_controllers(CONTROLLERS);
    let jane = User::new("jane", &["dev", "system:authenticated"]);
    let (made, _) = world.make_as(&jane, request("jane", "p256", CLIENT, &["client auth"]));
    let spec = &made.unwrap()["spec"];
    assert_eq!((&spec["username"], &spec["groups"]), (&json!("jane"), &json!(["dev", "system:authenticated"])));
    world.settle().await;
    assert!(world.csr("jane")["status"].get("certificate").is_none(), "it waits for a person");

    let refused = world.settle_request(&jane, "jane", "Approved").unwrap_err();
    assert_eq!(
        refused.message,
        "certificatesigningrequests.certificates.k8s.io \"jane\" is forbidden: user not permitted to approve requests with signerName \"kubernetes.io/kube-apiserver-client\""
    );
    world.make(role("approver", json!([{ "apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "resourceNames": ["kubernetes.io/*"], "verbs": ["approve"] }])));
    world.make(binding("approver", "jane"));
    let approved = world.settle_request(&jane, "jane", "Approved").unwrap();
    let condition = &approved["status"]["conditions"][0];
    assert_eq!(condition["lastUpdateTime"], condition["lastTransitionTime"]);
    world.settle().await;
    let pem = STANDARD.decode(world.csr("jane")["status"]["certificate"].as_str().unwrap()).unwrap();
    let body: String = String::from_utf8(pem).unwrap().lines().filter(|line| !line.starts_with("-----")).collect();
    let peer = PeerCertificate::new(STANDARD.decode(body).unwrap());
    let tokens = TokenKey::new(&KeyPair::generate().unwrap()).unwrap();
    let authenticator = Authenticator::new(world.authority.certificate(), tokens);
    let (headers, now) = (axum::http::HeaderMap::new(), world.client.clock().now());
    let user = authenticator.authenticate(Some(&peer), &headers, now, &**world.client.server()).unwrap();
    assert_eq!((user.name.as_str(), &user.groups[..2]), ("jane", &["dev".to_owned(), "ops".to_owned()][..]));

    world.pass(3600).await;
    assert!(world.client.find(&CSR, "", "jane").is_none(), "settled requests are forgotten");
}

#[tokio::test(start_paused = true)]
async fn wrong_usages_fail_and_denied_requests_stay_without_certificate() {
    let world = World::with_controllers(CONTROLLERS);
    let admin = User::privileged("admin");
    world.make(request("server", "p256", CLIENT, &["server auth"]));
    world.settle_request(&admin, "server", "Approved").unwrap();
    world.make(request("denied", "p256", CLIENT, &["client auth"]));
    world.settle_request(&admin, "denied", "Denied").unwrap();
    world.settle().await;
    let failed = &world.csr("server")["status"]["conditions"][1];
    assert_eq!(
        (&failed["type"], &failed["reason"], &failed["message"]),
        (
            &json!("Failed"),
            &json!("SignerValidationFailure"),
            &json!("invalid usage for client certificate: server auth")
        )
    );
    assert!(world.csr("denied")["status"].get("certificate").is_none());
    assert_eq!(
        world.refusal(request("eve", "masters", CLIENT, &["client auth"])),
        "certificatesigningrequests.certificates.k8s.io \"eve\" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_gets_its_certificate_by_itself() {
    let world = World::with_controllers(CONTROLLERS);
    let signer = "kubernetes.io/kube-apiserver-client-kubelet";
    let ask = |name: &str| request(name, "node", signer, &["digital signature", "client auth"]);
    let token = User::new("system:bootstrap:abcdef", &["system:bootstrappers"]);
    let (made, _) = world.make_as(&token, ask("early"));
    made.unwrap();
    world.settle().await;
    assert!(world.csr("early")["status"].get("conditions").is_none());
    world.make(role("nodeclient", json!([{ "apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests/nodeclient"], "verbs": ["create"] }])));
    world.make(binding("nodeclient", "system:bootstrap:abcdef"));
    let (made, _) = world.make_as(&token, ask("late"));
    made.unwrap();
    world.settle().await;
    let late = world.csr("late");
    assert_eq!(late["status"]["conditions"][0]["reason"], "AutoApproved");
    assert_eq!(
        late["status"]["conditions"][0]["message"],
        "Auto approving kubelet client certificate after SubjectAccessReview."
    );
    assert!(late["status"]["certificate"].is_string());
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_an_account_gets_a_token_and_goes_with_the_account() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "ci" } }));
    let secret = |account: &str| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": format!("{account}-token"), "annotations": { "kubernetes.io/service-account.name": account } }, "type": "kubernetes.io/service-account-token" });
    world.make(secret("ci"));
    world.make(secret("nobody"));
    world.settle().await;
    let made = world.client.get(&SECRET, "default", "ci-token").unwrap();
    let data = |key: &str| String::from_utf8(STANDARD.decode(made["data"][key].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!((data("namespace").as_str(), data("ca.crt")), ("default", world.authority.certificate_pem()));
    let server = world.client.server();
    let reviewed =
        server.authenticator.review_token(&data("token"), &[], world.client.clock().now(), &**server).unwrap();
    assert_eq!(reviewed.user.name, "system:serviceaccount:default:ci");
    assert!(world.client.find(&SECRET, "default", "nobody-token").is_none(), "its account is not there");
    world.client.delete(&SERVICEACCOUNT, "default", "ci", &DeleteOptions::default()).unwrap();
    world.settle().await;
    assert!(world.client.find(&SECRET, "default", "ci-token").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_role_that_aggregates_has_the_rules_of_others() {
    let world = World::with_controllers(CONTROLLERS);
    let mut all = role("monitoring", json!([]));
    all["aggregationRule"] = json!({ "clusterRoleSelectors": [{ "matchLabels": { "monitor": "yes" } }] });
    world.make(all);
    let rules = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }]);
    let mut part = role("pods", rules.clone());
    part["metadata"]["labels"] = json!({ "monitor": "yes" });
    world.make(part);
    world.settle().await;
    assert_eq!(world.client.get(&CLUSTERROLE, "", "monitoring").unwrap()["rules"], rules);
    world.client.delete(&CLUSTERROLE, "", "pods", &DeleteOptions::default()).unwrap();
    world.settle().await;
    assert!(world.client.get(&CLUSTERROLE, "", "monitoring").unwrap()["rules"].as_array().is_none_or(Vec::is_empty));
}

#[tokio::test(start_paused = true)]
async fn nobody_gives_what_they_do_not_hold() {
    let world = World::new();
    let jane = User::new("jane", &["dev"]);
    world.make(role("namespaces", json!([{ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] }])));
    world.make(binding("namespaces", "jane"));
    let secrets = role("secrets", json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]));
    let (made, _) = world.make_as(&jane, secrets.clone());
    assert_eq!(
        made.unwrap_err().message,
        "clusterroles.rbac.authorization.k8s.io \"secrets\" is forbidden: user \"jane\" (groups=[\"dev\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}"
    );
    let (made, _) = world
        .make_as(&jane, role("own", json!([{ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] }])));
    made.unwrap();
    world.make(secrets);
    let (made, _) = world.make_as(&jane, binding("secrets", "joe"));
    assert!(made.unwrap_err().message.contains("is attempting to grant RBAC permissions not currently held"));
}
