//! Nobody gives away what they do not hold: the checks on writing roles and bindings.
//! Who holds what stands in `rbac.rs`. Source: `pkg/registry/rbac/*/policybased/storage.go` and `escalation_check.go`.

use serde_json::Value;

use super::rbac::role_ref;
use super::rule::{Rule, missing, quoted};
use super::user::MASTERS;
use super::{Attributes, Policy, ResourceAttributes, Target, User};
use crate::object::meta;
use crate::sim::apiserver::status::Status;

const GROUP: &str = "rbac.authorization.k8s.io";

/// A role or binding about to be stored.
#[derive(Clone, Copy, Debug)]
pub struct PolicyWrite<'a> {
    /// Who writes.
    pub user: &'a User,
    /// The request's namespace; empty for ClusterRoles and ClusterRoleBindings.
    pub namespace: &'a str,
    /// The name in the request's path; empty for creations.
    pub name: &'a str,
    /// What is to be stored.
    pub object: &'a Value,
    /// What is stored now; `None` for creations.
    pub old: Option<&'a Value>,
}

impl PolicyWrite<'_> {
    fn forbidden(&self, plural: &str, why: &str) -> Status {
        Status::forbidden(GROUP, plural, meta::name(self.object), why)
    }

    /// Whether nothing changes but what the garbage collector changes.
    fn only_collects(&self) -> bool {
        let strip = |object: &Value| {
            let mut object = object.clone();
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.retain(|key, _| !["ownerReferences", "finalizers", "managedFields"].contains(&key.as_str()));
            }
            object
        };
        self.old.is_some_and(|old| strip(old) == strip(self.object))
    }
}

impl Policy {
    /// Whether the writer of a Role or ClusterRole holds what it says, or may `escalate`.
    pub fn check_role(&self, write: &PolicyWrite<'_>) -> Result<(), Status> {
        let plural = if write.namespace.is_empty() { "clusterroles" } else { "roles" };
        let escalate = self.permits(write, "escalate", plural, write.name);
        if write.user.in_group(MASTERS) || escalate || write.only_collects() {
            return Ok(());
        }
        self.check_held(write, &Rule::all_of(write.object)).map_err(|why| write.forbidden(plural, &why))?;
        if aggregates(write.object) || write.old.is_some_and(aggregates) {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            self.check_held(write, &Rule::everything()).map_err(|_| write.forbidden(plural, why))?;
        }
        Ok(())
    }

    /// Whether the writer of a RoleBinding or ClusterRoleBinding holds what its role says, or may `bind` it.
    pub fn check_binding(&self, write: &PolicyWrite<'_>) -> Result<(), Status> {
        let plural = if write.namespace.is_empty() { "clusterrolebindings" } else { "rolebindings" };
        let (kind, role) = role_ref(write.object);
        let (roles, place) = match kind {
            "ClusterRole" => ("clusterroles", ""),
            _ => ("roles", write.namespace),
        };
        if write.user.in_group(MASTERS) || write.only_collects() || self.permits(write, "bind", roles, role) {
            return Ok(());
        }
        // The real server, too, says that the binding of the role's name was not found.
        let found = self.role(place, role).ok_or_else(|| Status::not_found(GROUP, plural, role))?;
        self.check_held(write, &found.rules).map_err(|why| write.forbidden(plural, &why))
    }

    fn permits(&self, write: &PolicyWrite<'_>, verb: &str, resource: &str, name: &str) -> bool {
        let object = ResourceAttributes {
            group: GROUP,
            resource,
            namespace: write.namespace,
            name,
            ..ResourceAttributes::default()
        };
        self.allows(&Attributes { user: write.user, verb, target: Target::Resource(object) })
    }

    fn check_held(&self, write: &PolicyWrite<'_>, wanted: &[Rule]) -> Result<(), String> {
        let (held, fault) = self.held(write.user, write.namespace);
        let missing = missing(&held, wanted);
        if missing.is_empty() {
            return Ok(());
        }
        let User { name, groups, .. } = write.user;
        let mut why = format!(
            "user {name:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            quoted(groups),
            missing.join("\n")
        );
        if let Some(fault) = fault {
            why.push_str(&format!("; resolution errors: [{fault}]"));
        }
        Err(why)
    }
}

fn aggregates(role: &Value) -> bool {
    let selectors = role.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array);
    selectors.is_some_and(|all| !all.is_empty())
}
