//! What kube-proxy makes of its flags and its configuration when its container starts, and what it says meanwhile.
//! That Services need one which works is the network's (`network/proxy.rs`). Sources: `cmd/kube-proxy/app`, `pkg/proxy/apis/config` of 1.35.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::callers::{Calls, Round};
use super::process::script::Script;
use super::runtime::Runtime;
use super::startup::access::{Access, Reader, file_fault};
use super::startup::flags::{self, Given};
use super::startup::{klog, typed};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::network::address_of;
use crate::sim::reconciler::Key;

/// Where it is healthy, and where it is measured.
const HEALTH: (&str, u16) = ("0.0.0.0", 10256);
const METRICS: (&str, u16) = ("127.0.0.1", 10249);
/// How long it waits for the Node it is to serve.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kube-proxy that starts on a node.
pub struct Begin<'a> {
    pub client: &'a Client,
    pub runtime: &'a Runtime,
    /// The node's name, and its Pod's key.
    pub node: &'a str,
    pub pod: Key,
    /// What reads the files its container sees.
    pub reader: &'a Reader<'a>,
    pub now: Timestamp,
}

/// A value that is not valid, as field errors tell it.
fn invalid(field: &str, value: &str, why: &str) -> String {
    format!("KubeProxyConfiguration.{field}: Invalid value: {value}: {why}")
}

impl Begin<'_> {
    fn line(&self, level: char, place: &str, text: &str) -> String {
        klog(level, (self.now, 1), place, text)
    }

    fn failed(&self, mut lines: Vec<String>, why: &str) -> Script {
        lines.push(self.line('E', "run.go:72", &format!("\"command failed\" err={why:?}")));
        Script { last: lines, code: Some(1), ..Script::default() }
    }

    /// It ran, and comes to an end.
    fn ended(&self, mut lines: Vec<String>, why: &str) -> Script {
        lines.push(self.line('E', "server.go:134", &format!("\"Error running ProxyServer\" err={why:?}")));
        self.failed(lines, why)
    }

    /// What it does that is started with these words, its own name the first.
    pub fn script(&self, words: &[String]) -> Script {
        let given = match flags::read("kube-proxy", words.get(1..).unwrap_or_default()) {
            Ok(given) => given,
            Err(why) => return Script { last: vec![format!("Error: {why}")], code: Some(1), ..Script::default() },
        };
        let mut lines = Vec::new();
        let config = match self.configuration(&given, &mut lines) {
            Ok(config) => config,
            Err(why) => return self.failed(lines, &format!("failed complete: {why}")),
        };
        if text(&config, &given, ("mode", "proxy-mode")).is_empty() {
            lines.push(self.line('I', "server_linux.go:53", "\"Using iptables proxy\""));
        }
        let faults = faults(&config, &given);
        match faults.as_slice() {
            [] => self.serve(&config, &given, lines),
            [one] => self.failed(lines, &format!("failed validate: {one}")),
            all => self.failed(lines, &format!("failed validate: [{}]", all.join(", "))),
        }
    }

    /// The configuration file, where flags name one. Flags beside it count for nothing but the host's name.
    fn configuration(&self, given: &Given, lines: &mut Vec<String>) -> Result<Value, String> {
        let Some(path) = given.get("config").filter(|path| !path.is_empty()) else { return Ok(Value::Null) };
        let read = (self.reader)(path).map_err(|error| format!("open {path}: {}", file_fault(&error)))?;
        let read = typed::decode(&read, &typed::KUBE_PROXY).map_err(|why| format!("failed to decode: {why}"))?;
        if let Some(why) = read.strict {
            let text = format!("\"Using lenient decoding as strict decoding failed\" err={why:?}");
            lines.push(self.line('I', "options.go:498", &text));
        }
        Ok(read.config)
    }

    fn serve(&self, config: &Value, given: &Given, mut lines: Vec<String>) -> Script {
        let name = given.get("hostname-override").unwrap_or(meta::text(config, "/hostnameOverride")).trim();
        let name = if name.is_empty() { self.node.to_owned() } else { name.to_lowercase() };
        let path = text(config, given, ("clientConnection.kubeconfig", "kubeconfig"));
        let access = if path.is_empty() {
            let text = "\"Neither kubeconfig file nor master URL was specified, falling back to in-cluster config\"";
            lines.push(self.line('I', "server.go:410", text));
            Access::in_cluster(self.reader)
        } else {
            Access::read(&path, self.reader)
        };
        let access = match access {
            Ok(access) => access,
            Err(why) => return self.ended(lines, &why),
        };
        lines.push(self.line('I', "shared_informer.go:370", "\"Waiting for caches to sync\""));
        let version = self.runtime.machines().map(|machines| machines.birth().version.clone()).unwrap_or_default();
        let proxy = Proxy { config: config.clone(), given: given.clone(), name, version };
        let calls = Calls {
            program: "kube-proxy",
            pod: self.pod.clone(),
            node: self.node.to_owned(),
            access: Some(access),
            reached: vec![("shared_informer.go:377", "\"Caches are synced\"".to_owned())],
            proxy: Some(proxy.clone()),
            ..Calls::default()
        };
        let (caller, told) = Round::new((self.client, self.runtime), self.now).begin(calls);
        lines.extend(told);
        let works = if caller.works() { proxy.works(self.client, self.now) } else { Works::default() };
        lines.extend(works.lines);
        let after = if works.last.is_empty() { Duration::ZERO } else { PATIENCE };
        let ports = Some(works.ports.unwrap_or_default());
        Script { lines, after, last: works.last, ports, caller: Some(Box::new(caller)), ..Script::default() }
    }
}

