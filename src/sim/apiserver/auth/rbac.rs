//! RBAC: who may do what, from the Roles, ClusterRoles and bindings that are stored.
//! What one rule allows stands in `rule.rs`; who may write such objects, in `escalation.rs`.
//! Source: `plugin/pkg/auth/authorizer/rbac/rbac.go` and `pkg/registry/rbac/validation/rule.go`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};

use super::rule::Rule;
use super::user::{MASTERS, service_account_name};
use super::{Attributes, Target, User};
use crate::object::meta;

/// The four kinds that RBAC reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// Rules for the whole cluster.
    ClusterRole,
    /// Rules of a namespace.
    Role,
    /// Gives a ClusterRole everywhere.
    ClusterRoleBinding,
    /// Gives a Role or ClusterRole in one namespace.
    RoleBinding,
}

impl PolicyKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::ClusterRole, Self::Role, Self::ClusterRoleBinding, Self::RoleBinding];

    /// The resource's plural; its group is `rbac.authorization.k8s.io`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::ClusterRole => "clusterroles",
            Self::Role => "roles",
            Self::ClusterRoleBinding => "clusterrolebindings",
            Self::RoleBinding => "rolebindings",
        }
    }
}

/// Where the objects come from: storage.
pub trait RuleSource {
    /// A number that changes whenever one of the objects does; it may change more often.
    fn revision(&self) -> u64;
    /// All objects of a kind, ordered by namespace and name.
    fn list(&self, kind: PolicyKind) -> Vec<Arc<Value>>;
}

/// An answer of the authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// Which binding allows it, or what is wrong with one that might; often empty.
    pub reason: String,
}

/// Keeps the policy of the newest revision at hand.
#[derive(Default)]
pub struct Rbac {
    current: RwLock<Option<Arc<Policy>>>,
}

impl Rbac {
    /// What holds now. Costs a comparison while nothing was written, and little while no role or binding was.
    pub fn policy(&self, source: &dyn RuleSource) -> Arc<Policy> {
        let revision = source.revision();
        let known = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(policy) = known.as_ref().filter(|policy| policy.revision == revision) {
            return Arc::clone(policy);
        }
        let policy = Arc::new(Policy::read(revision, source, known.as_deref()));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&policy));
        policy
    }
}

/// Roles and bindings of one revision, made ready for questions.
#[derive(Default)]
pub struct Policy {
    revision: u64,
    compiled: Compiled,
}

#[derive(Default)]
struct Compiled {
    roles: HashMap<(String, String), Arc<Role>>,
    cluster: Scope,
    namespaces: HashMap<String, Scope>,
}

/// A role. Objects are read, not held: the store may keep them as it likes.
pub(super) struct Role {
    revision: u64,
    pub(super) rules: Vec<Rule>,
}

/// The bindings of the cluster or of a namespace, by whom they are for.
#[derive(Default)]
struct Scope {
    bindings: Vec<Binding>,
    by_user: HashMap<String, Vec<usize>>,
    by_group: HashMap<String, Vec<usize>>,
}

struct Binding {
    name: String,
    /// Kind and name of the role it gives.
    gives: (String, String),
    subjects: Vec<Subject>,
    /// The role, or why there is none.
    role: Result<Arc<Role>, String>,
}

impl Policy {
    fn read(revision: u64, source: &dyn RuleSource, old: Option<&Self>) -> Self {
        let lists = PolicyKind::ALL.map(|kind| source.list(kind));
        Self { revision, compiled: Compiled::of(&lists, old.map(|old| &old.compiled)) }
    }

    /// The policy of these objects, for tests and tools.
    pub fn of(objects: &[Value]) -> Self {
        let is = |value: &Value, plural: &str| {
            let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
            kind.to_lowercase() + "s" == plural
        };
        let all: Vec<Arc<Value>> = objects.iter().cloned().map(Arc::new).collect();
        let lists = PolicyKind::ALL.map(|kind| all.iter().filter(|it| is(it, kind.plural())).cloned().collect());
        Self { revision: 0, compiled: Compiled::of(&lists, None) }
    }

    /// Whether it may be done, and why.
    pub fn authorize(&self, asked: &Attributes<'_>) -> Decision {
        if asked.user.in_group(MASTERS) {
            return Decision { allowed: true, reason: String::new() };
        }
        let mut faults: Vec<&str> = Vec::new();
        for (binding, namespace) in self.bindings_of(asked.user, namespace_of(asked)) {
            match &binding.role {
                Ok(role) if role.rules.iter().any(|rule| rule.allows(asked)) => {
                    let reason = format!("RBAC: allowed by {}", binding.describe(asked.user, namespace));
                    return Decision { allowed: true, reason };
                }
                Ok(_) => {}
                Err(fault) if faults.contains(&fault.as_str()) => {}
                Err(fault) => faults.push(fault),
            }
        }
        let reason = if faults.is_empty() { String::new() } else { format!("RBAC: {}", aggregate(&faults)) };
        Decision { allowed: false, reason }
    }

