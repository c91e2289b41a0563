//! What `kubeadm init` is told, by flags or by a configuration file, with kubeadm's own defaults for the rest.
//! What comes of it is done beside. Source: `cmd/kubeadm/app/{apis/kubeadm/v1beta4,util/config/initconfiguration.go}`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::super::configuration::{self, Exactness, merge};
use super::super::registration::Registration;
use super::super::release::Release;
use super::super::token::Made;
use super::super::{Typed, cluster, validation};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::bootstrap::{DNS_DOMAIN, SERVICE_SUBNET, address_in};
use crate::sim::nodes::heartbeat::control_plane_taint;
use crate::sim::shell::flags::Flags;

/// Flags that go with a configuration file, besides those that begin with `skip-`.
const BESIDE: [&str; 9] = [
    "config",
    "ignore-preflight-errors",
    "dry-run",
    "kubeconfig",
    "node-name",
    "kubeconfig-dir",
    "upload-certs",
    "print-manifest",
    "v",
];

/// Flags of a field of the cluster's configuration: the flag, and where the field is.
const FIELDS: [(&str, &[&str]); 7] = [
    ("kubernetes-version", &["kubernetesVersion"]),
    ("control-plane-endpoint", &["controlPlaneEndpoint"]),
    ("image-repository", &["imageRepository"]),
    ("cert-dir", &["certificatesDir"]),
    ("pod-network-cidr", &["networking", "podSubnet"]),
    ("service-cidr", &["networking", "serviceSubnet"]),
    ("service-dns-domain", &["networking", "dnsDomain"]),
];

/// Everything that is asked for.
#[derive(Clone)]
pub struct Settings {
    /// The ClusterConfiguration, as it is kept in the cluster.
    pub cluster: Value,
    /// What kubelets and kube-proxies are to be told besides.
    pub kubelet: Value,
    pub proxy: Value,
    /// The version of the control plane, such as `v1.35.4`.
    pub version: String,
    /// The address the API server tells of.
    pub advertise: String,
    pub node: Registration,
    /// The tokens with which others join.
    pub tokens: Vec<Made>,
    pub certificate_key: Option<String>,
    /// Phases that are left out.
    pub skipped: Vec<String>,
}

/// The defaults of a ClusterConfiguration. The keys of the practice are ECDSA's.
fn defaults(version: &str) -> Value {
    json!({
        "apiServer": {},
        "apiVersion": configuration::VERSION,
        "caCertificateValidityPeriod": "87600h0m0s",
        "certificateValidityPeriod": "8760h0m0s",
        "certificatesDir": "/etc/kubernetes/pki",
        "clusterName": "kubernetes",
        "controllerManager": {},
        "dns": {},
        "encryptionAlgorithm": "ECDSA-P256",
        "imageRepository": "registry.k8s.io",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": version,
        "networking": { "dnsDomain": DNS_DOMAIN, "serviceSubnet": SERVICE_SUBNET },
        "proxy": {},
        "scheduler": {},
    })
}

/// The flags that may not stand beside a configuration file.
pub fn mixed(flags: &Flags) -> Result<(), String> {
    let is_beside = |name: &&str| BESIDE.contains(name) || name.starts_with("skip-") || *name == "print-join-command";
    let mixed: Vec<&str> = flags.names().filter(|name| !is_beside(name)).collect();
    match flags.has("config") && !mixed.is_empty() {
        true => Err(format!("can not mix '--config' with arguments [{}]", mixed.join(" "))),
        false => Ok(()),
    }
}

impl Settings {
    /// Reads them.
    pub fn read(typed: &Typed, flags: &Flags) -> Result<Self, String> {
        mixed(flags)?;
        let found = match flags.get("config") {
            None => BTreeMap::new(),
            Some(file) => configuration::of_init(typed, &configuration::text(typed, file)?, Exactness::Warns)?,
        };
        Self::of_documents(typed, flags, found)
    }

