//! The kernel's parameters of Pods: which a kubelet lets them set, and what containers read of them.
//! Source: `pkg/kubelet/sysctl/{allowlist,safe_sysctls}.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::kubelet::Sync;
use super::process::files::{MEMORY, Mount, Volume};
use super::process::tree::{Entry, Made, Tree};
use super::runtime::Runtime;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::pod_spec::sysctls::{namespace, normal};
use crate::sim::machine::parameters::Parameters;

/// What every kubelet lets Pods set.
const SAFE: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];

/// What a Pod's own namespaces begin with; the ports and groups are containerd's doing.
const FRESH: &[(&str, &str)] = &[
    ("fs.mqueue.msg_max", "10"),
    ("fs.mqueue.queues_max", "256"),
    ("kernel.msgmax", "8192"),
    ("kernel.msgmnb", "16384"),
    ("kernel.msgmni", "32000"),
    ("kernel.sem", "32000\t1024000000\t500\t32000"),
    ("kernel.shm_rmid_forced", "0"),
    ("kernel.shmall", "18446744073692774399"),
    ("kernel.shmmax", "18446744073692774399"),
    ("kernel.shmmni", "4096"),
    ("net.core.somaxconn", "4096"),
    ("net.ipv4.ip_local_port_range", "32768\t60999"),
    ("net.ipv4.ip_local_reserved_ports", ""),
    ("net.ipv4.ip_unprivileged_port_start", "0"),
    ("net.ipv4.ping_group_range", "0\t2147483647"),
    ("net.ipv4.tcp_fin_timeout", "60"),
    ("net.ipv4.tcp_keepalive_intvl", "75"),
    ("net.ipv4.tcp_keepalive_probes", "9"),
    ("net.ipv4.tcp_keepalive_time", "7200"),
    ("net.ipv4.tcp_rmem", "4096\t131072\t6291456"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv4.tcp_wmem", "4096\t16384\t4194304"),
];

/// Where containers read them.
const PATH: &str = "/proc/sys";

/// Why a kubelet that also lets `more` be set does not take a Pod in.
fn forbidden(pod: &Value, more: &[String]) -> Option<String> {
    let fits = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    };
    let shares = |namespace: &str| {
        let field = if namespace == "net" { "/spec/hostNetwork" } else { "/spec/hostIPC" };
        meta::truth(pod, field)
    };
    meta::list(pod, "/spec/securityContext/sysctls").iter().find_map(|sysctl| {
        let name = normal(meta::text(sysctl, "/name"));
        let allowed = SAFE.contains(&name.as_str()) || more.iter().any(|pattern| fits(&normal(pattern), &name));
        let why = match namespace(&name).filter(|_| allowed) {
            Some(namespace) if shares(namespace) => format!("not allowed with host {namespace} enabled"),
            _ if allowed => return None,
            _ => "not allowlisted".to_owned(),
        };
        Some(format!("forbidden sysctl: {name:?} {why}"))
    })
}

/// Why the kubelet of a Pod's node does not take it in.
pub fn refusal(runtime: &Runtime, sync: &Sync) -> Option<String> {
    let run = runtime.laid(sync.node()).and_then(|machine| machine.services().kubelet());
    forbidden(sync.pod, &run.map(|run| run.unsafe_sysctls).unwrap_or_default())
}

/// The mount of the parameters.
pub fn mount(runtime: &Runtime, sync: &Sync) -> Mount {
    let machine = runtime.machines().and_then(|machines| machines.get(sync.node()));
    let pod = sync.pod.clone();
    let made = Made::new(move || {
        let node = machine.as_ref().map(|machine| Parameters::of(machine).values).unwrap_or_default();
        Arc::new(tree(values(&pod, node)))
    });
    Mount {
        path: PATH.to_owned(),
        volume: Volume::Made(Arc::new(made)),
        below: String::new(),
        read_only: true,
        mode: 0o555,
        group: 0,
        in_memory: Some(MEMORY),
        own: true,
    }
}

/// What a Pod's containers read, on a node with these parameters.
fn values(pod: &Value, node: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = node;
    let shares =
        |namespace: &str| meta::truth(pod, if namespace == "net" { "/spec/hostNetwork" } else { "/spec/hostIPC" });
    let own = FRESH
        .iter()
        .filter(|(name, _)| !all.contains_key(*name) || namespace(name).is_some_and(|namespace| !shares(namespace)));
    let own: Vec<(String, String)> = own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    all.extend(own);
    for sysctl in meta::list(pod, "/spec/securityContext/sysctls") {
        let value = meta::text(sysctl, "/value").split_whitespace().collect::<Vec<_>>().join("\t");
        all.insert(normal(meta::text(sysctl, "/name")), value);
    }
    all
}

fn tree(values: BTreeMap<String, String>) -> Tree {
    let mut tree = Tree::new();
    for (name, value) in values {
        let path = name
            .chars()
            .map(|c| {
                if c == '.' {
                    '/'
                } else if c == '/' {
                    '.'
                } else {
                    c
                }
            })
            .collect::<String>();
        for (at, _) in path.match_indices('/') {
            tree.entry(path[..at].to_owned()).or_insert_with(|| Entry::folder(Timestamp::UNIX_EPOCH));
        }
        tree.insert(path, Entry::file(format!("{value}\n"), Timestamp::UNIX_EPOCH));
    }
    tree
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, more: Value) -> Value {
        let mut pod = json!({ "spec": { "securityContext": { "sysctls": [{ "name": name, "value": "1 2" }] } } });
        for (key, value) in more.as_object().unwrap() {
            pod["spec"][key] = value.clone();
        }
        pod
    }

    #[test]
    fn only_safe_and_allowed_parameters_may_be_set() {
        let said = |name: &str, more: Value, allowed: &[&str]| {
            forbidden(&pod(name, more), &allowed.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(said("kernel.shm_rmid_forced", json!({}), &[]), None);
        assert_eq!(said("kernel/shm_rmid_forced", json!({}), &[]), None);
        let refused = |name: &str, why: &str| Some(format!("forbidden sysctl: {name:?} {why}"));
        assert_eq!(said("kernel.msgmax", json!({}), &[]), refused("kernel.msgmax", "not allowlisted"));
        assert_eq!(said("kernel.msgmax", json!({}), &["kernel.msg*"]), None);
        let shared = refused("net.ipv4.tcp_syncookies", "not allowed with host net enabled");
        assert_eq!(said("net.ipv4.tcp_syncookies", json!({ "hostNetwork": true }), &[]), shared);
    }

    #[test]
    fn containers_read_what_their_pod_sets() {
        let node = BTreeMap::from([
            ("vm.swappiness".to_owned(), "60".to_owned()),
            ("net.core.somaxconn".to_owned(), "128".to_owned()),
        ]);
        let set = values(&pod("net/ipv4/ip_local_port_range", json!({})), node.clone());
        assert_eq!((&*set["net.ipv4.ip_local_port_range"], &*set["vm.swappiness"]), ("1\t2", "60"));
        assert_eq!(set["net.core.somaxconn"], "4096", "a Pod's own network is fresh");
        assert_eq!(values(&pod("kernel.sem", json!({ "hostNetwork": true })), node)["net.core.somaxconn"], "128");
        assert!(tree(set).contains_key("net/ipv4/ip_local_port_range"));
    }
}