/// What a kube-proxy goes by once it has reached the API server.
#[derive(Clone, Debug, PartialEq)]
pub struct Proxy {
    config: Value,
    given: Given,
    /// The Node it is to serve.
    pub name: String,
    version: String,
}

/// What one that works says, at once and when it has waited for its Node, and where it listens.
#[derive(Debug, Default)]
pub struct Works {
    pub lines: Vec<String>,
    pub last: Vec<String>,
    pub ports: Option<Vec<u16>>,
}

impl Proxy {
    /// What its parts say that begin.
    fn controllers(&self, now: Timestamp) -> Vec<String> {
        let version = &self.version;
        let rest = [
            ("server.go:529", format!("\"Version info\" version={version:?}")),
            ("server.go:531", "\"Golang settings\" GOGC=\"\" GOMAXPROCS=\"\" GOTRACEBACK=\"\"".to_owned()),
            ("config.go:200", "\"Starting service config controller\"".to_owned()),
            ("config.go:106", "\"Starting endpoint slice config controller\"".to_owned()),
            ("config.go:403", "\"Starting serviceCIDR config controller\"".to_owned()),
            ("config.go:309", "\"Starting node config controller\"".to_owned()),
        ];
        let line = |place: &str, text: &str| klog('I', (now, 1), place, text);
        let mut last: Vec<String> = rest.iter().map(|(place, text)| line(place, text)).collect();
        for controller in ["service config", "endpoint slice config", "serviceCIDR config", "node config"] {
            let text = format!("\"Caches are synced\" controller={controller:?}");
            last.push(line("shared_informer.go:356", &text));
        }
        last
    }

