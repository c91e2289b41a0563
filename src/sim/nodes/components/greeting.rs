//! What components of the control plane say when they start and all is well: the lines one looks for in their logs, with this cluster's own values.
//! Source: the programs' own calls to klog in 1.35, and to zap in etcd 3.6; the places are those of 1.35.4 and 3.6.5.

use serde_json::json;

use super::super::callers::Told;
use super::super::container::hash;
use super::super::startup::flags::Given;
use super::begin::Begin;
use super::settings::Lease;
use crate::object::meta;
use crate::sim::machine::Machine;

/// Admission plugins that change objects, in their order, when kubeadm's `NodeRestriction` is enabled. Source: `pkg/kubeapiserver/options/plugins.go`.
const MUTATING: &str = "NamespaceLifecycle,LimitRanger,ServiceAccount,NodeRestriction,TaintNodesByCondition,Priority,DefaultTolerationSeconds,DefaultStorageClass,StorageObjectInUseProtection,RuntimeClass,DefaultIngressClass,PodTopologyLabels,MutatingAdmissionPolicy,MutatingAdmissionWebhook";
/// Those that only look.
const VALIDATING: &str = "LimitRanger,ServiceAccount,PodSecurity,Priority,PersistentVolumeClaimResize,RuntimeClass,CertificateApproval,CertificateSigning,ClusterTrustBundleAttest,CertificateSubjectRestriction,NodeDeclaredFeatureValidator,ValidatingAdmissionPolicy,ValidatingAdmissionWebhook,ResourceQuota";

/// Controllers whose caches the controller manager tells of.
const SYNCED: &[&str] = &[
    "tokens",
    "service account",
    "namespace",
    "GC",
    "taint-eviction-controller",
    "node",
    "endpoint_slice",
    "endpoint",
    "ReplicaSet",
    "deployment",
    "daemon sets",
    "job",
    "cronjob",
    "stateful set",
    "disruption",
    "HPA",
    "persistent volume",
    "attach detach",
    "certificate-csrsigning-kubelet-serving",
    "certificate-csrapproving",
    "resource quota",
    "garbage collector",
];

/// What is said at the start, once the API server is reached, and once it works.
pub(super) struct Greeting {
    pub first: Vec<Told>,
    pub reached: Vec<Told>,
    pub works: Vec<Told>,
}

