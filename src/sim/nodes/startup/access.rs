//! The way to the API server that a kubeconfig on a machine describes: read as client-go reads it, and where it leads.
//! Which programs have one stands beside it. Source: `k8s.io/client-go/tools/clientcmd`, `crypto/x509`.

use std::io;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::object::meta;
use crate::sim::apiserver::decoding;
use crate::sim::apiserver::pki;
use crate::sim::machine::{Machine, Machines};

/// What reads a file for a program: the machine's files, or those a container sees.
pub type Reader<'a> = dyn Fn(&str) -> io::Result<String> + 'a;

/// What went wrong with a file, in Go's words.
pub fn file_fault(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::IsADirectory => "is a directory",
        io::ErrorKind::NotADirectory => "not a directory",
        _ => "no such file or directory",
    }
}

/// A kubeconfig's current context.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Where the server is.
    pub server: String,
    authority: String,
    client: String,
}

impl Access {
    /// Reads the kubeconfig at `path`; the error is what client-go says.
    pub fn read(path: &str, reader: &Reader) -> Result<Self, String> {
        let text = reader(path).map_err(|error| format!("stat {path}: {}", file_fault(&error)))?;
        let config = decoding::tree(text.as_bytes(), "application/yaml")
            .map_err(|why| format!("error loading config file {path:?}: {why}"))?;
        let current = meta::text(&config, "/current-context");
        let named = |list: &str, name: &str| {
            meta::list(&config, list).iter().find(|entry| meta::text(entry, "/name") == name).cloned()
        };
        let context = named("/contexts", current).ok_or_else(|| {
            format!("invalid configuration: [context was not found for specified context: {current}, cluster has no server defined]")
        })?;
        let cluster = named("/clusters", meta::text(&context, "/context/cluster")).unwrap_or_default();
        let user = named("/users", meta::text(&context, "/context/user")).unwrap_or_default();
        let server = meta::text(&cluster, "/cluster/server").to_owned();
        if server.is_empty() {
            return Err("invalid configuration: no server found for cluster \"".to_owned()
                + meta::text(&context, "/context/cluster")
                + "\"");
        }
        let mut faults = Vec::new();
        let mut part = |entry: &Value, key: &str, (kind, word): (&str, &str)| {
            let data = meta::text(entry, &format!("/{kind}/{key}-data"));
            if !data.is_empty() {
                let bytes = STANDARD.decode(data).unwrap_or_default();
                return String::from_utf8(bytes).unwrap_or_default();
            }
            let path = meta::text(entry, &format!("/{kind}/{key}"));
            if path.is_empty() {
                return String::new();
            }
            reader(path).unwrap_or_else(|error| {
                let name = meta::text(entry, "/name");
                let why = file_fault(&error);
                faults.push(format!("unable to read {word} {path} for {name} due to open {path}: {why}"));
                String::new()
            })
        };
        let client = part(&user, "client-certificate", ("user", "client-cert"));
        part(&user, "client-key", ("user", "client-key"));
        let authority = part(&cluster, "certificate-authority", ("cluster", "certificate-authority"));
        match faults.len() {
            0 => Ok(Self { server, authority, client }),
            1 => Err(format!("invalid configuration: {}", faults.join(", "))),
            _ => Err(format!("invalid configuration: [{}]", faults.join(", "))),
        }
    }

    /// Until when its client certificate is believed, if it has one.
    pub fn client_expires(&self, machines: &Machines) -> Option<Timestamp> {
        let client = pki::certificate_der(&self.client).ok()?;
        pki::verify(&client, machines.birth().authority.certificate()).ok().map(|verified| verified.not_after)
    }

    /// Why nobody who goes this way from `machine` reaches the API server, however well that one is.
    pub fn fault(&self, machines: &Machines, machine: &Machine, now: Timestamp) -> Option<String> {
        let (scheme, rest) = self.server.split_once("://").unwrap_or(("http", &self.server));
        let authority = rest.split('/').next().unwrap_or_default();
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
        let address = match resolve(machine, host) {
            Ok(address) => address,
            Err(why) => return Some(format!("dial tcp: {why}")),
        };
        let api = machines.birth().api;
        let own = address.is_loopback() && machine.control_plane;
        let leads = own
            || address == api.ip()
            || machines.all().iter().any(|other| other.control_plane && other.address == address.to_string());
        if !leads || port != api.port().to_string() {
            let known =
                address.is_loopback() || machines.all().iter().any(|other| other.address == address.to_string());
            let why = if known || leads { "connect: connection refused" } else { "i/o timeout" };
            return Some(format!("dial tcp {address}:{port}: {why}"));
        }
        if scheme != "https" {
            return Some("Client sent an HTTP request to an HTTPS server.".to_owned());
        }
        let cluster = machines.birth().authority.certificate();
        if pki::certificate_der(&self.authority).ok().as_deref() != Some(cluster) {
            return Some("tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned());
        }
        let shown = pki::certificate_der(&self.client).and_then(|client| pki::verify(&client, cluster));
        let believed = shown.is_ok_and(|shown| shown.check_time(now).is_ok());
        (!believed).then(|| "Unauthorized".to_owned())
    }
}

/// The address of a host as the machine's `/etc/hosts` has it.
fn resolve(machine: &Machine, host: &str) -> Result<IpAddr, String> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let hosts = machine.files().and_then(|root| root.text("/etc/hosts").ok()).unwrap_or_default();
    let named = hosts.lines().map(str::split_whitespace).find_map(|mut words| {
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word == host).then_some(address)
    });
    named.ok_or_else(|| format!("lookup {host} on 192.168.56.1:53: no such host"))
}