    /// Whether it may be done; the same answer as [`Policy::authorize`], sooner.
    pub fn allows(&self, asked: &Attributes<'_>) -> bool {
        let allowing = |binding: &Binding| {
            binding.role.as_ref().is_ok_and(|role| role.rules.iter().any(|rule| rule.allows(asked)))
        };
        asked.user.in_group(MASTERS)
            || self.compiled.scopes(namespace_of(asked)).any(|(scope, _)| scope.any(asked.user, allowing))
    }

    /// The rules that apply to a user in a namespace, in the form of SelfSubjectRulesReview's `status`.
    pub fn rules_for(&self, user: &User, namespace: &str) -> Value {
        let (mut objects, mut urls, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (binding, _) in self.bindings_of(user, namespace) {
            match &binding.role {
                Ok(role) => {
                    for (object, url) in role.rules.iter().map(Rule::review) {
                        objects.extend(object);
                        urls.extend(url);
                    }
                }
                Err(fault) if faults.contains(&fault.as_str()) => {}
                Err(fault) => faults.push(fault),
            }
        }
        let mut status = json!({ "resourceRules": objects, "nonResourceRules": urls, "incomplete": false });
        if !faults.is_empty() {
            status["evaluationError"] = json!(aggregate(&faults));
        }
        status
    }

    /// The rules a user holds in a namespace, and what kept others from being found.
    pub(super) fn held(&self, user: &User, namespace: &str) -> (Vec<Rule>, Option<String>) {
        let (mut rules, mut faults) = (Vec::new(), Vec::new());
        for (binding, _) in self.bindings_of(user, namespace) {
            match &binding.role {
                Ok(role) => rules.extend(role.rules.iter().cloned()),
                Err(fault) if faults.contains(&fault.as_str()) => {}
                Err(fault) => faults.push(fault),
            }
        }
        (rules, (!faults.is_empty()).then(|| aggregate(&faults)))
    }

    /// A Role (of a namespace) or ClusterRole (of none).
    pub(super) fn role(&self, namespace: &str, name: &str) -> Option<&Role> {
        self.compiled.roles.get(&(namespace.to_owned(), name.to_owned())).map(|role| &**role)
    }

    fn bindings_of<'a>(&'a self, user: &'a User, namespace: &'a str) -> impl Iterator<Item = (&'a Binding, &'a str)> {
        let scopes = self.compiled.scopes(namespace);
        scopes.flat_map(move |(scope, place)| scope.of(user).into_iter().map(move |binding| (binding, place)))
    }
}

fn namespace_of<'a>(asked: &Attributes<'a>) -> &'a str {
    match asked.target {
        Target::Resource(object) => object.namespace,
        Target::Path(_) => "",
    }
}

impl Compiled {
    /// Compiles the lists, taking over from `old` the roles that are still the same objects.
    fn of(lists: &[Vec<Arc<Value>>; 4], old: Option<&Self>) -> Self {
        let [cluster_roles, roles, cluster_bindings, bindings] = lists;
        let mut compiled = Self::default();
        for object in cluster_roles.iter().chain(roles) {
            let key = (meta::namespace(object).to_owned(), meta::name(object).to_owned());
            let revision = meta::revision(object);
            let known = old.and_then(|old| old.roles.get(&key)).filter(|role| role.revision == revision);
            let role = known.cloned();
            let role = role.unwrap_or_else(|| Arc::new(Role { revision, rules: Rule::all_of(object) }));
            compiled.roles.insert(key, role);
        }
        for object in cluster_bindings {
            let role = compiled.role_of(object, "");
            compiled.cluster.add(object, role, "");
        }
        for object in bindings {
            let namespace = meta::namespace(object);
            let role = compiled.role_of(object, namespace);
            compiled.namespaces.entry(namespace.to_owned()).or_default().add(object, role, namespace);
        }
        compiled
    }

