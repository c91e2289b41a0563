//! One start of a component: what its container sees, the flags and files that are looked at first, and which program does what then.
//! What a program makes of it stands beside.

use std::io;

use jiff::Timestamp;
use serde_json::Value;

use super::super::process::files::{FileError, Files};
use super::super::process::script::Script;
use super::super::runtime::Runtime;
use super::super::startup::access::file_fault;
use super::super::startup::flags::{self, Given};
use super::super::startup::klog;
use super::super::static_pods::is_mirror;
use super::super::{flannel, kube_proxy};
use super::program;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::storage::Object;
use crate::sim::machine::root::Root;
use crate::sim::machine::{Machine, Machines};
use crate::sim::reconciler::key;

/// Flags that name files a program opens when it starts, and what it says before Go's words.
const FILES: &[(&str, &str, &str)] = &[
    ("kube-apiserver", "service-account-key-file", "failed to parse service-account-issuer-key-file: "),
    ("kube-apiserver", "service-account-signing-key-file", "failed to parse service-account-issuer-key-file: "),
    ("kube-apiserver", "tls-cert-file", ""),
    ("kube-apiserver", "tls-private-key-file", ""),
    ("kube-apiserver", "client-ca-file", ""),
    ("kube-apiserver", "requestheader-client-ca-file", ""),
    ("kube-apiserver", "proxy-client-cert-file", ""),
    ("kube-apiserver", "kubelet-client-certificate", ""),
    ("kube-apiserver", "etcd-cafile", "etcd"),
    ("kube-apiserver", "etcd-certfile", "etcd"),
    ("kube-apiserver", "etcd-keyfile", "etcd"),
    ("kube-controller-manager", "client-ca-file", ""),
    ("kube-controller-manager", "requestheader-client-ca-file", ""),
    ("kube-controller-manager", "root-ca-file", "error reading root-ca-file at "),
    ("kube-controller-manager", "service-account-private-key-file", ""),
    ("kube-controller-manager", "cluster-signing-cert-file", ""),
    ("kube-controller-manager", "cluster-signing-key-file", ""),
    ("etcd", "cert-file", ""),
    ("etcd", "key-file", ""),
    ("etcd", "trusted-ca-file", ""),
    ("etcd", "peer-cert-file", ""),
    ("etcd", "peer-key-file", ""),
    ("etcd", "peer-trusted-ca-file", ""),
];

/// The volume under whose mount a container finds a path, and the rest of the path in it.
pub fn mounted<'a>(pod: &'a Value, container: &Value, path: &'a str) -> Option<(&'a Value, &'a str)> {
    let mounts = meta::list(container, "/volumeMounts").iter();
    let under = mounts.filter(|mount| {
        let at = meta::text(mount, "/mountPath").trim_end_matches('/');
        path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let mount = under.max_by_key(|mount| meta::text(mount, "/mountPath").len())?;
    let volume = meta::list(pod, "/spec/volumes").iter().find(|volume| volume["name"] == mount["name"])?;
    Some((volume, &path[meta::text(mount, "/mountPath").trim_end_matches('/').len()..]))
}

/// A container that starts.
pub struct Starting<'a> {
    pub runtime: &'a Runtime,
    pub client: &'a Client,
    pub of: (&'a Object, &'a Value),
    /// What process 1 is started with.
    pub words: &'a [String],
    /// What it sees; `None` where only its node is looked at.
    pub files: Option<&'a Files>,
    pub now: Timestamp,
}

impl Starting<'_> {
    /// What the container does that starts now, where that is known beforehand.
    pub fn script(&self) -> Option<Script> {
        let (pod, container) = self.of;
        if let Some(script) = flannel::script(self.runtime, self.client, (pod, container)) {
            return Some(script);
        }
        let program = program(container)?;
        let name = self.words.first()?.rsplit('/').next()?;
        let machines = self.runtime.machines().map(|all| &**all);
        let machine = machines.and_then(|all| all.get(meta::text(pod, "/spec/nodeName")));
        let begin = Begin { starting: self, machines, machine: machine.as_deref(), program };
        match program {
            _ if name != program => None,
            "kube-proxy" => Some(begin.proxy()),
            _ if is_mirror(pod) => Some(begin.component()),
            "kube-scheduler" => Some(begin.scheduler()),
            _ => None,
        }
    }
}

/// One start of a component.
pub(super) struct Begin<'a> {
    pub starting: &'a Starting<'a>,
    pub machines: Option<&'a Machines>,
    pub machine: Option<&'a Machine>,
    pub program: &'static str,
}

