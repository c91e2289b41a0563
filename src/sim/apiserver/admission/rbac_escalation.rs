//! Roles and bindings are written only by those who hold what they give, or may `escalate` or `bind`.
//! Upstream this wraps the storage of the four kinds: `pkg/registry/rbac/*/policybased/storage.go`. The rules stand in `auth`.

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::sim::apiserver::auth::PolicyWrite;
use crate::sim::apiserver::auth::user::MASTERS;
use crate::sim::apiserver::status::Result;

pub const PLUGIN: Plugin = Plugin { name: "RBACEscalation", validate, ..Plugin::NOTHING };

fn validate(attributes: &Attributes, object: &Value) -> Result<()> {
    let writes = matches!(attributes.operation, Operation::Create | Operation::Update);
    if !writes || attributes.resource.group != "rbac.authorization.k8s.io" {
        return Ok(());
    }
    // They may everything, and a cluster's first hundred rules are theirs: none of them needs the policy so far.
    if attributes.user.in_group(MASTERS) {
        return Ok(());
    }
    let write = PolicyWrite {
        user: attributes.user,
        namespace: attributes.namespace,
        name: attributes.name,
        object,
        old: attributes.old,
    };
    match attributes.resource.plural {
        "roles" | "clusterroles" => attributes.policy().check_role(&write),
        _ => attributes.policy().check_binding(&write),
    }
}
