//! How a Pod looks names up: its `/etc/hosts` and `/etc/resolv.conf`, as the kubelet writes them from the Pod's DNS policy.
//! Source: `pkg/kubelet/network/dns/dns.go` and `pkg/kubelet/kubelet_pods.go` (ensureHostsFile).

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::meta;

/// The resolver of the nodes, which knows nothing of the cluster.
pub const NODE_DNS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 56, 1));
const MOST_SERVERS: usize = 3;
const MOST_SEARCHES: usize = 32;
/// Longer host names are cut off, and longer ones with their domain are none.
const LONGEST_NAME: usize = 63;
const LONGEST_WHOLE: usize = 64;

/// The cluster's DNS as a kubelet is configured with it (`clusterDNS`, `clusterDomain`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterDns {
    pub servers: Vec<IpAddr>,
    /// Empty for none.
    pub domain: String,
}

impl Default for ClusterDns {
    /// As kubeadm configures kubelets where nobody asks for anything else.
    fn default() -> Self {
        Self { servers: vec![IpAddr::V4(Ipv4Addr::new(10, 96, 0, 10))], domain: "cluster.local".to_owned() }
    }
}

/// What a Pod calls itself, without its domain (`pkg/kubelet/kubelet_pods.go`, GeneratePodHostNameAndDomain).
pub fn hostname(pod: &Value) -> String {
    let given = ["/spec/hostnameOverride", "/spec/hostname"].map(|pointer| meta::text(pod, pointer));
    let name = given.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| meta::name(pod));
    name.get(..LONGEST_NAME).map_or(name, |cut| cut.trim_end_matches(['-', '.'])).to_owned()
}

/// The domain of a Pod that names a subdomain; one whose name is overridden has none.
fn domain_of(pod: &Value, cluster: &str) -> Option<String> {
    let subdomain = meta::text(pod, "/spec/subdomain");
    let has = !subdomain.is_empty() && meta::text(pod, "/spec/hostnameOverride").is_empty();
    has.then(|| format!("{subdomain}.{}.svc.{cluster}", meta::namespace(pod)))
}

/// What a Pod's kernel calls it: with its domain where it asks for that, or why it cannot be called so
/// (`pkg/kubelet/util/util.go`, GetNodenameForKernel).
pub fn kernel_name(pod: &Value, dns: &ClusterDns) -> Result<String, String> {
    let name = hostname(pod);
    let domain = domain_of(pod, &dns.domain).filter(|_| meta::truth(pod, "/spec/setHostnameAsFQDN"));
    let Some(domain) = domain else { return Ok(name) };
    let whole = format!("{name}.{domain}");
    if whole.len() > LONGEST_WHOLE {
        return Err(format!(
            "failed to construct FQDN from pod hostname and cluster domain, FQDN {whole} is too long ({LONGEST_WHOLE} characters is the max, {} characters requested)",
            whole.len()
        ));
    }
    Ok(whole)
}

/// How a Pod looks names up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    pub servers: Vec<IpAddr>,
    pub searches: Vec<String>,
    pub ndots: usize,
    /// What is told of servers and searches that were left out.
    pub omitted: Vec<String>,
    options: Vec<String>,
    hosts: Vec<(String, Vec<String>)>,
}

impl Resolver {
    /// That of a Pod, whose address and host name are given, on a node whose kubelet knows of this DNS.
    pub fn of(pod: &Value, (address, hostname): (&str, &str), dns: &ClusterDns) -> Self {
        let policy = meta::text(pod, "/spec/dnsPolicy");
        let of_cluster = match policy {
            "None" | "Default" => false,
            "ClusterFirstWithHostNet" => true,
            _ => !meta::truth(pod, "/spec/hostNetwork"),
        };
        // A kubelet that knows of none takes the node's.
        let of_cluster = of_cluster && !dns.servers.is_empty();
        let namespace = meta::namespace(pod);
        let mut made = Self {
            servers: if of_cluster { dns.servers.clone() } else { vec![NODE_DNS] },
            searches: Vec::new(),
            ndots: 1,
            omitted: Vec::new(),
            options: Vec::new(),
            hosts: Self::hosts_of(pod, (address, hostname), &dns.domain),
        };
        if of_cluster {
            if !dns.domain.is_empty() {
                let domain = &dns.domain;
                made.searches = vec![format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.clone()];
            }
            made.options = vec!["ndots:5".to_owned()];
        }
        if policy == "None" {
            made.servers.clear();
        }
        made.configure(pod);
        made
    }

