//! The certificates kubeadm looks after: where each is, what for, and whose.
//! Listing and renewing them is `certs`', making them anew `init/local`'s. Source: `cmd/kubeadm/app/phases/certs/{certlist,renewal}`.

use jiff::Timestamp;

use crate::sim::apiserver::pki::{self, Authority, Inspected, Issue, Issued, Usages};
use crate::sim::machine::root::Root;

/// The folder of a cluster's certificates.
pub const PKI: &str = "/etc/kubernetes/pki";

/// A certificate kubeadm looks after.
pub struct Certificate {
    /// Its name in lists and on the command line.
    pub name: &'static str,
    /// Its file, below the folder of certificates and without an ending; a kubeconfig's name where it is in one.
    pub file: &'static str,
    /// What it is called in sentences.
    pub long: &'static str,
    /// The authority that signs it.
    pub authority: &'static str,
    usages: fn() -> Usages,
}

const fn of(
    name: &'static str,
    file: &'static str,
    long: &'static str,
    authority: &'static str,
    usages: fn() -> Usages,
) -> Certificate {
    Certificate { name, file, long, authority, usages }
}

/// All of them, in the order of lists.
pub static CERTIFICATES: &[Certificate] = &[
    of(
        "admin.conf",
        "admin.conf",
        "certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself",
        "ca",
        Usages::client,
    ),
    of("apiserver", "apiserver", "certificate for serving the Kubernetes API", "ca", Usages::server),
    of(
        "apiserver-etcd-client",
        "apiserver-etcd-client",
        "certificate the apiserver uses to access etcd",
        "etcd-ca",
        Usages::client,
    ),
    of(
        "apiserver-kubelet-client",
        "apiserver-kubelet-client",
        "certificate for the API server to connect to kubelet",
        "ca",
        Usages::client,
    ),
    of(
        "controller-manager.conf",
        "controller-manager.conf",
        "certificate embedded in the kubeconfig file for the controller manager to use",
        "ca",
        Usages::client,
    ),
    of(
        "etcd-healthcheck-client",
        "etcd/healthcheck-client",
        "certificate for liveness probes to healthcheck etcd",
        "etcd-ca",
        Usages::client,
    ),
    of("etcd-peer", "etcd/peer", "certificate for etcd nodes to communicate with each other", "etcd-ca", Usages::peer),
    of("etcd-server", "etcd/server", "certificate for serving etcd", "etcd-ca", Usages::peer),
    of(
        "front-proxy-client",
        "front-proxy-client",
        "certificate for the front proxy client",
        "front-proxy-ca",
        Usages::client,
    ),
    of(
        "scheduler.conf",
        "scheduler.conf",
        "certificate embedded in the kubeconfig file for the scheduler manager to use",
        "ca",
        Usages::client,
    ),
    of(
        "super-admin.conf",
        "super-admin.conf",
        "certificate embedded in the kubeconfig file for the super-admin",
        "ca",
        Usages::client,
    ),
];

/// The authorities: their names, and their files below the folder of certificates.
pub static AUTHORITIES: &[(&str, &str)] = &[("ca", "ca"), ("etcd-ca", "etcd/ca"), ("front-proxy-ca", "front-proxy-ca")];

/// An authority with its key, from a node's files.
pub fn authority(root: &Root, folder: &str, name: &str) -> Result<Authority, String> {
    let file = AUTHORITIES.iter().find(|(known, _)| *known == name).map_or(name, |(_, file)| file);
    let path = format!("{folder}/{file}");
    let missing = |what: &str, ending: &str| {
        format!(
            "failed to load certificate: couldn't load the {what} file {path}.{ending}: open {path}.{ending}: no such file or directory"
        )
    };
    let certificate = root.text(&format!("{path}.crt")).map_err(|_| missing("certificate", "crt"))?;
    let key = root.text(&format!("{path}.key")).map_err(|_| missing("private key", "key"))?;
    Authority::from_pem(&certificate, &key).map_err(|error| error.to_string())
}

/// Whether an authority is there without its key, which somebody keeps elsewhere.
pub fn is_external(root: &Root, folder: &str, name: &str) -> bool {
    let file = AUTHORITIES.iter().find(|(known, _)| *known == name).map_or(name, |(_, file)| file);
    root.exists(&format!("{folder}/{file}.crt")) && !root.exists(&format!("{folder}/{file}.key"))
}

impl Certificate {
    /// Whether it is in a kubeconfig.
    pub fn is_embedded(&self) -> bool {
        self.file.ends_with(".conf")
    }

    /// Where it is.
    pub fn path(&self, folder: &str) -> String {
        if self.is_embedded() {
            format!("/etc/kubernetes/{}", self.file)
        } else {
            format!("{folder}/{}.crt", self.file)
        }
    }

    /// Reads it, if it is there.
    pub fn read(&self, root: &Root, folder: &str) -> Option<Inspected> {
        pki::inspect(&pki::certificate_in(&root.text(&self.path(folder)).ok()?)?).ok()
    }

    /// Signs it anew, for the same subject and names, and puts it in its place. False when there is no key to sign with.
    pub fn renew(&self, root: &Root, folder: &str, now: Timestamp) -> Result<bool, String> {
        let Some(old) = self.read(root, folder) else { return Ok(false) };
        let Ok(authority) = authority(root, folder, self.authority) else { return Ok(false) };
        let issue = Issue { names: old.names.clone(), ..Issue::for_a_year(old.subject, (self.usages)(), now) };
        let issued = authority.issue(&issue).map_err(|error| error.to_string())?;
        self.write(root, folder, &issued)?;
        Ok(true)
    }

    fn write(&self, root: &Root, folder: &str, issued: &Issued) -> Result<(), String> {
        let (certificate, key) = (issued.certificate_pem(), issued.key.to_pem());
        let path = self.path(folder);
        let written = if self.is_embedded() {
            let text = root.text(&path).map_err(|error| error.to_string())?;
            root.write(&path, pki::embed(&text, (&certificate, &key)).as_bytes(), 0o600)
        } else {
            root.write(&path, certificate.as_bytes(), 0o644)
                .and_then(|()| root.write(&format!("{folder}/{}.key", self.file), key.as_bytes(), 0o600))
        };
        written.map_err(|error| error.to_string())
    }
}
