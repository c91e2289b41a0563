//! Where the API server keeps an object in etcd: `/registry/<resource>/<namespace>/<name>`, with exceptions.
//! Source: `pkg/kubeapiserver/default_storage_factory_builder.go`, SpecialDefaultResourcePrefixes; the keys of a real 1.35.4.

use std::cmp::Reverse;

use crate::sim::apiserver::registry::RESOURCES;

/// Resources kept under another name.
const ELSEWHERE: [(&str, &str); 5] = [
    ("replicationcontrollers", "controllers"),
    ("endpoints", "services/endpoints"),
    ("nodes", "minions"),
    ("services", "services/specs"),
    ("ingresses.networking.k8s.io", "ingress"),
];

/// Groups whose own API servers keep the group's name in the key, as for custom resources.
const WITH_GROUP: [&str; 2] = ["apiregistration.k8s.io", "apiextensions.k8s.io"];

/// The resource whose objects are keys that Kubernetes knows nothing of.
pub const FOREIGN: &str = "keys.etcd";

/// The key of an object; `None` for what no etcd holds. `resource` is the plural with its group, such as `deployments.apps`.
pub fn key(resource: &str, (namespace, name): (&str, &str)) -> Option<String> {
    if resource == FOREIGN {
        return Some(name.to_owned());
    }
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    if group == "metrics.k8s.io" {
        return None;
    }
    let place = match ELSEWHERE.iter().find(|(known, _)| *known == resource) {
        Some((_, place)) => (*place).to_owned(),
        None if is_custom(resource) || WITH_GROUP.contains(&group) => format!("{group}/{plural}"),
        None => plural.to_owned(),
    };
    let namespace = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
    Some(format!("/registry/{place}/{namespace}{name}"))
}

/// The resource whose objects have keys like this one, if Kubernetes keeps anything there.
pub fn resource(of: &str) -> Option<String> {
    let place = of.strip_prefix("/registry/")?;
    let (first, rest) = place.split_once('/')?;
    if first.contains('.')
        && let Some((plural, _)) = rest.split_once('/')
    {
        return Some(format!("{plural}.{first}"));
    }
    let known = RESOURCES.iter().map(|row| match row.group {
        "" => row.plural.to_owned(),
        group => format!("{}.{group}", row.plural),
    });
    // Services and their endpoints share the first part; events of both groups all of it, and the first has them.
    let fits = |resource: &String| key(resource, ("", "")).is_some_and(|stem| of.starts_with(&stem));
    known.filter(fits).min_by_key(|resource| Reverse(key(resource, ("", "")).map_or(0, |stem| stem.len())))
}

/// Whether objects of a resource are stored as JSON: custom resources, and what is declared beside them.
pub fn is_json(resource: &str) -> bool {
    is_custom(resource) || WITH_GROUP.iter().any(|group| resource.ends_with(group))
}

fn is_custom(resource: &str) -> bool {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    !RESOURCES.iter().any(|row| row.plural == plural && row.group == group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_where_a_real_api_server_keeps_them() {
        let at = |resource, namespace, name| key(resource, (namespace, name)).unwrap_or_default();
        assert_eq!(at("pods", "kube-system", "etcd-a"), "/registry/pods/kube-system/etcd-a");
        assert_eq!(at("deployments.apps", "a", "b"), "/registry/deployments/a/b");
        assert_eq!(at("nodes", "", "node01"), "/registry/minions/node01");
        assert_eq!(at("services", "default", "kubernetes"), "/registry/services/specs/default/kubernetes");
        assert_eq!(at("endpoints", "default", "kubernetes"), "/registry/services/endpoints/default/kubernetes");
        assert_eq!(at("ingresses.networking.k8s.io", "a", "b"), "/registry/ingress/a/b");
        assert_eq!(
            at("apiservices.apiregistration.k8s.io", "", "v1.apps"),
            "/registry/apiregistration.k8s.io/apiservices/v1.apps"
        );
        assert_eq!(at("widgets.example.com", "a", "b"), "/registry/example.com/widgets/a/b");
        for (resource_of, namespace, name) in [
            ("pods", "a", "b"),
            ("deployments.apps", "a", "b"),
            ("nodes", "", "node01"),
            ("services", "a", "b"),
            ("endpoints", "a", "b"),
            ("endpointslices.discovery.k8s.io", "a", "b"),
            ("events", "a", "b"),
            ("ingresses.networking.k8s.io", "a", "b"),
            ("apiservices.apiregistration.k8s.io", "", "v1.apps"),
            ("widgets.example.com", "a", "b"),
            ("things.example.com", "", "b"),
        ] {
            assert_eq!(resource(&at(resource_of, namespace, name)).as_deref(), Some(resource_of));
        }
        assert_eq!((resource("foo"), resource("/registry/nothing/a")), (None, None));
        assert_eq!(key("pods.metrics.k8s.io", ("a", "b")), None);
        assert!(is_json("widgets.example.com") && !is_json("roles.rbac.authorization.k8s.io"));
    }
}
