//! The keys, certificates and kubeconfigs of a fresh machine, as `kubeadm init` and `kubeadm join` make them: real chains, which openssl verifies.
//! How certificates are made is `apiserver/pki`'s. Source: `cmd/kubeadm/app/phases/certs/certlist.go`.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;

use super::Birth;
use crate::sim::apiserver::pki::{AlternativeNames, Authority, Issue, Issued, Kubeconfig, PkiError, Subject, Usages};
use crate::sim::machine::Machine;
use crate::sim::machine::root::Root;

const PKI: &str = "/etc/kubernetes/pki";

fn failed(error: PkiError) -> io::Error {
    io::Error::other(error)
}

/// Writes a certificate (0644) and its key (0600) under a path without its ending.
fn write(root: &Root, path: &str, (certificate, key): (&str, &str)) -> io::Result<()> {
    root.write(&format!("{path}.crt"), certificate.as_bytes(), 0o644)?;
    root.write(&format!("{path}.key"), key.as_bytes(), 0o600)
}

fn write_issued(root: &Root, name: &str, issued: &Issued) -> io::Result<()> {
    write(root, &format!("{PKI}/{name}"), (&issued.certificate_pem(), &issued.key.to_pem()))
}

/// The names a server on this machine answers to, loopback among them.
fn own_names(machine: &Machine) -> AlternativeNames {
    let own = machine.address.parse::<IpAddr>().ok();
    let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
    AlternativeNames {
        dns: vec![machine.name.clone(), "localhost".to_owned()],
        ips: own.into_iter().chain(loopback).collect(),
        ..AlternativeNames::default()
    }
}

/// Lays them: everything on a control plane, the kubelet's own on a worker.
pub(super) fn lay(machine: &Machine, root: &Root, birth: &Birth) -> io::Result<()> {
    let authority = &birth.authority;
    root.write(&format!("{PKI}/ca.crt"), authority.certificate_pem().as_bytes(), 0o644)?;
    kubelet(machine, root, birth)?;
    if !machine.control_plane {
        return Ok(());
    }
    root.write(&format!("{PKI}/ca.key"), authority.key_pem().as_bytes(), 0o600)?;
    write(root, &format!("{PKI}/apiserver"), (&birth.serving.0, &birth.serving.1))?;
    root.write(&format!("{PKI}/sa.key"), birth.tokens.0.as_bytes(), 0o600)?;
    root.write(&format!("{PKI}/sa.pub"), birth.tokens.1.as_bytes(), 0o600)?;
    let client = authority.issue_client("kube-apiserver-kubelet-client", &["kubeadm:cluster-admins"], birth.now);
    write_issued(root, "apiserver-kubelet-client", &client.map_err(failed)?)?;
    let front = Authority::generate("front-proxy-ca", birth.now).map_err(failed)?;
    write(root, &format!("{PKI}/front-proxy-ca"), (&front.certificate_pem(), &front.key_pem()))?;
    let client = front.issue_client("front-proxy-client", &[], birth.now).map_err(failed)?;
    write_issued(root, "front-proxy-client", &client)?;
    etcd(machine, root, birth)?;
    kubeconfigs(root, birth)
}

fn etcd(machine: &Machine, root: &Root, birth: &Birth) -> io::Result<()> {
    let authority = Authority::generate("etcd-ca", birth.now).map_err(failed)?;
    write(root, &format!("{PKI}/etcd/ca"), (&authority.certificate_pem(), &authority.key_pem()))?;
    for name in ["server", "peer"] {
        let subject = Subject::new(&machine.name, &[]);
        let issue = Issue { names: own_names(machine), ..Issue::for_a_year(subject, Usages::peer(), birth.now) };
        write_issued(root, &format!("etcd/{name}"), &authority.issue(&issue).map_err(failed)?)?;
    }
    let check = authority.issue_client("kube-etcd-healthcheck-client", &[], birth.now).map_err(failed)?;
    write_issued(root, "etcd/healthcheck-client", &check)?;
    let client = authority.issue_client("kube-apiserver-etcd-client", &[], birth.now).map_err(failed)?;
    write_issued(root, "apiserver-etcd-client", &client)
}

/// Each kubeconfig of a control plane: its file, its user, and the user's groups.
const KUBECONFIGS: [(&str, &str, &[&str]); 4] = [
    ("admin", "kubernetes-admin", &["kubeadm:cluster-admins"]),
    ("super-admin", "kubernetes-super-admin", &["system:masters"]),
    ("controller-manager", "system:kube-controller-manager", &[]),
    ("scheduler", "system:kube-scheduler", &[]),
];

