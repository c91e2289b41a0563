//! What the control plane's own programs make of their flags and files when their containers start on a machine.
//! That the parts of the cluster then run or do not is `operating`'s. Sources: the programs of 1.35 and etcd 3.6 themselves, run with each fault.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::process::container::Script;
use super::runtime::Runtime;
use super::startup::access::{Access, file_fault};
use super::startup::flags::{self, Given};
use super::startup::klog;
use super::static_pods::{is_mirror, mirrors};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::decoding;
use crate::sim::apiserver::pki;
use crate::sim::apiserver::storage::Object;
use crate::sim::machine::root::Root;
use crate::sim::machine::{Machine, Machines};

/// The programs that are looked at.
const PROGRAMS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

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

/// The program of a container's image.
pub fn program(container: &Value) -> Option<&'static str> {
    let image = meta::text(container, "/image");
    let name = image.rsplit('/').next()?.split([':', '@']).next()?;
    PROGRAMS.iter().find(|program| **program == name).copied()
}

/// One start of a component.
struct Begin<'a> {
    machines: &'a Machines,
    machine: &'a Machine,
    root: &'a Root,
    client: &'a Client,
    pod: &'a Value,
    container: &'a Value,
    program: &'static str,
    now: Timestamp,
}

/// What a component's container does, if it is one of a static Pod on a machine somebody went into.
pub fn script(
    runtime: &Runtime,
    client: &Client,
    (pod, container): (&Object, &Value),
    now: Timestamp,
) -> Option<Script> {
    let program = program(container).filter(|_| is_mirror(pod))?;
    let machine = runtime.laid(meta::text(pod, "/spec/nodeName"))?;
    let (machines, root) = (runtime.machines()?, machine.files()?);
    let begin = Begin { machines, machine: &machine, root, client, pod, container, program, now };
    let script = begin.script();
    // What ends by itself never comes to serve.
    runtime.set_idle(meta::uid(pod), script.idle || script.code.is_some());
    Some(script)
}

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

fn ends(code: i32, last: Vec<String>) -> Script {
    Script { last, code: Some(code), ..Script::default() }
}