impl Begin<'_> {
    /// What the API server says before it looks for etcd.
    pub(super) fn before_etcd(&self, machine: &Machine) -> Vec<String> {
        vec![
            self.line('I', "options.go:263", &format!("external host was not specified, using {}", machine.address)),
            self.line('I', "server.go:150", &format!("Version: {}", self.version())),
            self.line('I', "server.go:152", GOLANG),
        ]
    }

    fn version(&self) -> String {
        self.machines.map(|machines| machines.birth().version.clone()).unwrap_or_default()
    }

    /// What a scheduler or controller manager says on its way to work, with a lease where it is to lead.
    pub(super) fn greeting(&self, given: &Given, lease: Option<&Lease>) -> Greeting {
        let attempting = lease.map(|Lease { namespace, name }| {
            let text = format!("\"Attempting to acquire leader lease...\" lock=\"{namespace}/{name}\"");
            ("leaderelection.go:258", text)
        });
        match self.program {
            "kube-scheduler" => self.scheduling(given, attempting),
            _ => self.managing(given, attempting),
        }
    }

    pub(super) fn told(&self, lines: &[(&str, String)]) -> Vec<String> {
        lines.iter().map(|(place, text)| self.line('I', place, text)).collect()
    }

    pub(super) fn api(&self, given: &Given) -> Vec<String> {
        let loaded = |list: &str, kind: &str| {
            let count = list.split(',').count();
            format!("Loaded {count} {kind} admission controller(s) successfully in the following order: {list}.")
        };
        let port = given.get("secure-port").unwrap_or("6443");
        let file = |flag: &str| given.get(flag).unwrap_or_default().to_owned();
        let starting = |name: String| format!("\"Starting controller\" name={name:?}");
        let serving = format!("serving-cert::{}::{}", file("tls-cert-file"), file("tls-private-key-file"));
        let rest = [
            ("shared_informer.go:349", waiting("node_authorizer")),
            ("plugins.go:157", loaded(MUTATING, "mutating")),
            ("plugins.go:160", loaded(VALIDATING, "validating")),
            ("instance.go:240", "Using reconciler: lease".to_owned()),
            (
                "dynamic_cafile_content.go:161",
                starting(format!("request-header::{}", file("requestheader-client-ca-file"))),
            ),
            ("dynamic_cafile_content.go:161", starting(format!("client-ca-bundle::{}", file("client-ca-file")))),
            ("dynamic_serving_content.go:135", starting(serving)),
            ("secure_serving.go:211", format!("Serving securely on [::]:{port}")),
            ("tlsconfig.go:243", "\"Starting DynamicServingCertificateController\"".to_owned()),
            (
                "cluster_authentication_trust_controller.go:459",
                "Starting cluster_authentication_trust_controller controller".to_owned(),
            ),
            ("apf_controller.go:377", "Starting API Priority and Fairness config controller".to_owned()),
            ("system_namespaces_controller.go:66", "Starting system namespaces controller".to_owned()),
            ("autoregister_controller.go:144", "Starting autoregister controller".to_owned()),
            ("shared_informer.go:356", synced("node_authorizer")),
            ("shared_informer.go:356", synced("cluster_authentication_trust_controller")),
            ("shared_informer.go:356", synced("configmaps")),
            (
                "storage_scheduling.go:139",
                "all system priority classes are created successfully or already exist.".to_owned(),
            ),
        ];
        let before = self.machine.map(|machine| self.before_etcd(machine)).unwrap_or_default();
        [before, self.told(&rest)].concat()
    }

    fn served(&self, given: &Given, usual: &str) -> [(&'static str, String); 2] {
        let address = given.get("bind-address").filter(|address| *address != "0.0.0.0").unwrap_or("[::]");
        let port = given.get("secure-port").unwrap_or(usual);
        [
            ("secure_serving.go:211", format!("Serving securely on {address}:{port}")),
            ("tlsconfig.go:243", "\"Starting DynamicServingCertificateController\"".to_owned()),
        ]
    }

    fn scheduling(&self, given: &Given, attempting: Option<Told>) -> Greeting {
        let authority = "client-ca::kube-system::extension-apiserver-authentication::client-ca-file";
        let [serving, certificates] = self.served(given, "10259");
        let first = vec![
            ("server.go:175", format!("\"Starting Kubernetes Scheduler\" version={:?}", self.version())),
            ("server.go:177", GOLANG.to_owned()),
            serving,
            ("configmap_cafile_content.go:205", format!("\"Starting controller\" name={authority:?}")),
            ("shared_informer.go:370", "\"Waiting for caches to sync\"".to_owned()),
            certificates,
        ];
        // It elects nobody before it has listed everything.
        let synced = ("shared_informer.go:377", "\"Caches are synced\"".to_owned());
        let reached = [synced].into_iter().chain(attempting).collect();
        Greeting { first, reached, works: Vec::new() }
    }

    fn managing(&self, given: &Given, attempting: Option<Told>) -> Greeting {
        let file = |flag: &str| given.get(flag).unwrap_or_default().to_owned();
        let starting = |name: String| format!("\"Starting controller\" name={name:?}");
        let [serving, certificates] = self.served(given, "10257");
        let mut first = vec![
            ("controllermanager.go:189", format!("\"Starting\" version={:?}", self.version())),
            ("controllermanager.go:191", GOLANG.to_owned()),
            (
                "dynamic_cafile_content.go:161",
                starting(format!("request-header::{}", file("requestheader-client-ca-file"))),
            ),
            ("dynamic_cafile_content.go:161", starting(format!("client-ca-bundle::{}", file("client-ca-file")))),
            serving,
            certificates,
        ];
        first.extend(attempting);
        let waits = SYNCED.iter().map(|name| ("shared_informer.go:349", waiting(name)));
        let syncs = SYNCED.iter().map(|name| ("shared_informer.go:356", synced(name)));
        let mut works: Vec<Told> = waits.chain(syncs).collect();
        works.push(("garbagecollector.go:166", "\"Garbage collector: all resource monitors have synced\"".to_owned()));
        Greeting { first, reached: Vec::new(), works }
    }

    pub(super) fn etcd(&self, given: &Given) -> Vec<String> {
        let name = given.get("name").unwrap_or("default");
        let id = hash(&[name, "member"]).get(..16).unwrap_or_default().to_owned();
        let cluster = hash(&["cluster"]).get(..16).unwrap_or_default().to_owned();
        let urls = |flag: &str| {
            let urls = given.get(flag).unwrap_or_default();
            urls.split(',').filter(|url| !url.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let (clients, peers) = (urls("listen-client-urls"), urls("listen-peer-urls"));
        let data = given.get("data-dir").unwrap_or("default.etcd");
        let version = meta::text(self.starting.of.1, "/image").rsplit_once(':').map_or("", |(_, tag)| tag);
        let version = version.split('-').next().unwrap_or_default();
        let mut lines = vec![
            ("etcdmain/etcd.go:64", "Running: ", json!({ "args": self.starting.words })),
            ("embed/etcd.go:139", "configuring peer listeners", json!({ "listen-peer-urls": peers })),
            ("embed/etcd.go:147", "configuring client listeners", json!({ "listen-client-urls": clients })),
            (
                "embed/etcd.go:324",
                "starting an etcd server",
                json!({ "etcd-version": version, "go-os": "linux", "go-arch": "amd64",
                "name": name, "data-dir": data, "listen-peer-urls": peers, "listen-client-urls": clients,
                "initial-advertise-peer-urls": urls("initial-advertise-peer-urls"), "advertise-client-urls": urls("advertise-client-urls") }),
            ),
            (
                "storage/backend.go:80",
                "opened backend db",
                json!({ "path": format!("{data}/member/snap/db"), "took": "2.318941ms" }),
            ),
            ("etcdserver/server.go:499", "starting initial election tick advance", json!({ "election-ticks": 10 })),
            ("embed/etcd.go:612", "cmux::serve", json!({ "address": peers.first().map(|url| bare(url)) })),
            (
                "etcdserver/server.go:1821",
                "published local member to cluster through raft",
                json!({ "local-member-id": id,
                "local-member-attributes": format!("{{Name:{name} ClientURLs:[{}]}}", urls("advertise-client-urls").join(" ")),
                "cluster-id": cluster, "publish-timeout": "7s" }),
            ),
            ("embed/serve.go:138", "ready to serve client requests", json!({})),
        ];
        let serving = |url: &String| {
            (
                "embed/serve.go:284",
                "serving client traffic securely",
                json!({ "traffic": "grpc+http", "address": bare(url) }),
            )
        };
        lines.extend(clients.iter().map(serving));
        let stamp = self.starting.now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let shown = |(caller, message, fields): &(&str, &str, serde_json::Value)| {
            let fields = fields.as_object().into_iter().flatten();
            let rest: String = fields.map(|(key, value)| format!(",{key:?}:{value}")).collect();
            format!("{{\"level\":\"info\",\"ts\":\"{stamp}\",\"caller\":{caller:?},\"msg\":{message:?}{rest}}}")
        };
        lines.iter().map(shown).collect()
    }
}

const GOLANG: &str = "\"Golang settings\" GOGC=\"\" GOMAXPROCS=\"\" GOTRACEBACK=\"\"";

fn waiting(controller: &str) -> String {
    format!("\"Waiting for caches to sync\" controller={controller:?}")
}

fn synced(controller: &str) -> String {
    format!("\"Caches are synced\" controller={controller:?}")
}

/// An address without its scheme.
fn bare(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}
