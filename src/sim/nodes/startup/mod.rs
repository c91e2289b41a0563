//! How a kubelet starts on a machine: what it reads, what it ends with when something is wrong, and what it writes meanwhile.
//! Flags, configuration and kubeconfig are read beside it; that it is started at all is systemd's. Source: `cmd/kubelet/app/server.go`.

pub mod access;
mod config;
pub mod flags;
mod registration;
pub mod resources;
mod settings;
pub mod typed;

use jiff::Timestamp;
use serde_json::Value;

use self::access::{Access, file_fault};
use crate::object::meta;
use crate::sim::apiserver::pki;
use crate::sim::machine::root::Root;
use crate::sim::machine::services::{CONTAINERD, CONTAINERD_SOCKETS, KubeletRun};
use crate::sim::machine::swap;
use crate::sim::machine::{Machine, Machines};

/// A line as klog writes it.
pub fn klog(level: char, (now, pid): (Timestamp, u32), place: &str, text: &str) -> String {
    format!("{level}{} {pid:>7} {place}] {text}", now.strftime("%m%d %H:%M:%S.%6f"))
}

/// A kubelet about to start.
pub struct Startup<'a> {
    pub machines: &'a Machines,
    pub machine: &'a Machine,
    pub root: &'a Root,
    pub now: Timestamp,
    pub pid: u32,
}