    fn configure(&mut self, pod: &Value) {
        let texts = |pointer: &str| meta::list(pod, pointer).iter().filter_map(Value::as_str);
        for server in texts("/spec/dnsConfig/nameservers").filter_map(|text| text.parse().ok()) {
            if !self.servers.contains(&server) {
                self.servers.push(server);
            }
        }
        if self.servers.len() > MOST_SERVERS {
            self.servers.truncate(MOST_SERVERS);
            let line = self.servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            self.omitted.push(format!(
                "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: {line}"
            ));
        }
        for search in texts("/spec/dnsConfig/searches") {
            if !self.searches.iter().any(|known| known == search) {
                self.searches.push(search.to_owned());
            }
        }
        if self.searches.len() > MOST_SEARCHES {
            self.searches.truncate(MOST_SEARCHES);
            let line = self.searches.join(" ");
            self.omitted.push(format!(
                "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: {line}"
            ));
        }
        for option in meta::list(pod, "/spec/dnsConfig/options") {
            let name = meta::text(option, "/name");
            let value = meta::text(option, "/value");
            self.options.retain(|known| known.split(':').next() != Some(name));
            self.options.push(if value.is_empty() { name.to_owned() } else { format!("{name}:{value}") });
        }
        let ndots = self.options.iter().find_map(|option| option.strip_prefix("ndots:")?.parse().ok());
        self.ndots = ndots.unwrap_or(1);
    }

    fn hosts_of(pod: &Value, (address, hostname): (&str, &str), domain: &str) -> Vec<(String, Vec<String>)> {
        let mut hosts = vec![
            ("127.0.0.1".to_owned(), vec!["localhost".to_owned()]),
            ("::1".to_owned(), ["localhost", "ip6-localhost", "ip6-loopback"].map(str::to_owned).to_vec()),
            ("fe00::0".to_owned(), vec!["ip6-localnet".to_owned()]),
            ("fe00::0".to_owned(), vec!["ip6-mcastprefix".to_owned()]),
            ("fe00::1".to_owned(), vec!["ip6-allnodes".to_owned()]),
            ("fe00::2".to_owned(), vec!["ip6-allrouters".to_owned()]),
        ];
        let own = match domain_of(pod, domain) {
            None => vec![hostname.to_owned()],
            Some(domain) => vec![format!("{hostname}.{domain}"), hostname.to_owned()],
        };
        hosts.push((address.to_owned(), own));
        for alias in meta::list(pod, "/spec/hostAliases") {
            let names = meta::list(alias, "/hostnames").iter().filter_map(Value::as_str).map(str::to_owned);
            hosts.push((meta::text(alias, "/ip").to_owned(), names.collect()));
        }
        hosts
    }

    /// The text of `/etc/hosts`.
    pub fn hosts_file(&self) -> String {
        let mut text = "# Kubernetes-managed hosts file.\n".to_owned();
        let aliases = self.hosts.len().min(7);
        for (at, (address, names)) in self.hosts.iter().enumerate() {
            if at == aliases {
                text.push_str("\n# Entries added by HostAliases.\n");
            }
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{address}\t{}", names.join(if *address == "::1" { " " } else { "\t" }));
        }
        text
    }

