//! What kubeadm looks at before it does anything: the checks and the form in which their errors are told.
//! Source: `cmd/kubeadm/app/preflight/checks.go`.

use super::release::Release;
use super::{Done, Typed};
use crate::sim::machine::packages::program_version;
use crate::sim::shell::flags::Flags;

/// What checks found: a check's name and what it says.
#[derive(Default)]
pub struct Findings(Vec<(String, String)>);

impl Findings {
    /// Adds an error of a check.
    pub fn error(&mut self, check: impl Into<String>, why: impl Into<String>) {
        self.0.push((check.into(), why.into()));
    }

    /// Adds an error where a file is already there.
    pub fn absent(&mut self, typed: &Typed, path: &str) -> Done {
        if typed.root()?.exists(path) {
            self.error(format!("FileAvailable-{}", path.replace('/', "-")), format!("{path} already exists"));
        }
        Ok(())
    }

    /// Tells them: errors that are to be ignored as warnings. The others end it.
    pub fn tell(&self, typed: &Typed, flags: &Flags) -> Done {
        let ignored = flags.all("ignore-preflight-errors").iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
        let is_ignored = |check: &str| ignored.iter().any(|name| name == "all" || *name == check.to_lowercase());
        for (check, why) in self.0.iter().filter(|(check, _)| is_ignored(check)) {
            typed.call.complain(format_args!("\t[WARNING {check}]: {why}"));
        }
        let errors: Vec<_> = self.0.iter().filter(|(check, _)| !is_ignored(check)).collect();
        if errors.is_empty() {
            return Ok(());
        }
        typed.call.complain("[preflight] Some fatal errors occurred:");
        errors.iter().for_each(|(check, why)| typed.call.complain(format_args!("\t[ERROR {check}]: {why}")));
        typed.call.complain("[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`");
        Err("preflight checks failed".to_owned())
    }
}

/// What every machine that joins or begins a cluster must have.
pub fn machine(typed: &Typed, findings: &mut Findings) -> Done {
    let root = typed.root()?;
    let Some(kubelet) = program_version(root, "kubelet") else {
        let why =
            "couldn't get kubelet version: cannot execute 'kubelet --version': executable file not found in $PATH";
        findings.error("SystemVerification", why);
        findings.error("KubeletVersion", why);
        return Ok(());
    };
    let (kubelet, kubeadm) = (Release::read(&kubelet), Release::read(&typed.version()?));
    if let (Some(kubelet), Some(kubeadm)) = (kubelet, kubeadm) {
        if kubelet.minor > kubeadm.minor {
            let why = format!(
                "the kubelet version is higher than the control plane version. This is not a supported version skew and may lead to a malfunctional cluster. Kubelet version: {:?} Control plane version: {:?}",
                bare(kubelet),
                bare(kubeadm)
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
    let forwarded = root.list("/etc/sysctl.d").unwrap_or_default().iter().any(|name| {
        let text = root.text(&format!("/etc/sysctl.d/{name}")).unwrap_or_default();
        text.lines().any(|line| line.replace(' ', "") == "net.ipv4.ip_forward=1")
    });
    if !forwarded {
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