    /// Those of the documents of a configuration and of the flags.
    pub fn of_documents(typed: &Typed, flags: &Flags, mut found: BTreeMap<String, Value>) -> Result<Self, String> {
        let mut cluster = defaults(&typed.version()?);
        merge(&mut cluster, &found.remove("ClusterConfiguration").unwrap_or_else(|| json!({})));
        cluster["apiVersion"] = json!(configuration::VERSION);
        configuration::convert_arguments(&mut cluster);
        for (flag, path) in FIELDS {
            if let Some(value) = flags.get(flag) {
                let place = path.iter().fold(&mut cluster, |place, key| &mut place[*key]);
                *place = json!(value);
            }
        }
        if cluster.pointer("/etcd/external").is_none() && cluster.pointer("/etcd/local/dataDir").is_none() {
            cluster["etcd"]["local"]["dataDir"] = json!("/var/lib/etcd");
        }
        if flags.has("apiserver-cert-extra-sans") {
            cluster["apiServer"]["certSANs"] = json!(flags.all("apiserver-cert-extra-sans"));
        }
        let init = found.remove("InitConfiguration").unwrap_or_default();
        let components =
            ["KubeletConfiguration", "KubeProxyConfiguration"].map(|kind| found.remove(kind).unwrap_or_default());
        Self::whole(typed, flags, (cluster, init, components))
    }

    fn whole(
        typed: &Typed,
        flags: &Flags,
        (mut cluster, init, [kubelet, proxy]): (Value, Value, [Value; 2]),
    ) -> Result<Self, String> {
        let version = version(typed, meta::text(&cluster, "/kubernetesVersion"))?;
        cluster["kubernetesVersion"] = json!(version);
        let of = |flag: &str, pointer: &str, usual: &str| {
            let given = flags.get(flag).unwrap_or_else(|| meta::text(&init, pointer));
            if given.is_empty() { usual.to_owned() } else { given.to_owned() }
        };
        let port = flags.get("apiserver-bind-port").map(str::to_owned);
        let port = port.or_else(|| init.pointer("/localAPIEndpoint/bindPort").map(Value::to_string));
        let endpoint = meta::text(&cluster, "/controlPlaneEndpoint").to_owned();
        if !endpoint.is_empty()
            && let (host, None) = validation::host_port(&endpoint)?
        {
            cluster["controlPlaneEndpoint"] = json!(format!("{host}:{}", port.as_deref().unwrap_or("6443")));
        }
        let skipped = meta::list(&init, "/skipPhases").iter().filter_map(Value::as_str).map(str::to_owned);
        let address = of("apiserver-advertise-address", "/localAPIEndpoint/advertiseAddress", "0.0.0.0");
        let node = Registration::read(typed, flags, &init)?;
        let node = Registration { taints: node.taints.or_else(|| Some(vec![control_plane_taint()])), ..node };
        let settings = Self {
            advertise: advertised(typed, &address)?,
            node,
            tokens: Made::asked(typed, flags, &init)?,
            certificate_key: Some(of("certificate-key", "/certificateKey", "")).filter(|key| !key.is_empty()),
            skipped: if flags.has("skip-phases") { flags.texts("skip-phases") } else { skipped.collect() },
            cluster,
            kubelet,
            proxy,
            version,
        };
        settings.validate(port.as_deref().unwrap_or_default(), typed)?;
        Ok(settings)
    }

    /// Those of a further control plane on this machine, in a cluster of this configuration.
    pub fn of_cluster(typed: &Typed, cluster: Value) -> Self {
        let machine = &typed.call.machine;
        let node = Registration {
            name: machine.name.clone(),
            taints: Some(vec![control_plane_taint()]),
            ..Registration::default()
        };
        Self {
            version: meta::text(&cluster, "/kubernetesVersion").to_owned(),
            cluster,
            kubelet: Value::Null,
            proxy: Value::Null,
            advertise: machine.address.clone(),
            node,
            tokens: Vec::new(),
            certificate_key: None,
            skipped: Vec::new(),
        }
    }

    fn validate(&self, port: &str, typed: &Typed) -> Result<(), String> {
        let text = |pointer: &str| meta::text(&self.cluster, pointer);
        let ranges = [text("/networking/serviceSubnet"), text("/networking/podSubnet")];
        let api = typed.call.inside.machines.birth().api.port().to_string();
        let refused = [
            (ranges.iter().any(|range| range.contains([',', ':'])), "a network of IPv6 addresses"),
            (!["", "6443", &api].contains(&port), "another port of the API server"),
            (self.cluster.pointer("/etcd/external").is_some(), "an etcd outside the cluster"),
        ];
        if let Some((_, what)) = refused.iter().find(|(is, _)| *is) {
            return Err(format!("{what} is not simulated by this practice cluster"));
        }
        let mut errors = ErrorList::default();
        validation::registration(&self.node, &mut errors);
        validation::tokens(&self.tokens, &mut errors);
        validation::cluster(&self.cluster, &mut errors);
        validation::certificate_key(self.certificate_key.as_deref().unwrap_or_default(), &mut errors);
        if errors.is_empty() { Ok(()) } else { Err(errors.sentence()) }
    }

