//! The way to the API server that a kubeconfig on a machine describes: read as client-go reads it, and where it leads.
//! Which programs have one stands beside it. Source: `k8s.io/client-go/tools/clientcmd`, `crypto/x509`.

use std::io;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::object::meta;
use crate::sim::apiserver::auth::User;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::decoding;
use crate::sim::apiserver::pki;
use crate::sim::machine::{Machine, Machines};

pub use crate::sim::machine::services::Access;

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

/// Where a Pod finds the API server and its ServiceAccount. Source: `k8s.io/client-go/rest`, InClusterConfig.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The address of the Service `kubernetes`.
const SERVICE: &str = "10.96.0.1";
/// The port of the API server on its machine, as kubeadm has it.
const PORT: &str = "6443";

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
        let token = match (meta::text(&user, "/user/token"), meta::text(&user, "/user/tokenFile")) {
            ("", "") => String::new(),
            ("", path) => reader(path).map_err(|error| format!("open {path}: {}", file_fault(&error)))?,
            (token, _) => token.to_owned(),
        };
        let trusting = meta::truth(&cluster, "/cluster/insecure-skip-tls-verify");
        match faults.len() {
            0 => Ok(Self { server, authority, client, token: token.trim().to_owned(), trusting }),
            1 => Err(format!("invalid configuration: {}", faults.join(", "))),
            _ => Err(format!("invalid configuration: [{}]", faults.join(", "))),
        }
    }

    /// The way a Pod goes that was given no kubeconfig: by the Service of the API server, as its ServiceAccount.
    pub fn in_cluster(reader: &Reader) -> Result<Self, String> {
        let read = |name: &str| {
            let path = format!("{ACCOUNT}/{name}");
            reader(&path).map_err(|error| format!("open {path}: {}", file_fault(&error)))
        };
        let (token, authority) = (read("token")?, read("ca.crt")?);
        Ok(Self { server: format!("https://{SERVICE}:443"), authority, token, ..Self::default() })
    }

    /// As whom the API server knows it, or that it does not.
    pub fn user(&self, machines: &Machines, client: &Client) -> Result<User, String> {
        let (now, unauthorized) = (client.clock().now(), || "Unauthorized".to_owned());
        if !self.client.is_empty() {
            let shown = pki::certificate_der(&self.client)
                .and_then(|shown| pki::verify(&shown, machines.authority().certificate()))
                .map_err(|_| unauthorized())?;
            shown.check_time(now).map_err(|_| unauthorized())?;
            let groups: Vec<&str> = shown.subject.organizations.iter().map(String::as_str).collect();
            return Ok(User::new(shown.subject.common_name.clone(), &groups).authenticated());
        }
        if self.token.is_empty() {
            return Ok(User::anonymous());
        }
        let server = client.server();
        let reviewed = server.authenticator.review_token(&self.token, &[], now, &**server);
        reviewed.map(|reviewed| reviewed.user).map_err(|_| unauthorized())
    }

    /// Until when its client certificate is believed, if it has one.
    pub fn client_expires(&self, machines: &Machines) -> Option<Timestamp> {
        let client = pki::certificate_der(&self.client).ok()?;
        pki::verify(&client, machines.authority().certificate()).ok().map(|verified| verified.not_after)
    }

    /// Why nobody who goes this way from `machine` reaches the API server, however well that one is.
    pub fn fault(&self, machines: &Machines, machine: &Machine, now: Timestamp) -> Option<String> {
        self.reach(machines, machine).or_else(|| {
            let shown = pki::certificate_der(&self.client)
                .and_then(|client| pki::verify(&client, machines.authority().certificate()));
            let believed = shown.is_ok_and(|shown| shown.check_time(now).is_ok());
            (!believed).then(|| "Unauthorized".to_owned())
        })
    }

    /// What is said of an API server that does not listen where this way leads.
    pub fn refused(&self, machines: &Machines, machine: &Machine) -> String {
        let (host, port) = self.target();
        let address = address(machines, machine, host).map_or_else(|_| host.to_owned(), |address| address.to_string());
        format!("dial tcp {address}:{port}: connect: connection refused")
    }

    /// The server's host and port.
    fn target(&self) -> (&str, &str) {
        let rest = self.server.split_once("://").map_or(&*self.server, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        authority.rsplit_once(':').unwrap_or((authority, "443"))
    }

    /// Why this way does not lead from `machine` to the API server; whom that one believes is another matter.
    pub fn reach(&self, machines: &Machines, machine: &Machine) -> Option<String> {
        let (host, port) = self.target();
        let address = match address(machines, machine, host) {
            Ok(address) => address,
            Err(why) => return Some(format!("dial tcp: {why}")),
        };
        let api = machines.birth().api;
        let own = address.is_loopback() && machine.has_control_plane();
        let of_plane =
            machines.all().iter().any(|other| other.has_control_plane() && other.address == address.to_string());
        let leads = own || address == api.ip() || of_plane;
        let is_port = port == api.port().to_string() || (of_plane && port == PORT);
        if (!leads || !is_port) && (host, port) != (SERVICE, "443") {
            let known =
                address.is_loopback() || machines.all().iter().any(|other| other.address == address.to_string());
            let why = if known || leads { "connect: connection refused" } else { "i/o timeout" };
            return Some(format!("dial tcp {address}:{port}: {why}"));
        }
        if !self.server.starts_with("https://") {
            return Some("Client sent an HTTP request to an HTTPS server.".to_owned());
        }
        let believed =
            pki::certificate_der(&self.authority).ok().as_deref() == Some(machines.authority().certificate());
        (!believed && !self.trusting)
            .then(|| "tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned())
    }
}

/// The address of a host as a machine knows it. One nobody went into knows the others by their names.
fn address(machines: &Machines, machine: &Machine, host: &str) -> Result<IpAddr, String> {
    let other = || machines.all().iter().find(|other| other.name == host).map(|other| other.address.clone());
    let named = if machine.files().is_none() { other() } else { None };
    resolve(machine, named.as_deref().unwrap_or(host))
}

/// The address of a host as the machine's `/etc/hosts` has it.
pub fn resolve(machine: &Machine, host: &str) -> Result<IpAddr, String> {
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