    fn role_of(&self, binding: &Value, namespace: &str) -> Result<Arc<Role>, String> {
        let (kind, name) = role_ref(binding);
        let place = match kind {
            "ClusterRole" => "",
            "Role" => namespace,
            other => return Err(format!("unsupported role reference kind: {other:?}")),
        };
        let found = self.roles.get(&(place.to_owned(), name.to_owned())).cloned();
        let resource = kind.to_lowercase();
        found.ok_or_else(|| format!("{resource}.rbac.authorization.k8s.io {name:?} not found"))
    }

    /// The cluster's scope, and the namespace's when there is one.
    fn scopes<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a Scope, &'a str)> {
        let local = self.namespaces.get(namespace).map(|scope| (scope, namespace));
        std::iter::once((&self.cluster, "")).chain(local)
    }
}

/// Kind and name of the role a binding gives.
pub(super) fn role_ref(binding: &Value) -> (&str, &str) {
    let text = |key: &str| binding.pointer(&format!("/roleRef/{key}")).and_then(Value::as_str).unwrap_or_default();
    (text("kind"), text("name"))
}

impl Scope {
    fn add(&mut self, object: &Value, role: Result<Arc<Role>, String>, namespace: &str) {
        let index = self.bindings.len();
        let subjects = subjects(object);
        for subject in &subjects {
            let list = match subject.user(namespace) {
                Some(user) => self.by_user.entry(user).or_default(),
                None if subject.kind == "Group" => self.by_group.entry(subject.name.clone()).or_default(),
                None => continue,
            };
            list.push(index);
        }
        let (kind, given) = role_ref(object);
        let gives = (kind.to_owned(), given.to_owned());
        self.bindings.push(Binding { name: meta::name(object).to_owned(), gives, subjects, role });
    }

    fn indices<'a>(&'a self, user: &'a User) -> impl Iterator<Item = usize> + 'a {
        let groups = user.groups.iter().filter_map(|group| self.by_group.get(group));
        self.by_user.get(&user.name).into_iter().chain(groups).flatten().copied()
    }

    /// The bindings for a user, each once, in their order.
    fn of(&self, user: &User) -> Vec<&Binding> {
        let mut indices: Vec<usize> = self.indices(user).collect();
        indices.sort_unstable();
        indices.dedup();
        indices.into_iter().filter_map(|index| self.bindings.get(index)).collect()
    }

    fn any(&self, user: &User, accept: impl Fn(&Binding) -> bool) -> bool {
        self.indices(user).filter_map(|index| self.bindings.get(index)).any(accept)
    }
}

struct Subject {
    kind: String,
    name: String,
    namespace: String,
}

fn subjects(binding: &Value) -> Vec<Subject> {
    let subject = |subject: &Value| {
        let text = |key: &str| subject.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Subject { kind: text("kind"), name: text("name"), namespace: text("namespace") }
    };
    meta::list(binding, "/subjects").iter().map(subject).collect()
}

impl Subject {
    /// A ServiceAccount without a namespace is of the binding's.
    fn namespace_in<'a>(&'a self, binding: &'a str) -> &'a str {
        if self.namespace.is_empty() { binding } else { &self.namespace }
    }

    /// The user name that is meant, unless it is a group.
    fn user(&self, binding: &str) -> Option<String> {
        match (self.kind.as_str(), self.namespace_in(binding)) {
            ("User", _) => Some(self.name.clone()),
            ("ServiceAccount", namespace) if !namespace.is_empty() => Some(service_account_name(namespace, &self.name)),
            _ => None,
        }
    }

    fn is(&self, user: &User, binding: &str) -> bool {
        match self.user(binding) {
            Some(name) => name == user.name,
            None => self.kind == "Group" && user.in_group(&self.name),
        }
    }
}

impl Binding {
    /// The binding as a reason tells it; a namespaced one names itself `name/namespace`, as Kubernetes does.
    fn describe(&self, user: &User, namespace: &str) -> String {
        let (name, (kind, role)) = (&self.name, &self.gives);
        let binding = match namespace {
            "" => format!("ClusterRoleBinding {name:?}"),
            _ => format!("RoleBinding {:?}", format!("{name}/{namespace}")),
        };
        let subject = self.subjects.iter().find(|subject| subject.is(user, namespace)).map(|subject| {
            let name = match subject.kind.as_str() {
                "ServiceAccount" => format!("{}/{}", subject.name, subject.namespace_in(namespace)),
                _ => subject.name.clone(),
            };
            format!("{} {name:?}", subject.kind)
        });
        format!("{binding} of {kind} {role:?} to {}", subject.unwrap_or_default())
    }
}

/// Several errors as Go's aggregate writes them.
fn aggregate(faults: &[&str]) -> String {
    match faults {
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(", ")),
    }
}