/// A kubeconfig with the certificate in it, as kubeadm writes it.
fn kubeconfig(birth: &Birth, user: &str, issued: &Issued) -> String {
    kubeconfig_with((birth, &birth.authority), user, (&issued.certificate_pem(), &issued.key.to_pem()))
}

fn kubeconfig_with((birth, authority): (&Birth, &Authority), user: &str, (certificate, key): (&str, &str)) -> String {
    let authority = authority.certificate_pem();
    let server = format!("https://controlplane:{}", birth.api.port());
    Kubeconfig { server: &server, authority: &authority, user, certificate, key, namespace: None }.to_yaml()
}

fn kubeconfigs(root: &Root, birth: &Birth) -> io::Result<()> {
    for (name, user, groups) in KUBECONFIGS {
        let issued = birth.authority.issue_client(user, groups, birth.now).map_err(failed)?;
        let text = kubeconfig(birth, user, &issued);
        root.write(&format!("/etc/kubernetes/{name}.conf"), text.as_bytes(), 0o600)?;
        if name == "admin" {
            root.write("/root/.kube/config", text.as_bytes(), 0o600)?;
        }
    }
    Ok(())
}

/// What a machine that joins gets: the authority's certificate and the kubelet's own.
pub fn join(
    machine: &Machine,
    root: &Root,
    whose: (&Birth, &Authority),
    signed: (&str, &str, Timestamp),
) -> io::Result<()> {
    root.write(&format!("{PKI}/ca.crt"), whose.1.certificate_pem().as_bytes(), 0o644)?;
    kubelet_with(machine, root, whose, signed)
}

/// The kubelet's: its client certificate, its serving certificate, and the kubeconfig that names the first.
fn kubelet(machine: &Machine, root: &Root, birth: &Birth) -> io::Result<()> {
    let user = format!("system:node:{}", machine.name);
    let client = birth.authority.issue_client(&user, &["system:nodes"], birth.now).map_err(failed)?;
    kubelet_with(machine, root, (birth, &birth.authority), (&client.certificate_pem(), &client.key.to_pem(), birth.now))
}

fn kubelet_with(
    machine: &Machine,
    root: &Root,
    (birth, authority): (&Birth, &Authority),
    (certificate, key, now): (&str, &str, Timestamp),
) -> io::Result<()> {
    let user = format!("system:node:{}", machine.name);
    let folder = "/var/lib/kubelet/pki";
    let dated = format!("kubelet-client-{}.pem", now.strftime("%Y-%m-%d-%H-%M-%S"));
    root.write(&format!("{folder}/{dated}"), format!("{certificate}{key}").as_bytes(), 0o600)?;
    root.remove(&format!("{folder}/kubelet-client-current.pem"))?;
    root.link(&format!("{folder}/{dated}"), &format!("{folder}/kubelet-client-current.pem"))?;
    // The kubelet signs its serving certificate itself, by an authority nobody else knows.
    let own = Authority::generate(&format!("{}-ca@{}", machine.name, now.as_second()), now);
    let serving = own.and_then(|own| own.issue_serving(&machine.name, own_names(machine), now)).map_err(failed)?;
    write(root, &format!("{folder}/kubelet"), (&serving.certificate_pem(), &serving.key.to_pem()))?;
    let text = kubeconfig_with((birth, authority), &user, (certificate, key));
    let current = format!("{folder}/kubelet-client-current.pem");
    root.write("/etc/kubernetes/kubelet.conf", by_file(&text, &current).as_bytes(), 0o600)
}

/// The same kubeconfig with the certificate and key in a file of their own.
fn by_file(kubeconfig: &str, file: &str) -> String {
    let lines = kubeconfig.lines().map(|line| {
        let Some((key, _)) = line.split_once("-data:").filter(|(key, _)| key.trim_start().starts_with("client-"))
        else {
            return line.to_owned();
        };
        format!("{key}: {file}")
    });
    lines.map(|line| line + "\n").collect()
}

/// The files of a control plane's certificates by their names, in the order in which they are made.
pub static CERTIFICATE_FILES: [(&str, &str); 11] = [
    ("ca", "ca.crt"),
    ("apiserver", "apiserver.crt"),
    ("apiserver-kubelet-client", "apiserver-kubelet-client.crt"),
    ("front-proxy-ca", "front-proxy-ca.crt"),
    ("front-proxy-client", "front-proxy-client.crt"),
    ("etcd-ca", "etcd/ca.crt"),
    ("etcd-server", "etcd/server.crt"),
    ("etcd-peer", "etcd/peer.crt"),
    ("etcd-healthcheck-client", "etcd/healthcheck-client.crt"),
    ("apiserver-etcd-client", "apiserver-etcd-client.crt"),
    ("sa", "sa.key"),
];

