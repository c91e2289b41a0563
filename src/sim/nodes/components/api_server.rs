//! The API server: it needs etcd, and is looked for at one port.
//! That it then serves is `control_plane`'s.

use std::time::Duration;

use serde_json::Value;

use super::super::process::script::Script;
use super::super::startup::flags::{self, Given};
use super::super::static_pods::mirrors;
use super::begin::Begin;
use super::program;
use crate::object::meta;
use crate::sim::apiserver::pki;
use crate::sim::machine::Machine;
use crate::sim::machine::root::Root;

impl Begin<'_> {
    /// The API server needs etcd, and is looked for at one port.
    pub(super) fn api_server(&self, given: &Given) -> Script {
        let (Some(machines), Some(machine), Some(root)) = (self.machines, self.machine, self.root()) else {
            return Script::default();
        };
        let servers = given.get("etcd-servers").unwrap_or_default();
        if let Some(why) = servers.split(',').find_map(|server| self.etcd_fault(server, given, (machine, root))) {
            let address = servers.split(',').next().unwrap_or_default().split("://").last().unwrap_or_default();
            let refused = format!(
                "[core] [Channel #1 SubChannel #3]grpc: addrConn.createTransport failed to connect to {{Addr: \"{address}\", ServerName: \"{address}\", }}. Err: connection error: desc = \"{why}\""
            );
            let last = "Error creating leases: error creating storage factory: context deadline exceeded";
            let before = self.before_etcd(machine);
            return Script {
                lines: before.into_iter().chain([self.line('W', "logging.go:55", &refused)]).collect(),
                after: Duration::from_secs(20),
                last: vec![self.line('F', "instance.go:233", last)],
                code: Some(255),
                ..Script::default()
            };
        }
        let port = given.get("secure-port").unwrap_or("6443");
        let idle = port != machines.birth().api.port().to_string();
        Script { lines: self.api(given), idle, ..Script::default() }
    }

    /// Why etcd cannot be reached at a URL with what the API server shows.
    fn etcd_fault(&self, url: &str, given: &Given, (machine, root): (&Machine, &Root)) -> Option<String> {
        let (scheme, address) = url.split_once("://").unwrap_or(("http", url));
        let refused =
            || Some(format!("transport: Error while dialing: dial tcp {address}: connect: connection refused"));
        let pods = mirrors(self.client(), &machine.name);
        let etcd = pods.iter().find_map(|pod| {
            let container = meta::list(pod, "/spec/containers").iter().find(|one| program(one) == Some("etcd"))?;
            // One that has only just begun is waited for.
            let statuses = meta::list(pod, "/status/containerStatuses");
            let comes = |status: &Value| {
                status.pointer("/state/running").is_some()
                    || meta::text(status, "/state/waiting/reason") == "ContainerCreating"
            };
            (statuses.is_empty() || statuses.iter().any(comes)).then(|| container.clone())
        });
        let Some(etcd) = etcd else { return refused() };
        let words: Vec<String> =
            meta::list(&etcd, "/command").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let serving = flags::read("etcd", words.get(1..).unwrap_or_default()).unwrap_or_default();
        let urls = serving.get("listen-client-urls").unwrap_or_default();
        let host = address.replace("localhost", "127.0.0.1").replace(&machine.name, &machine.address);
        if !urls.split(',').any(|url| url.split("://").last() == Some(&*host)) {
            return refused();
        }
        if scheme != "https" {
            return Some("error reading server preface: EOF".to_owned());
        }
        let text = |flag: &str| given.get(flag).and_then(|path| self.read(path).ok()).unwrap_or_default();
        let trusted = serving.get("trusted-ca-file").and_then(|path| root.text(path).ok()).unwrap_or_default();
        let trusted = pki::certificate_der(&trusted).unwrap_or_default();
        if pki::certificate_der(&text("etcd-cafile")).ok().as_ref() != Some(&trusted) {
            return Some("transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned());
        }
        let shown = pki::certificate_der(&text("etcd-certfile")).and_then(|shown| pki::verify(&shown, &trusted));
        let believed = shown.is_ok_and(|shown| shown.check_time(self.starting.now).is_ok());
        (!believed).then(|| "transport: authentication handshake failed: remote error: tls: bad certificate".to_owned())
    }
}