impl Startup<'_> {
    fn log(&self, level: char, place: &str, text: &str) {
        let line = klog(level, (self.now, self.pid), place, text);
        self.machine.log(("kubelet.service", self.pid), self.now, line);
    }

    /// Starts it with these words; `None` when it ended, with what it said in the journal.
    pub fn run(&self, words: &[String]) -> Option<KubeletRun> {
        match self.begin(words) {
            Ok(run) => {
                self.greet(&run);
                Some(run)
            }
            Err(why) => {
                self.log('E', "run.go:72", &format!("\"command failed\" err={why:?}"));
                None
            }
        }
    }

    fn begin(&self, words: &[String]) -> Result<KubeletRun, String> {
        let given = flags::read("kubelet", words.get(1..).unwrap_or_default());
        let given = given.map_err(|why| format!("failed to parse kubelet flag: {why}"))?;
        let (labels, taints) = (registration::labels(&given)?, registration::taints(&given)?);
        let config = self.configuration(given.get("config"))?;
        self.log(
            'I',
            "server.go:525",
            &format!("\"Kubelet version\" kubeletVersion={:?}", self.machines.birth().version),
        );
        self.log('I', "server.go:527", "\"Golang settings\" GOGC=\"\" GOMAXPROCS=\"\" GOTRACEBACK=\"\"");
        let access = self.access((given.get("kubeconfig"), given.get("bootstrap-kubeconfig")))?;
        self.client_authority(&config)?;
        self.authorization(&config)?;
        self.runtime((&config, given.get("container-runtime-endpoint")))?;
        let resources = resources::told(&settings::with_flags(&config, &given))?;
        self.swap((&config, given.get("fail-swap-on")))?;
        Ok(KubeletRun { access, labels, taints, resources: Some(resources), ..self.told((&config, &given)) })
    }

    /// The way to the API server, or how to get one for the first time. Source: `pkg/kubelet/certificate/bootstrap/bootstrap.go`.
    fn access(&self, (path, bootstrap): (Option<&str>, Option<&str>)) -> Result<Option<Access>, String> {
        let reader = |path: &str| self.root.text(path);
        let Some(path) = path else { return Ok(None) };
        let bootstrapping = || {
            let bootstrap = bootstrap?;
            let why = reader(bootstrap).err()?;
            let why = format!("stat {bootstrap}: {}", file_fault(&why));
            Some(format!("failed to run Kubelet: unable to load bootstrap kubeconfig: {why}"))
        };
        if !self.root.exists(path)
            && let Some(why) = bootstrapping()
        {
            return Err(why);
        }
        let access = Access::read(path, &reader).map_err(|why| {
            let why = if why.starts_with("invalid configuration") { why } else { format!("error loading: {why}") };
            format!("failed to run Kubelet: invalid kubeconfig: {}", why.trim_start_matches("error loading: "))
        })?;
        if let Some(end) = access.client_expires(self.machines).filter(|end| *end < self.now)
            && let Some(why) = bootstrapping()
        {
            let part = format!(
                "part of the existing bootstrap client certificate in {path} is expired: {}",
                end.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
            );
            self.log('E', "bootstrap.go:241", &format!("\"Unhandled Error\" err={part:?} logger=\"UnhandledError\""));
            return Err(why);
        }
        Ok(Some(access))
    }

    fn client_authority(&self, config: &Value) -> Result<(), String> {
        let path = meta::text(config, "/authentication/x509/clientCAFile");
        if path.is_empty() {
            return Ok(());
        }
        let failed = |why: String| {
            format!("failed to construct kubelet dependencies: unable to load client CA file {path}: {why}")
        };
        let text = self.root.text(path).map_err(|error| failed(format!("open {path}: {}", file_fault(&error))))?;
        match pki::certificate_der(&text) {
            Ok(_) => Ok(()),
            Err(_) => Err(failed("data does not contain any valid RSA or ECDSA certificates".to_owned())),
        }
    }

    /// Whether a container runtime answers where the kubelet looks for it.
    fn runtime(&self, (config, flag): (&Value, Option<&str>)) -> Result<(), String> {
        let configured = meta::text(config, "/containerRuntimeEndpoint");
        let endpoint = flag.unwrap_or(configured);
        let endpoint = if endpoint.is_empty() { "unix:///run/containerd/containerd.sock" } else { endpoint };
        let path = endpoint.trim_start_matches("unix://");
        let failed = |why: &str| {
            format!(
                "failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint {endpoint:?}: rpc error: {why}"
            )
        };
        if !CONTAINERD_SOCKETS.contains(&path) || !self.machine.services().is_running(CONTAINERD) {
            let why = format!(
                "code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix {path}: connect: no such file or directory\""
            );
            return Err(failed(&why));
        }
        let settings = self.root.text("/etc/containerd/config.toml").unwrap_or_default();
        let disabled = settings.lines().map(str::trim).filter(|line| line.starts_with("disabled_plugins"));
        if disabled.into_iter().any(|line| line.contains("cri")) {
            return Err(failed("code = Unimplemented desc = unknown service runtime.v1.RuntimeService"));
        }
        Ok(())
    }

    /// Whether the machine swaps although it may not. Source: `pkg/kubelet/cm/container_manager_linux.go`.
    fn swap(&self, (config, flag): (&Value, Option<&str>)) -> Result<(), String> {
        let minds = flag.map_or(config["failSwapOn"] != false, |flag| flag != "false");
        if !minds || swap::used(self.machine).is_empty() {
            return Ok(());
        }
        Err("failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false".to_owned())
    }

    /// What a kubelet writes that has started.
    fn greet(&self, run: &KubeletRun) {
        let lines = [
            ("kubelet.go:482", "\"Attempting to sync node with API server\"".to_owned()),
            ("kubelet.go:383", format!("\"Adding static pod path\" path={:?}", run.static_pods.as_deref().unwrap_or_default())),
            ("kubelet.go:394", "\"Adding apiserver pod source\"".to_owned()),
            ("apiserver.go:42", "\"Waiting for node sync before watching apiserver pods\"".to_owned()),
            ("kuberuntime_manager.go:294", "\"Container runtime initialized\" containerRuntime=\"containerd\" version=\"v2.1.4\" apiVersion=\"v1\"".to_owned()),
            ("server.go:1418", format!("\"Using cgroup driver setting received from the CRI runtime\" cgroupDriver={:?}", self.cgroup_driver())),
            ("server.go:1257", "\"Started kubelet\"".to_owned()),
            ("server.go:182", "\"Starting to listen\" address=\"0.0.0.0\" port=10250".to_owned()),
            ("volume_manager.go:311", "\"Starting Kubelet Volume Manager\"".to_owned()),
            ("kubelet.go:2501", "\"Starting kubelet main sync loop\"".to_owned()),
            ("kubelet_node_status.go:74", format!("\"Attempting to register node\" node={:?}", self.machine.name)),
        ];
        let paths = |place: &str| place == "kubelet.go:383" && run.static_pods.is_none();
        lines.iter().filter(|(place, _)| !paths(place)).for_each(|(place, text)| self.log('I', place, text));
    }

    /// What it writes about its Node; `why` is what came in between.
    pub fn registered(&self, access: &Access, why: Option<&str>) {
        let name = &self.machine.name;
        let Some(why) = why else {
            let text = format!("\"Successfully registered node\" node={name:?}");
            return self.log('I', "kubelet_node_status.go:77", &text);
        };
        let failed = format!("Post \"{}/api/v1/nodes\": {why}", access.server);
        let failed = if why == "Unauthorized" { why.to_owned() } else { failed };
        let text = format!("\"Unable to register node with API server\" err={failed:?} node={name:?}");
        self.log('E', "kubelet_node_status.go:106", &text);
    }
}
