//! What a kubelet takes over from its configuration and its flags into its run.
//! That it starts is `mod.rs`; how the file is read, `config.rs`.

use std::net::IpAddr;

use serde_json::Value;

use super::flags::Given;
use super::{Startup, config};
use crate::object::meta;
use crate::sim::machine::services::KubeletRun;
use crate::sim::network::ClusterDns;

/// A configuration with the flags that count more than it.
pub(super) fn with_flags(config: &Value, given: &Given) -> Value {
    let mut config = if config.is_object() { config.clone() } else { Value::Object(serde_json::Map::new()) };
    for (flag, field) in [("max-pods", "maxPods"), ("pods-per-core", "podsPerCore")] {
        if let Some(number) = given.get(flag).and_then(|value| value.parse::<i64>().ok()) {
            config[field] = number.into();
        }
    }
    config
}

impl Startup<'_> {
    /// The configuration at a path, if one is named. Fields nobody knows are told of, and count for nothing.
    pub(super) fn configuration(&self, path: Option<&str>) -> Result<Value, String> {
        let Some(path) = path else { return Ok(Value::Null) };
        let read = config::read(path, &|path: &str| self.root.text(path))?;
        if let Some(why) = &read.strict {
            let text = format!("\"Using lenient decoding as strict decoding failed\" err={why:?}");
            self.log('I', "codec.go:102", &text);
        }
        Ok(read.config)
    }

    /// Whether there is such a way to decide who may do what. Source: `cmd/kubelet/app/auth.go`, BuildAuthz.
    pub(super) fn authorization(&self, config: &Value) -> Result<(), String> {
        match meta::text(config, "/authorization/mode") {
            "" | "AlwaysAllow" | "Webhook" => Ok(()),
            mode => Err(format!("failed to run Kubelet: unknown authorization mode {mode}")),
        }
    }

    /// What its run goes by.
    pub(super) fn told(&self, (config, given): (&Value, &Given)) -> KubeletRun {
        let fallback = || meta::text(config, "/staticPodPath");
        let path = given.get("pod-manifest-path").unwrap_or_else(fallback);
        let listed = given.get("allowed-unsafe-sysctls").map(|list| list.split(',').map(str::to_owned).collect());
        let configured = || meta::list(config, "/allowedUnsafeSysctls").iter().filter_map(Value::as_str);
        KubeletRun {
            static_pods: (!path.is_empty()).then(|| path.to_owned()),
            unsafe_sysctls: listed.unwrap_or_else(|| configured().map(str::to_owned).collect()),
            dns: ClusterDns {
                servers: self.dns((config, given.get("cluster-dns"))),
                domain: given.get("cluster-domain").unwrap_or(meta::text(config, "/clusterDomain")).to_owned(),
            },
            ..KubeletRun::default()
        }
    }

    /// The DNS servers it gives Pods. What is no address is left out. Source: `pkg/kubelet/kubelet.go`, NewMainKubelet.
    fn dns(&self, (config, flag): (&Value, Option<&str>)) -> Vec<IpAddr> {
        let configured = meta::list(config, "/clusterDNS").iter().filter_map(Value::as_str);
        let words: Vec<&str> = flag.map_or_else(|| configured.collect(), |flag| flag.split(',').collect());
        let address = |word: &&str| {
            let address = word.parse().ok();
            if address.is_none() {
                self.log('I', "kubelet.go:580", &format!("\"Invalid clusterDNS IP\" IP={word:?}"));
            }
            address
        };
        words.iter().filter_map(address).collect()
    }

    /// The cgroup driver of the container runtime, which a kubelet takes over whatever its own configuration says.
    /// Source: `cmd/kubelet/app/server.go`, getCgroupDriverFromCRI.
    pub(super) fn cgroup_driver(&self) -> &'static str {
        let settings = self.root.text("/etc/containerd/config.toml").unwrap_or_default();
        let set = settings.lines().map(str::trim).filter_map(|line| line.strip_prefix("SystemdCgroup")).next_back();
        match set.map(|rest| rest.trim_start_matches([' ', '=']).trim()) {
            Some("true") => "systemd",
            _ => "cgroupfs",
        }
    }
}