    /// The text of `/etc/resolv.conf`.
    pub fn file(&self) -> String {
        let mut text = String::new();
        if !self.searches.is_empty() {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "search {}", self.searches.join(" "));
        }
        for server in &self.servers {
            let _ = writeln!(text, "nameserver {server}");
        }
        if !self.options.is_empty() {
            let _ = writeln!(text, "options {}", self.options.join(" "));
        }
        text
    }

    /// The address a name has in `/etc/hosts`.
    pub fn host(&self, name: &str) -> Option<IpAddr> {
        let found = self.hosts.iter().find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
        found.and_then(|(address, _)| address.parse().ok())
    }

    /// The whole names that are tried for a name, in this order.
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(whole) = name.strip_suffix('.') {
            return vec![whole.to_owned()];
        }
        let searched = self.searches.iter().map(|domain| format!("{name}.{domain}"));
        let dots = name.matches('.').count();
        if dots >= self.ndots {
            std::iter::once(name.to_owned()).chain(searched).collect()
        } else {
            searched.chain([name.to_owned()]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(spec: Value) -> Resolver {
        of_kubelet(spec, &ClusterDns::default())
    }

    fn of_kubelet(spec: Value, dns: &ClusterDns) -> Resolver {
        Resolver::of(&json!({ "metadata": { "namespace": "shop" }, "spec": spec }), ("10.244.1.2", "web"), dns)
    }

    #[test]
    fn a_kubelet_says_which_dns_the_cluster_has() {
        let other = ClusterDns { servers: vec!["172.20.0.10".parse().unwrap()], domain: "corp.example".to_owned() };
        assert_eq!(
            of_kubelet(json!({}), &other).file(),
            "search shop.svc.corp.example svc.corp.example corp.example\nnameserver 172.20.0.10\noptions ndots:5\n"
        );
        assert!(
            of_kubelet(json!({ "subdomain": "db" }), &other)
                .hosts_file()
                .contains("\tweb.db.shop.svc.corp.example\tweb\n")
        );
        let none = ClusterDns { servers: Vec::new(), ..other };
        assert_eq!(of_kubelet(json!({}), &none).servers, [NODE_DNS]);
    }

    #[test]
    fn the_dns_policy_decides_whom_to_ask() {
        let usual =
            "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n";
        assert_eq!(of(json!({ "dnsPolicy": "ClusterFirst" })).file(), usual);
        assert_eq!(of(json!({ "dnsPolicy": "ClusterFirst", "hostNetwork": true })).servers, [NODE_DNS]);
        assert_eq!(of(json!({ "dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": true })).file(), usual);
        let own = json!({ "nameservers": ["1.1.1.1"], "searches": ["corp.example"], "options": [{ "name": "ndots", "value": "2" }] });
        assert_eq!(
            of(json!({ "dnsPolicy": "None", "dnsConfig": own })).file(),
            "search corp.example\nnameserver 1.1.1.1\noptions ndots:2\n"
        );
    }

    #[test]
    fn short_names_are_searched_first() {
        let usual = of(json!({}));
        assert_eq!(usual.candidates("web").last().map(String::as_str), Some("web"));
        assert_eq!(usual.candidates("web")[0], "web.shop.svc.cluster.local");
        assert_eq!(usual.candidates("web.shop.svc.cluster.local.").len(), 1);
        let few = of(json!({ "dnsConfig": { "options": [{ "name": "ndots", "value": "1" }] } }));
        assert_eq!(few.candidates("example.com")[0], "example.com");
        let aliases = of(json!({ "hostAliases": [{ "ip": "10.1.2.3", "hostnames": ["foo.local", "bar"] }] }));
        assert_eq!(aliases.host("bar"), "10.1.2.3".parse().ok());
        assert_eq!(aliases.host("WEB"), "10.244.1.2".parse().ok());
        assert!(
            aliases
                .hosts_file()
                .ends_with("10.244.1.2\tweb\n\n# Entries added by HostAliases.\n10.1.2.3\tfoo.local\tbar\n")
        );
    }
}
