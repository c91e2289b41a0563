//! Who may do what: the bootstrap policy asked what a real kube-apiserver 1.35.4 was asked, and policies made here.
//! `tests/fixtures/auth/access-reviews.json` holds SubjectAccessReviews with the real server's answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kubedrill::sim::apiserver::auth::{
    Attributes, Policy, PolicyKind, PolicyWrite, Rbac, ResourceAttributes, RuleSource, Target, User, bootstrap_policy,
};
use serde_json::{Value, json};

const GROUP: &str = "rbac.authorization.k8s.io";

fn role(kind: &str, namespace: &str, name: &str, rules: Value) -> Value {
    let metadata =
        if namespace.is_empty() { json!({"name": name}) } else { json!({"name": name, "namespace": namespace}) };
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules})
}

fn binding(kind: &str, namespace: &str, role: (&str, &str), subjects: Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "b", "namespace": namespace},
        "roleRef": {"apiGroup": GROUP, "kind": role.0, "name": role.1},
        "subjects": subjects,
    })
}

fn on_pods<'a>(user: &'a User, verb: &'a str, namespace: &'a str) -> Attributes<'a> {
    let target = ResourceAttributes { resource: "pods", namespace, ..ResourceAttributes::default() };
    Attributes { user, verb, target: Target::Resource(target) }
}

#[test]
fn the_bootstrap_policy_answers_as_the_real_server() -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy::of(&bootstrap_policy());
    let reviews: Vec<Value> = serde_json::from_slice(&std::fs::read("tests/fixtures/auth/access-reviews.json")?)?;
    assert!(reviews.len() > 200);
    for review in &reviews {
        let user = User::of_review(&review["spec"]);
        let asked = Attributes::of_review(&user, &review["spec"]).ok_or("no attributes")?;
        let answer = policy.authorize(&asked);
        assert_eq!(json!(answer.allowed), review["status"]["allowed"], "{review}");
        assert_eq!(policy.allows(&asked), answer.allowed, "{review}");
        // Of several bindings that allow it the real server names any; where there is one, it is the same.
        let reason = review["status"]["reason"].as_str().unwrap_or_default();
        assert_eq!(answer.reason.is_empty(), reason.is_empty(), "{review}");
        if !reason.contains("Group") {
            assert_eq!(answer.reason, reason);
        }
    }
    Ok(())
}

#[test]
fn reasons_name_binding_role_and_subject() {
    let account =
        json!([{"kind": "ServiceAccount", "name": "one", "namespace": "ns"}, {"kind": "Group", "name": "grp"}]);
    let mut objects = bootstrap_policy();
    objects.push(binding("RoleBinding", "ns", ("ClusterRole", "view"), account));
    let policy = Policy::of(&objects);
    let one = User::service_account("ns", "one", "").authenticated();
    let answer = policy.authorize(&on_pods(&one, "get", "ns"));
    let said = r#"RBAC: allowed by RoleBinding "b/ns" of ClusterRole "view" to ServiceAccount "one/ns""#;
    assert_eq!((answer.allowed, answer.reason.as_str()), (true, said));
    let member = User::new("jane", &["grp"]);
    let said = r#"RBAC: allowed by RoleBinding "b/ns" of ClusterRole "view" to Group "grp""#;
    assert_eq!(policy.authorize(&on_pods(&member, "get", "ns")).reason, said);
    for (user, verb, namespace) in [(&one, "get", "other"), (&one, "get", ""), (&one, "delete", "ns")] {
        assert!(!policy.authorize(&on_pods(user, verb, namespace)).allowed, "{verb} in {namespace}");
    }
}

#[test]
fn a_binding_to_nothing_is_told_with_the_refusal() {
    let jane = json!([{"kind": "User", "name": "jane"}]);
    let policy = Policy::of(&[
        binding("ClusterRoleBinding", "", ("ClusterRole", "no"), jane.clone()),
        binding("RoleBinding", "ns", ("Role", "no"), jane),
    ]);
    let jane = User::new("jane", &[]);
    let asked = on_pods(&jane, "list", "ns");
    let both =
        "[clusterrole.rbac.authorization.k8s.io \"no\" not found, role.rbac.authorization.k8s.io \"no\" not found]";
    assert_eq!(policy.authorize(&asked).reason, format!("RBAC: {both}"));
    let status = policy.rules_for(&jane, "ns");
    assert_eq!(status["evaluationError"], both);
    assert_eq!(status["incomplete"], false);
    let one = "RBAC: clusterrole.rbac.authorization.k8s.io \"no\" not found";
    assert_eq!(policy.authorize(&on_pods(&jane, "list", "other")).reason, one);
}