impl Begin<'_> {
    /// What a file holds as the container sees it.
    fn read(&self, path: &str) -> io::Result<String> {
        let (volume, rest) = mounted(self.pod, self.container, path).ok_or(io::ErrorKind::NotFound)?;
        self.root.text(&format!("{}{rest}", meta::text(volume, "/hostPath/path").trim_end_matches('/')))
    }

    fn line(&self, level: char, place: &str, text: &str) -> String {
        klog(level, (self.now, 1), place, text)
    }

    fn failed(&self, why: &str) -> Script {
        ends(1, vec![self.line('E', "run.go:72", &format!("\"command failed\" err={why:?}"))])
    }

    fn script(&self) -> Script {
        let texts =
            |pointer: &str| meta::list(self.container, pointer).iter().filter_map(Value::as_str).map(str::to_owned);
        let words: Vec<String> = texts("/command").chain(texts("/args")).collect();
        let given = match flags::read(self.program, words.get(1..).unwrap_or_default()) {
            Ok(given) => given,
            Err(why) if self.program == "etcd" => return ends(2, vec![why]),
            Err(why) => return ends(1, vec![format!("Error: {why}")]),
        };
        if let Some(missing) = self.missing(&given) {
            return missing;
        }
        match self.program {
            "kube-apiserver" => self.api_server(&given),
            "etcd" => Script::default(),
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
                    let stamp = self.now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ");
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

    /// The API server needs etcd, and is looked for at one port.
    fn api_server(&self, given: &Given) -> Script {
        let greeting = vec![
            self.line(
                'I',
                "options.go:263",
                &format!("external host was not specified, using {}", self.machine.address),
            ),
            self.line('I', "server.go:150", &format!("Version: {}", self.machines.birth().version)),
        ];
        let servers = given.get("etcd-servers").unwrap_or_default();
        if let Some(why) =
            servers.split(',').map(|server| self.etcd_fault(server, given)).find(Option::is_some).flatten()
        {
            let address = servers.split(',').next().unwrap_or_default().split("://").last().unwrap_or_default();
            let refused = format!(
                "[core] [Channel #1 SubChannel #3]grpc: addrConn.createTransport failed to connect to {{Addr: \"{address}\", ServerName: \"{address}\", }}. Err: connection error: desc = \"{why}\""
            );
            let last = "Error creating leases: error creating storage factory: context deadline exceeded";
            let lines = greeting.into_iter().chain([self.line('W', "logging.go:55", &refused)]).collect();
            return Script {
                lines,
                after: Duration::from_secs(20),
                last: vec![self.line('F', "instance.go:233", last)],
                code: Some(255),
                idle: false,
            };
        }
        let port = given.get("secure-port").unwrap_or("6443");
        Script { lines: greeting, idle: port != self.machines.birth().api.port().to_string(), ..Script::default() }
    }

    /// Why etcd cannot be reached at a URL with what the API server shows.
    fn etcd_fault(&self, url: &str, given: &Given) -> Option<String> {
        let (scheme, address) = url.split_once("://").unwrap_or(("http", url));
        let refused =
            || Some(format!("transport: Error while dialing: dial tcp {address}: connect: connection refused"));
        let pods = mirrors(self.client, &self.machine.name);
        let etcd = pods.iter().find_map(|pod| {
            let container = meta::list(pod, "/spec/containers").iter().find(|one| program(one) == Some("etcd"))?;
            let runs = meta::list(pod, "/status/containerStatuses")
                .iter()
                .any(|status| status.pointer("/state/running").is_some());
            runs.then(|| container.clone())
        });
        let Some(etcd) = etcd else { return refused() };
        let words: Vec<String> =
            meta::list(&etcd, "/command").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let serving = flags::read("etcd", words.get(1..).unwrap_or_default()).unwrap_or_default();
        let urls = serving.get("listen-client-urls").unwrap_or_default();
        let host = address.replace("localhost", "127.0.0.1").replace(&self.machine.name, &self.machine.address);
        if !urls.split(',').any(|url| url.split("://").last() == Some(&*host)) {
            return refused();
        }
        if scheme != "https" {
            return Some("error reading server preface: EOF".to_owned());
        }
        let text = |flag: &str| given.get(flag).and_then(|path| self.read(path).ok()).unwrap_or_default();
        let trusted = serving.get("trusted-ca-file").and_then(|path| self.root.text(path).ok()).unwrap_or_default();
        let trusted = pki::certificate_der(&trusted).unwrap_or_default();
        if pki::certificate_der(&text("etcd-cafile")).ok().as_ref() != Some(&trusted) {
            return Some("transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned());
        }
        let shown = pki::certificate_der(&text("etcd-certfile")).and_then(|shown| pki::verify(&shown, &trusted));
        let believed = shown.is_ok_and(|shown| shown.check_time(self.now).is_ok());
        (!believed).then(|| "transport: authentication handshake failed: remote error: tls: bad certificate".to_owned())
    }

    /// The scheduler and the controller manager go by their kubeconfigs.
    fn client_of_api(&self, given: &Given) -> Script {
        let reader = |path: &str| self.read(path);
        for flag in ["authentication-kubeconfig", "authorization-kubeconfig"] {
            let what = flag.trim_end_matches("-kubeconfig");
            if let Some(Err(why)) = given.get(flag).map(|path| Access::read(path, &reader)) {
                return self.failed(&format!(
                    "failed to get delegated {what} kubeconfig: failed to get delegated {what} kubeconfig: {why}"
                ));
            }
        }
        let config = match given.get("config").map(reader) {
            Some(Err(error)) => {
                let path = given.get("config").unwrap_or_default();
                return self.failed(&format!("open {path}: {}", file_fault(&error)));
            }
            Some(Ok(text)) => decoding::tree(text.as_bytes(), "application/yaml").unwrap_or_default(),
            None => Value::Null,
        };
        let configured = meta::text(&config, "/clientConnection/kubeconfig");
        let access = match Access::read(given.get("kubeconfig").unwrap_or(configured), &reader) {
            Ok(access) => access,
            Err(why) => return self.failed(&why),
        };
        let mut lines = vec![self.line('I', "serving.go:386", "Generated self-signed cert in-memory")];
        let fault = access.fault(self.machines, self.machine, self.now);
        if let Some(why) = &fault {
            let lock = format!("kube-system/{}", self.program);
            let url = format!(
                "{}/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/{}?timeout=5s",
                access.server, self.program
            );
            let why = if why == "Unauthorized" { why.clone() } else { format!("Get \"{url}\": {why}") };
            lines.push(self.line(
                'E',
                "leaderelection.go:452",
                &format!("\"Error retrieving lease lock\" err={why:?} lock={lock:?}"),
            ));
        }
        Script { lines, idle: fault.is_some(), ..Script::default() }
    }
}
