//! What a URL's path asks for: a resource, or a path outside them.
//! Source: `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`.

/// A path below `/api` or `/apis`, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourcePath {
    pub group: String,
    pub version: String,
    pub namespace: String,
    pub plural: String,
    pub name: String,
    pub subresource: String,
    /// Asked for by the old form `/watch/…`.
    pub watch: bool,
    /// What follows the subresource, as in `/proxy/…`.
    pub rest: String,
}

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Resource(ResourcePath),
    Other(String),
}

fn decode(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Takes a path apart.
pub fn parse(path: &str) -> Target {
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, version, rest) = match parts[..] {
        ["api", version, ref rest @ ..] if !rest.is_empty() => ("", version, rest),
        ["apis", group, version, ref rest @ ..] if !rest.is_empty() => (group, version, rest),
        _ => return Target::Other(path.to_owned()),
    };
    let mut found = ResourcePath { group: group.to_owned(), version: version.to_owned(), ..ResourcePath::default() };
    let rest = match *rest {
        ["watch", ref rest @ ..] if !rest.is_empty() => {
            found.watch = true;
            rest
        }
        ref rest => rest,
    };
    let rest = match *rest {
        // A namespace's own subresources stand where the resources in it do.
        ["namespaces", namespace, subresource @ ("status" | "finalize")] if group.is_empty() => {
            found.plural = "namespaces".to_owned();
            namespace.clone_into(&mut found.name);
            subresource.clone_into(&mut found.subresource);
            return Target::Resource(found);
        }
        ["namespaces", namespace, ref rest @ ..] if !rest.is_empty() => {
            namespace.clone_into(&mut found.namespace);
            rest
        }
        ref rest => rest,
    };
    let mut rest = rest.iter();
    for part in [&mut found.plural, &mut found.name, &mut found.subresource] {
        (*rest.next().unwrap_or(&"")).clone_into(part);
    }
    found.rest = rest.copied().collect::<Vec<_>>().join("/");
    Target::Resource(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str) -> ResourcePath {
        match parse(path) {
            Target::Resource(found) => found,
            Target::Other(path) => panic!("{path} is a resource"),
        }
    }

    #[test]
    fn paths_come_apart() {
        let log = resource("/api/v1/namespaces/shop/pods/web-0/log");
        assert_eq!((&*log.namespace, &*log.plural, &*log.name, &*log.subresource), ("shop", "pods", "web-0", "log"));
        let namespace = resource("/api/v1/namespaces/shop");
        assert_eq!((&*namespace.namespace, &*namespace.plural, &*namespace.name), ("", "namespaces", "shop"));
        let status = resource("/api/v1/namespaces/shop/status");
        assert_eq!((&*status.name, &*status.subresource), ("shop", "status"));
        let nodes = resource("/apis/apps/v1/deployments");
        assert_eq!((&*nodes.group, &*nodes.version, &*nodes.plural), ("apps", "v1", "deployments"));
        assert_eq!(parse("/apis/apps/v1"), Target::Other("/apis/apps/v1".to_owned()));
    }
}