#[test]
fn rules_of_a_user_are_listed_by_objects_and_urls() {
    let policy = Policy::of(&bootstrap_policy());
    let status = policy.rules_for(&User::new("jane", &["system:authenticated"]), "default");
    let wanted = json!([
        {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
         "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
        {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
    ]);
    assert_eq!(status["resourceRules"], wanted);
    assert_eq!(status["nonResourceRules"].as_array().map(Vec::len), Some(2));
    assert_eq!(status["nonResourceRules"][0]["verbs"], json!(["get"]));
}

/// Jim, who is `admin` in `ns` and nothing besides.
fn with_jim(groups: &[&str]) -> (Policy, User) {
    let mut objects = bootstrap_policy();
    objects.push(binding("RoleBinding", "ns", ("ClusterRole", "admin"), json!([{"kind": "User", "name": "jim"}])));
    (Policy::of(&objects), User::new("jim", groups))
}

#[test]
fn nobody_binds_more_than_they_hold() {
    let (policy, jim) = with_jim(&["g1", "g2", "system:authenticated"]);
    let bind = |kind: &str, name: &str| {
        let mut object = binding("RoleBinding", "ns", (kind, name), json!([{"kind": "User", "name": "bob"}]));
        object["metadata"]["name"] = json!("x");
        let write = PolicyWrite { user: &jim, namespace: "ns", name: "", object: &object, old: None };
        policy.check_binding(&write).map_err(|status| (status.code, status.message))
    };
    let said = "rolebindings.rbac.authorization.k8s.io \"x\" is forbidden: user \"jim\" (groups=[\"g1\" \"g2\" \
                \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n\
                {APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}";
    assert_eq!(bind("ClusterRole", "cluster-admin"), Err((403, said.to_owned())));
    assert_eq!(bind("ClusterRole", "edit"), Ok(()));
    let said = "rolebindings.rbac.authorization.k8s.io \"nothing\" not found";
    assert_eq!(bind("Role", "nothing"), Err((404, said.to_owned())));
}

#[test]
fn nobody_writes_rules_they_do_not_hold() {
    let (policy, jim) = with_jim(&["system:authenticated"]);
    let rules =
        json!([{"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "watch", "delete"]}]);
    let object = role("Role", "ns", "x", rules);
    let write = PolicyWrite { user: &jim, namespace: "ns", name: "", object: &object, old: None };
    let said = "roles.rbac.authorization.k8s.io \"x\" is forbidden: user \"jim\" (groups=[\"system:authenticated\"]) is \
                attempting to grant RBAC permissions not currently held:\n\
                {APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\" \"list\" \"watch\" \"delete\"]}";
    assert_eq!(policy.check_role(&write).map_err(|status| status.message), Err(said.to_owned()));
    let root = User::new("root", &["system:masters"]);
    assert_eq!(policy.check_role(&PolicyWrite { user: &root, ..write }), Ok(()));
    let mut old = object.clone();
    old["metadata"]["finalizers"] = json!(["x/y"]);
    assert_eq!(policy.check_role(&PolicyWrite { old: Some(&old), name: "x", ..write }), Ok(()));
}

#[test]
fn escalate_and_bind_lift_the_checks() {
    let mut objects = bootstrap_policy();
    let rules = json!([
        {"apiGroups": [GROUP], "resources": ["roles"], "resourceNames": ["x"], "verbs": ["escalate"]},
        {"apiGroups": [GROUP], "resources": ["clusterroles"], "resourceNames": ["edit"], "verbs": ["bind"]},
    ]);
    objects.push(role("Role", "ns", "r", rules));
    objects.push(binding("RoleBinding", "ns", ("Role", "r"), json!([{"kind": "User", "name": "ann"}])));
    let (policy, ann) = (Policy::of(&objects), User::new("ann", &[]));
    let everything = role("Role", "ns", "x", json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]));
    let write = PolicyWrite { user: &ann, namespace: "ns", name: "x", object: &everything, old: Some(&Value::Null) };
    assert_eq!(policy.check_role(&write), Ok(()));
    assert!(policy.check_role(&PolicyWrite { name: "y", ..write }).is_err());
    let to = |name| binding("RoleBinding", "ns", ("ClusterRole", name), json!([]));
    assert_eq!(policy.check_binding(&PolicyWrite { object: &to("edit"), ..write }), Ok(()));
    assert!(policy.check_binding(&PolicyWrite { object: &to("admin"), ..write }).is_err());
}

#[test]
fn aggregation_rules_are_for_those_who_hold_everything() {
    let mut objects = bootstrap_policy();
    let rules = json!([{"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["*"]}]);
    objects.push(role("ClusterRole", "", "r", rules));
    let ann = json!([{"kind": "User", "name": "ann"}]);
    let policy = Policy::of(&[objects, vec![binding("ClusterRoleBinding", "", ("ClusterRole", "view"), ann)]].concat());
    let mut object = role("ClusterRole", "", "sum", json!([]));
    object["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]});
    let ann = User::new("ann", &[]);
    let write = PolicyWrite { user: &ann, namespace: "", name: "", object: &object, old: None };
    let said = "clusterroles.rbac.authorization.k8s.io \"sum\" is forbidden: must have cluster-admin privileges to use the \
                aggregationRule";
    assert_eq!(policy.check_role(&write).map_err(|status| status.message), Err(said.to_owned()));
}

struct Stored {
    revision: AtomicU64,
    objects: std::sync::Mutex<Vec<(PolicyKind, Arc<Value>)>>,
}

impl Stored {
    fn put(&self, kind: PolicyKind, object: Value) {
        self.objects.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((kind, Arc::new(object)));
        self.revision.fetch_add(1, Ordering::SeqCst);
    }
}

impl RuleSource for Stored {
    fn revision(&self) -> u64 {
        self.revision.load(Ordering::SeqCst)
    }

    fn list(&self, kind: PolicyKind) -> Vec<Arc<Value>> {
        let objects = self.objects.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        objects.iter().filter(|(own, _)| *own == kind).map(|(_, object)| Arc::clone(object)).collect()
    }
}

#[test]
fn what_is_written_holds_at_once() {
    let stored = Stored { revision: AtomicU64::new(1), objects: std::sync::Mutex::default() };
    let (rbac, jane) = (Rbac::default(), User::new("jane", &[]));
    let may = || rbac.policy(&stored).allows(&on_pods(&jane, "get", "ns"));
    assert!(!may());
    stored.put(
        PolicyKind::RoleBinding,
        binding("RoleBinding", "ns", ("Role", "r"), json!([{"kind": "User", "name": "jane"}])),
    );
    assert!(!may());
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
    stored.put(PolicyKind::Role, role("Role", "ns", "r", rules));
    assert!(may());
    stored.revision.fetch_add(1, Ordering::SeqCst);
    assert!(may());
}