    /// One that works, after it has found its Node or has waited long enough for it.
    pub fn works(&self, client: &Client, now: Timestamp) -> Works {
        let Self { config, given, name, .. } = self;
        let node = client.find(&NODE, "", name);
        let address = node.as_deref().and_then(address_of);
        let line = |level: char, place: &str, text: &str| klog(level, (now, 1), place, text);
        let mut last = Vec::new();
        match address {
            Some(address) => last.push(line(
                'I',
                "server.go:218",
                &format!("\"Successfully retrieved NodeIPs\" NodeIPs=[{:?}]", address.to_string()),
            )),
            None => {
                let text = format!("\"Timed out waiting for node %q to exist\" {name}=\"(MISSING)\"");
                last.push(line('E', "node.go:121", &text));
                let text = "\"Can't determine this node's IP, assuming loopback; if this is incorrect, please set the --bind-address flag\"";
                last.push(line('I', "server.go:686", text));
            }
        }
        if config["nodePortAddresses"].as_array().is_none_or(Vec::is_empty) && given.get("nodeport-addresses").is_none()
        {
            let why = "nodePortAddresses is unset; NodePort connections will be accepted on all local IPs. Consider using `--nodeport-addresses primary`";
            let text = format!("\"Kube-proxy configuration may be incomplete or incorrect\" err={why:?}");
            last.push(line('E', "server.go:255", &text));
        }
        let mode = text(config, given, ("mode", "proxy-mode"));
        let (place, mode) = match mode.as_str() {
            "ipvs" => ("server_linux.go:193", "ipvs"),
            "nftables" => ("server_linux.go:253", "nftables"),
            _ => ("server_linux.go:136", "iptables"),
        };
        last.push(line('I', "server.go:264", "\"kube-proxy running in dual-stack mode\" primary ipFamily=\"IPv4\""));
        last.push(line('I', place, &format!("\"Using {mode} Proxier\"")));
        if mode == "ipvs" {
            let text = "\"The ipvs proxier is now deprecated and may be removed in a future release. Please use 'nftables' instead.\"";
            last.push(line('E', "server_linux.go:195", text));
        }
        if mode == "iptables" && config["iptables"]["localhostNodePorts"] != false {
            let text = "\"Setting route_localnet=1 to allow node-ports on localhost; to change this either disable iptables.localhostNodePorts (--iptables-localhost-nodeports) or set nodePortAddresses (--nodeport-addresses) to filter loopback addresses\"";
            last.push(line('I', "proxier.go:242", text));
        }
        last.extend(self.controllers(now));
        let ports = [
            ("healthzBindAddress", "healthz-bind-address", HEALTH),
            ("metricsBindAddress", "metrics-bind-address", METRICS),
        ];
        let ports = ports.iter().filter_map(|(field, flag, usual)| {
            let bound = bound(&text(config, given, (field, flag)), *usual);
            bound.rsplit_once(':')?.1.parse().ok()
        });
        let ports = Some(ports.collect());
        match address {
            Some(_) => Works { lines: last, last: Vec::new(), ports },
            None => Works { lines: Vec::new(), last, ports },
        }
    }
}

/// What a setting says: the file's field where there is a file, and otherwise the flag.
fn text(config: &Value, given: &Given, (field, flag): (&str, &str)) -> String {
    let of_file = || meta::text(config, &format!("/{}", field.replace('.', "/"))).to_owned();
    if config.is_null() { given.get(flag).unwrap_or_default().to_owned() } else { of_file() }
}

/// An address with a port, as defaulting leaves it.
fn bound(address: &str, (usual, port): (&str, u16)) -> String {
    match address {
        "" => format!("{usual}:{port}"),
        address if apart(address).is_none() && address.parse::<IpAddr>().is_ok() => format!("{address}:{port}"),
        address => address.to_owned(),
    }
}

/// Host and port, as Go's `net.SplitHostPort` takes them apart.
fn apart(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => Some((inner.strip_suffix(']')?, port)),
        None => (!host.contains(':')).then_some((host, port)),
    }
}

fn is_range(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, bits)| match (address.parse::<IpAddr>(), bits.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    })
}

