//! The names a Pod knows by files: `/etc/hosts` and `/etc/resolv.conf`, as its kubelet writes them.
//! Who answers to a name is `reach.rs`. Source: `pkg/kubelet/kubelet_pods.go`, ensureHostsFile; `pkg/kubelet/network/dns/dns.go`.

use serde_json::Value;

use crate::object::meta;

/// The DNS server of the cluster.
const CLUSTER_DNS: &str = "10.96.0.10";

/// `/etc/hosts` of a Pod with this hostname and address.
pub fn hosts(pod: &Value, hostname: &str, address: &str) -> String {
    let mut text =
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
        fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
            .to_owned();
    match meta::text(pod, "/spec/subdomain") {
        "" => text.push_str(&format!("{address}\t{hostname}\n")),
        domain => {
            let namespace = meta::namespace(pod);
            text.push_str(&format!("{address}\t{hostname}.{domain}.{namespace}.svc.cluster.local\t{hostname}\n"));
        }
    }
    let aliases = meta::list(pod, "/spec/hostAliases");
    if !aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in aliases {
        let names: Vec<&str> = meta::list(alias, "/hostnames").iter().filter_map(Value::as_str).collect();
        text.push_str(&format!("{}\t{}\n", meta::text(alias, "/ip"), names.join("\t")));
    }
    text
}

/// `/etc/resolv.conf` of a Pod, by its DNS policy and configuration.
pub fn resolv_conf(pod: &Value) -> String {
    let namespace = meta::namespace(pod);
    let on_host = meta::truth(pod, "/spec/hostNetwork");
    let (mut servers, mut searches, mut options) = match meta::text(pod, "/spec/dnsPolicy") {
        "None" => (Vec::new(), Vec::new(), Vec::new()),
        "Default" => (vec!["8.8.8.8".to_owned()], Vec::new(), Vec::new()),
        "ClusterFirst" | "" if on_host => (vec!["8.8.8.8".to_owned()], Vec::new(), Vec::new()),
        _ => (
            vec![CLUSTER_DNS.to_owned()],
            vec![format!("{namespace}.svc.cluster.local"), "svc.cluster.local".to_owned(), "cluster.local".to_owned()],
            vec!["ndots:5".to_owned()],
        ),
    };
    let texts = |pointer: &str| meta::list(pod, pointer).iter().filter_map(Value::as_str).map(str::to_owned);
    servers.extend(texts("/spec/dnsConfig/nameservers"));
    searches.extend(texts("/spec/dnsConfig/searches"));
    for option in meta::list(pod, "/spec/dnsConfig/options") {
        let (name, value) = (meta::text(option, "/name"), meta::text(option, "/value"));
        options.retain(|known: &String| known.split(':').next() != Some(name));
        options.push(if value.is_empty() { name.to_owned() } else { format!("{name}:{value}") });
    }
    let mut text = String::new();
    if !searches.is_empty() {
        text.push_str(&format!("search {}\n", searches.join(" ")));
    }
    servers.iter().for_each(|server| text.push_str(&format!("nameserver {server}\n")));
    if !options.is_empty() {
        text.push_str(&format!("options {}\n", options.join(" ")));
    }
    text
}