    /// The range of Pod addresses, if there is one.
    pub fn pod_subnet(&self) -> Option<&str> {
        Some(meta::text(&self.cluster, "/networking/podSubnet")).filter(|subnet| !subnet.is_empty())
    }

    /// The range of Service addresses.
    pub fn service_subnet(&self) -> &str {
        meta::text(&self.cluster, "/networking/serviceSubnet")
    }

    /// The address at a place in that range: the API server has the first, the DNS the tenth.
    pub fn service_address(&self, place: u32) -> Option<Ipv4Addr> {
        address_in(self.service_subnet(), place)
    }

    /// The domain of Services.
    pub fn domain(&self) -> &str {
        meta::text(&self.cluster, "/networking/dnsDomain")
    }

    /// The stable endpoint of the control plane with its port, if there is one.
    pub fn endpoint(&self) -> Option<&str> {
        Some(meta::text(&self.cluster, "/controlPlaneEndpoint")).filter(|endpoint| !endpoint.is_empty())
    }

    /// The folder of the certificates.
    pub fn folder(&self) -> &str {
        meta::text(&self.cluster, "/certificatesDir").trim_end_matches('/')
    }

    /// The API server's address for kubeconfigs.
    pub fn server(&self, typed: &Typed) -> String {
        cluster::server(typed, self.endpoint())
    }

    /// Names that the holder of a certificate answers to besides its usual ones.
    pub fn further_names(&self, certificate: &str) -> Vec<String> {
        let listed = |pointer: &str| -> Vec<String> {
            meta::list(&self.cluster, pointer).iter().filter_map(Value::as_str).map(str::to_lowercase).collect()
        };
        match certificate {
            "etcd-server" => listed("/etcd/local/serverCertSANs"),
            "etcd-peer" => listed("/etcd/local/peerCertSANs"),
            _ => {
                let endpoint = self.endpoint().and_then(|endpoint| Some(endpoint.rsplit_once(':')?.0.to_owned()));
                endpoint.into_iter().chain([self.advertise.clone()]).chain(listed("/apiServer/certSANs")).collect()
            }
        }
    }

    /// As the configuration file of an `init` would say it: an InitConfiguration and a ClusterConfiguration.
    pub fn documents(&self) -> Result<String, String> {
        let tokens: Vec<Value> = self.tokens.iter().map(Made::tree).collect();
        let mut node = json!({
            "criSocket": self.node.socket,
            "imagePullPolicy": if self.node.pull.is_empty() { "IfNotPresent" } else { &self.node.pull },
            "imagePullSerial": true,
            "name": self.node.name,
            "taints": self.node.taints,
        });
        if !self.node.arguments.is_empty() {
            let argument = |(name, value): &(String, String)| json!({ "name": name, "value": value });
            node["kubeletExtraArgs"] = self.node.arguments.iter().map(argument).collect();
        }
        let mut init = json!({
            "apiVersion": configuration::VERSION,
            "bootstrapTokens": tokens,
            "kind": "InitConfiguration",
            "localAPIEndpoint": { "advertiseAddress": self.advertise, "bindPort": 6443 },
            "nodeRegistration": node,
            "timeouts": configuration::timeouts(),
        });
        if let Some(key) = &self.certificate_key {
            init["certificateKey"] = json!(key);
        }
        Ok(format!("{}---\n{}", configuration::yaml(&init)?, configuration::yaml(&self.cluster)?))
    }
}

/// The address an API server on this machine tells of; none in particular is the machine's own.
fn advertised(typed: &Typed, asked: &str) -> Result<String, String> {
    let own = &typed.call.machine.address;
    let address = asked.parse::<IpAddr>();
    let address = address.map_err(|_| {
        format!("couldn't use {asked:?} as \"apiserver-advertise-address\", must be ipv4 or ipv6 address")
    })?;
    if address.is_unspecified() || asked == own {
        return Ok(own.clone());
    }
    if address.is_loopback() {
        return Err("unable to select an IP from lo network interface".to_owned());
    }
    Err(format!(
        "an API server at {asked}, which is no address of this machine ({own}), is not simulated by this practice cluster"
    ))
}

/// The version that is asked for; a label such as `stable-1` is that of this kubeadm, which has no way to ask what it stands for.
fn version(typed: &Typed, asked: &str) -> Result<String, String> {
    let own = typed.version()?;
    if asked.starts_with("stable") || asked.starts_with("latest") {
        return Ok(own);
    }
    Release::asked(asked, &own).map(|release| release.to_string())
}