/// What is not valid. Source: `pkg/proxy/apis/config/validation/validation.go`.
fn faults(config: &Value, given: &Given) -> Vec<String> {
    let mut faults = Vec::new();
    let mut complain = |field: &str, value: &str, why: &str| faults.push(invalid(field, &format!("{value:?}"), why));
    let mode = text(config, given, ("mode", "proxy-mode"));
    if !["", "iptables", "ipvs", "nftables"].contains(&mode.as_str()) {
        complain(
            "Mode.ProxyMode",
            &mode,
            "must be iptables, ipvs, nftables or blank (blank means the best-available proxy [currently iptables])",
        );
    }
    let bind = text(config, given, ("bindAddress", "bind-address"));
    if !bind.is_empty() && bind.parse::<IpAddr>().is_err() {
        complain("BindAddress", &bind, "not a valid textual representation of an IP address");
    }
    for (field, shown, flag, usual) in [
        ("healthzBindAddress", "HealthzBindAddress", "healthz-bind-address", HEALTH),
        ("metricsBindAddress", "MetricsBindAddress", "metrics-bind-address", METRICS),
    ] {
        let address = bound(&text(config, given, (field, flag)), usual);
        let Some((host, port)) = apart(&address) else {
            complain(shown, &address, "must be IP:port");
            continue;
        };
        if host.parse::<IpAddr>().is_err() {
            complain(shown, host, "must be a valid IP");
        }
        if port.parse::<u16>().is_ok_and(|port| port > 0) {
            continue;
        }
        complain(shown, port, "must be a valid port");
    }
    for (at, range) in meta::list(config, "/nodePortAddresses").iter().filter_map(Value::as_str).enumerate() {
        if range != "primary" && !is_range(range) {
            complain(&format!("NodePortAddresses[{at}]"), range, "must be a valid CIDR");
        }
    }
    let local = meta::text(config, "/detectLocalMode");
    let modes = ["ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix", ""];
    if !modes.contains(&local) {
        let known = modes.map(|mode| format!("{mode:?}")).join(", ");
        faults.push(format!(
            "KubeProxyConfiguration.DetectLocalMode: Unsupported value: {local:?}: supported values: {known}"
        ));
    }
    let ranges = text(config, given, ("clusterCIDR", "cluster-cidr"));
    if matches!(local, "" | "ClusterCIDR") && !ranges.is_empty() {
        for (at, range) in ranges.split(',').enumerate().filter(|(_, range)| !is_range(range)) {
            faults.push(invalid(
                &format!("DetectLocalConfiguration.ClusterCIDRs[{at}]"),
                &format!("{range:?}"),
                "must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)",
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::sim::nodes::startup::flags;

    fn told(config: &str) -> Vec<String> {
        let head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
        let read = typed::decode(&format!("{head}{config}"), &typed::KUBE_PROXY).expect("it decodes");
        faults(&read.config, &flags::Given::default())
    }

    #[test]
    fn what_is_not_valid_is_told_as_kube_proxy_tells_it() {
        assert!(told("mode: \"\"\nbindAddress: 0.0.0.0\nclusterCIDR: 10.244.0.0/16\n").is_empty());
        assert_eq!(
            told("mode: iptable\n"),
            [
                "KubeProxyConfiguration.Mode.ProxyMode: Invalid value: \"iptable\": must be iptables, ipvs, nftables or blank (blank means the best-available proxy [currently iptables])"
            ]
        );
        let all = told("bindAddress: anywhere\nclusterCIDR: 10.244.0.0\nmetricsBindAddress: 127.0.0.1:http\n");
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[0].starts_with("KubeProxyConfiguration.BindAddress: Invalid value: \"anywhere\": not a valid"));
        assert_eq!(all[1], "KubeProxyConfiguration.MetricsBindAddress: Invalid value: \"http\": must be a valid port");
        assert!(all[2].contains("ClusterCIDRs[0]: Invalid value: \"10.244.0.0\": must be a valid CIDR block"));
        assert!(told("metricsBindAddress: 0.0.0.0\n").is_empty(), "the port is added");
        assert_eq!(
            told("healthzBindAddress: \"[::\"\n"),
            ["KubeProxyConfiguration.HealthzBindAddress: Invalid value: \"[::\": must be IP:port"]
        );
    }

    #[test]
    fn addresses_are_taken_apart_as_go_does() {
        assert_eq!(apart("[::1]:53"), Some(("::1", "53")));
        assert_eq!(apart("::1"), None);
        assert_eq!(file_fault(&io::ErrorKind::NotFound.into()), "no such file or directory");
    }
}