/// What a server of the control plane answers to besides its machine's names.
pub struct Names<'a> {
    /// The address of the API server's Service.
    pub service: Option<Ipv4Addr>,
    /// The domain of Services.
    pub domain: &'a str,
    pub further: &'a [String],
}

/// What the names of an API server begin with that are of its Service and in a domain.
const SERVICE: &str = "kubernetes.default.svc.";

/// Makes one certificate anew, signed by the authority in `folder`, which is made anew where it is its own. The key of ServiceAccount tokens is that of the practice, whose API server signs with no other.
pub fn certificate(
    machine: &Machine,
    root: &Root,
    (birth, folder, name): (&Birth, &str, &str),
    (names, now): (&Names, Timestamp),
) -> io::Result<()> {
    let authority = match name {
        "etcd-server" | "etcd-peer" | "etcd-healthcheck-client" | "apiserver-etcd-client" => "etcd/ca",
        "front-proxy-client" => "front-proxy-ca",
        "apiserver" | "apiserver-kubelet-client" => "ca",
        "sa" => {
            root.write(&format!("{folder}/sa.key"), birth.tokens.0.as_bytes(), 0o600)?;
            return root.write(&format!("{folder}/sa.pub"), birth.tokens.1.as_bytes(), 0o600);
        }
        own => {
            let called = if own == "ca" { "kubernetes" } else { own };
            let made = Authority::generate(called, now).map_err(failed)?;
            let path = format!("{folder}/{}", file(own));
            return write(root, &path, (&made.certificate_pem(), &made.key_pem()));
        }
    };
    let path = format!("{folder}/{authority}");
    let (certificate, key) = (root.text(&format!("{path}.crt"))?, root.text(&format!("{path}.key"))?);
    let authority = Authority::from_pem(&certificate, &key).map_err(failed)?;
    let (subject, names) = holder(machine, (birth, name), names)?;
    let usages = match name {
        "apiserver" => Usages::server(),
        "etcd-server" | "etcd-peer" => Usages::peer(),
        _ => Usages::client(),
    };
    let issued = authority.issue(&Issue { names, ..Issue::for_a_year(subject, usages, now) }).map_err(failed)?;
    write(root, &format!("{folder}/{}", file(name)), (&issued.certificate_pem(), &issued.key.to_pem()))
}

/// Whom a certificate names, and what its holder answers to.
pub fn holder(
    machine: &Machine,
    (birth, name): (&Birth, &str),
    names: &Names,
) -> io::Result<(Subject, AlternativeNames)> {
    let none = AlternativeNames::default;
    Ok(match name {
        "apiserver" => {
            let mut kept = crate::sim::apiserver::pki::inspect(&birth.serving.0).map_err(failed)?.names;
            // How the practice reaches it stays; its Service is another's.
            kept.dns.retain(|name| !name.starts_with(SERVICE));
            kept.ips.retain(IpAddr::is_loopback);
            let service = names.service.map(|address| address.to_string());
            let own = service.into_iter().chain([format!("{SERVICE}{}", names.domain)]);
            let own: Vec<String> = own.chain(names.further.iter().cloned()).collect();
            (Subject::new("kube-apiserver", &[]), with(kept, machine, &own))
        }
        "etcd-server" | "etcd-peer" => {
            (Subject::new(&machine.name, &[]), with(own_names(machine), machine, names.further))
        }
        "apiserver-kubelet-client" => {
            (Subject::new("kube-apiserver-kubelet-client", &["kubeadm:cluster-admins"]), none())
        }
        "etcd-healthcheck-client" => (Subject::new("kube-etcd-healthcheck-client", &[]), none()),
        "apiserver-etcd-client" => (Subject::new("kube-apiserver-etcd-client", &[]), none()),
        other => (Subject::new(other, &[]), none()),
    })
}

/// Where a certificate is below the folder, without its ending.
fn file(name: &str) -> &str {
    let found = CERTIFICATE_FILES.iter().find(|(known, _)| *known == name);
    found.map_or(name, |(_, file)| file.trim_end_matches(".crt"))
}

/// The same names with those of a machine and further ones.
fn with(mut names: AlternativeNames, machine: &Machine, further: &[String]) -> AlternativeNames {
    for name in [&machine.name, &machine.address].into_iter().chain(further) {
        match name.parse::<IpAddr>() {
            Ok(address) if !names.ips.contains(&address) => names.ips.push(address),
            Err(_) if !names.dns.contains(name) => names.dns.push(name.clone()),
            _ => {}
        }
    }
    names
}