pub(super) fn ends(code: i32, last: Vec<String>) -> Script {
    Script { last, code: Some(code), ..Script::default() }
}

impl Begin<'_> {
    pub(super) fn client(&self) -> &Client {
        self.starting.client
    }

    /// The files of its machine, if somebody went in.
    pub(super) fn root(&self) -> Option<&Root> {
        self.machine.and_then(Machine::files)
    }

    /// What a file holds as the container sees it.
    pub(super) fn read(&self, path: &str) -> io::Result<String> {
        let (pod, container) = self.starting.of;
        let (volume, rest) = match (mounted(pod, container, path), self.starting.files) {
            (Some(found), _) => found,
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
            (None, Some(files)) => return seen(files, path),
        };
        let host = meta::text(volume, "/hostPath/path").trim_end_matches('/');
        match (self.root(), self.starting.files) {
            (Some(root), _) if !host.is_empty() => root.text(&format!("{host}{rest}")),
            (_, Some(files)) => seen(files, path),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn line(&self, level: char, place: &str, text: &str) -> String {
        klog(level, (self.starting.now, 1), place, text)
    }

    pub(super) fn failed(&self, why: &str) -> Script {
        ends(1, vec![self.line('E', "run.go:72", &format!("\"command failed\" err={why:?}"))])
    }

    fn proxy(&self) -> Script {
        let reader = |path: &str| self.read(path);
        let begin = kube_proxy::Begin {
            client: self.client(),
            runtime: self.starting.runtime,
            node: meta::text(self.starting.of.0, "/spec/nodeName"),
            pod: key(self.starting.of.0),
            reader: &reader,
            now: self.starting.now,
        };
        begin.script(self.starting.words)
    }

    fn given(&self) -> Result<Given, Script> {
        flags::read(self.program, self.starting.words.get(1..).unwrap_or_default()).map_err(|why| match self.program {
            "etcd" => ends(2, vec![why]),
            _ => ends(1, vec![format!("Error: {why}")]),
        })
    }

    /// A scheduler that is no static Pod: with its own configuration, and the ServiceAccount of its Pod.
    fn scheduler(&self) -> Script {
        self.given().map_or_else(|ended| ended, |given| self.client_of_api(&given))
    }

    /// A component of the control plane. Nothing befalls one on a machine nobody went into.
    fn component(&self) -> Script {
        let given = match self.given() {
            Ok(given) => given,
            Err(ended) => return ended,
        };
        if self.root().is_none() {
            return self.whole(&given);
        }
        if let Some(missing) = self.missing(&given) {
            return missing;
        }
        match self.program {
            "kube-apiserver" => self.api_server(&given),
            "etcd" => Script { lines: self.etcd(&given), ..Script::default() },
            _ => self.client_of_api(&given),
        }
    }

    /// How it ends when a file is not there that a flag names.
    fn missing(&self, given: &Given) -> Option<Script> {
        for (_, flag, before) in FILES.iter().filter(|(program, ..)| *program == self.program) {
            let Some(path) = given.get(flag).filter(|path| !path.is_empty()) else { continue };
            let Err(error) = self.read(path) else { continue };
            let why = format!("open {path}: {}", file_fault(&error));
            return Some(match (self.program, *before) {
                ("etcd", _) => {
                    let stamp = self.starting.now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ");
                    ends(
                        1,
                        vec![format!(
                            "{{\"level\":\"fatal\",\"ts\":\"{stamp}\",\"caller\":\"etcdmain/etcd.go:198\",\"msg\":\"listener failed\",\"error\":{why:?}}}"
                        )],
                    )
                }
                (_, "etcd") => ends(
                    255,
                    vec![self.line(
                        'F',
                        "instance.go:233",
                        &format!("Error creating leases: error creating storage factory: {why}"),
                    )],
                ),
                (_, "error reading root-ca-file at ") => {
                    self.failed(&format!("error reading root-ca-file at {path}: {why}"))
                }
                (_, before) => self.failed(&format!("{before}{why}")),
            });
        }
        None
    }
}

/// What a container reads from its files.
fn seen(files: &Files, path: &str) -> io::Result<String> {
    let bytes = files.read(path).map_err(|why| match why {
        FileError::Denied => io::ErrorKind::PermissionDenied,
        FileError::IsDirectory => io::ErrorKind::IsADirectory,
        FileError::NotDirectory => io::ErrorKind::NotADirectory,
        _ => io::ErrorKind::NotFound,
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
