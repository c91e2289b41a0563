//! The roles and bindings of a fresh cluster: those of kube-apiserver 1.35 and those that kubeadm adds.
//! The data lies in `assets/kubernetes/bootstrap-policy.json`, one object a line, taken from a real cluster
//! (`kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A`) and from kubeadm's phases.

use serde_json::Value;

const POLICY: &str = include_str!("../../../../assets/kubernetes/bootstrap-policy.json");

/// Every ClusterRole, ClusterRoleBinding, Role and RoleBinding a fresh cluster has, without what storage adds.
/// The namespaces they lie in are `kube-system` and `kube-public`; aggregated roles have their rules already.
pub fn bootstrap_policy() -> Vec<Value> {
    serde_json::from_str(POLICY).expect("constant: the bootstrap policy is JSON")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::object::meta;

    #[test]
    fn every_binding_has_its_role_and_nothing_is_there_twice() {
        let policy = bootstrap_policy();
        let key = |one: &Value| {
            let kind = meta::text(one, "/kind").to_owned();
            (kind, meta::namespace(one).to_owned(), meta::name(one).to_owned())
        };
        let all: BTreeSet<_> = policy.iter().map(key).collect();
        assert_eq!(all.len(), policy.len());
        for binding in policy.iter().filter(|one| one.get("roleRef").is_some()) {
            let kind = meta::text(binding, "/roleRef/kind").to_owned();
            let namespace = if kind == "Role" { meta::namespace(binding) } else { "" };
            let role = (kind, namespace.to_owned(), meta::text(binding, "/roleRef/name").to_owned());
            assert!(all.contains(&role), "{role:?}");
        }
        let stored = |one: &Value| {
            ["uid", "resourceVersion", "creationTimestamp"].iter().any(|key| one["metadata"].get(key).is_some())
        };
        assert!(!policy.iter().any(stored));
    }
}
