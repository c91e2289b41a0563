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
