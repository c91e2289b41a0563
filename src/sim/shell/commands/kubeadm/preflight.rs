//! What kubeadm looks at before it does anything: the checks and the form in which their errors are told.
//! Source: `cmd/kubeadm/app/preflight/checks.go`.

use serde_json::Value;

use super::release::Release;
use super::{Done, Typed};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::machine::packages::program_version;
use crate::sim::machine::parameters::Parameters;
use crate::sim::machine::services::{CONTAINERD, CONTAINERD_SOCKETS, KUBELET, Systemd};
use crate::sim::machine::swap;

/// Where kubeadm looks for a container runtime when nobody names one.
pub const SOCKET: &str = "unix:///var/run/containerd/containerd.sock";

/// What checks found: a check's name and what it says.
#[derive(Default)]
pub struct Findings {
    errors: Vec<(String, String)>,
    warnings: Vec<(String, String)>,
}

impl Findings {
    /// Adds an error of a check.
    pub fn error(&mut self, check: impl Into<String>, why: impl Into<String>) {
        self.errors.push((check.into(), why.into()));
    }

    /// Adds what only is to be known.
    pub fn warning(&mut self, check: impl Into<String>, why: impl Into<String>) {
        self.warnings.push((check.into(), why.into()));
    }

    /// Adds an error where a file is already there.
    pub fn absent(&mut self, typed: &Typed, path: &str) -> Done {
        if typed.root()?.exists(path) {
            self.error(format!("FileAvailable-{}", path.replace('/', "-")), format!("{path} already exists"));
        }
        Ok(())
    }

    /// Adds an error where a component of the control plane runs on the machine, and has a port.
    pub fn free(&mut self, typed: &Typed, port: u16, component: &str) {
        let pod =
            typed.call.inside.client.find(&POD, "kube-system", &format!("{component}-{}", typed.call.machine.name));
        let running = |status: &Value| status.pointer("/state/running").is_some();
        if pod.is_some_and(|pod| meta::list(&pod, "/status/containerStatuses").iter().any(running)) {
            self.error(format!("Port-{port}"), format!("Port {port} is in use"));
        }
    }

    /// Tells them: errors that are to be ignored as warnings. The others end it.
    pub fn tell(&self, typed: &Typed, ignored: &[String]) -> Done {
        let is_ignored = |check: &str| ignored.iter().any(|name| name == "all" || name.eq_ignore_ascii_case(check));
        let warnings = self.warnings.iter().chain(self.errors.iter().filter(|(check, _)| is_ignored(check)));
        warnings.for_each(|(check, why)| typed.call.complain(format_args!("\t[WARNING {check}]: {why}")));
        let errors: Vec<_> = self.errors.iter().filter(|(check, _)| !is_ignored(check)).collect();
        if errors.is_empty() {
            return Ok(());
        }
        typed.call.complain("[preflight] Some fatal errors occurred:");
        errors.iter().for_each(|(check, why)| typed.call.complain(format_args!("\t[ERROR {check}]: {why}")));
        typed.call.complain("[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`");
        Err("preflight checks failed".to_owned())
    }
}

/// Adds what is wrong with the container runtime at a socket. Source: `k8s.io/cri-client/pkg/remote_runtime.go`.
fn runtime(typed: &Typed, socket: &str, findings: &mut Findings) {
    let path = socket.trim_start_matches("unix://");
    let is_there = CONTAINERD_SOCKETS.contains(&path) && !typed.call.machine.services().is_down(CONTAINERD);
    let settings =
        typed.root().and_then(|root| root.text("/etc/containerd/config.toml").map_err(|error| error.to_string()));
    let settings = settings.unwrap_or_default();
    let disabled =
        settings.lines().map(str::trim).any(|line| line.starts_with("disabled_plugins") && line.contains("cri"));
    let why = match (is_there, disabled) {
        (true, false) => return,
        (true, true) => "code = Unimplemented desc = unknown service runtime.v1.RuntimeService".to_owned(),
        (false, _) => format!(
            "code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix {path}: connect: no such file or directory\""
        ),
    };
    let why = format!(
        "could not connect to the container runtime: failed to create new CRI runtime service: validate service connection: validate CRI v1 runtime API for endpoint {socket:?}: rpc error: {why}"
    );
    findings.error("CRI", why.as_str());
    findings.error("ContainerRuntimeVersion", why);
}

/// What every machine that joins or begins a cluster must have: a runtime at a socket, and a kubelet that fits the version, if one
/// is asked for.
pub fn machine(typed: &Typed, (socket, version): (&str, Option<&str>), findings: &mut Findings) -> Done {
    let root = typed.root()?;
    runtime(typed, socket, findings);
    if !swap::used(&typed.call.machine).is_empty() {
        findings.warning("Swap", "swap is supported for cgroup v2 only. The kubelet must be properly configured to use swap. Please refer to https://kubernetes.io/docs/concepts/architecture/nodes/#swap-memory, or disable swap on the node");
    }
    let Some(kubelet) = program_version(root, "kubelet") else {
        let why =
            "couldn't get kubelet version: cannot execute 'kubelet --version': executable file not found in $PATH";
        findings.error("SystemVerification", why);
        findings.error("KubeletVersion", why);
        return Ok(());
    };
    let (kubelet, kubeadm) = (Release::read(&kubelet), Release::read(&typed.version()?));
    let wanted = version.map_or(kubeadm, Release::read);
    if let (Some(kubelet), Some(kubeadm), Some(wanted)) = (kubelet, kubeadm, wanted) {
        if kubelet.minor > wanted.minor {
            let why = format!(
                "the kubelet version is higher than the control plane version. This is not a supported version skew and may lead to a malfunctional cluster. Kubelet version: {:?} Control plane version: {:?}",
                bare(kubelet),
                bare(wanted)
            );
            findings.error("KubeletVersion", why);
        } else if kubelet.minor + 3 < kubeadm.minor {
            let why = format!(
                "Kubelet version {:?} is lower than kubeadm can support. Please upgrade kubelet",
                bare(kubelet)
            );
            findings.error("KubeletVersion", why);
        }
    }
    let systemd = Systemd { machine: &typed.call.machine, root, now: typed.now() };
    if !systemd.is_enabled(KUBELET) {
        findings.warning(
            "Service-kubelet",
            "kubelet service is not enabled, please run 'systemctl enable kubelet.service'",
        );
    }
    let services = typed.call.machine.services();
    let comes = services.is_fresh(KUBELET) && root.exists("/var/lib/kubelet/config.yaml");
    if comes || services.kubelet().is_some() {
        findings.error("Port-10250", "Port 10250 is in use");
    }
    if Parameters::of(&typed.call.machine).get("net.ipv4.ip_forward") != Some("1") {
        findings.error(
            "FileContent--proc-sys-net-ipv4-ip_forward",
            "/proc/sys/net/ipv4/ip_forward contents are not set to 1",
        );
    }
    Ok(())
}

fn bare(release: Release) -> String {
    release.to_string().trim_start_matches('v').to_owned()
}
