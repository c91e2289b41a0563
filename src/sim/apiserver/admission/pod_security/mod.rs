//! PodSecurity: namespaces say by their labels how careful Pods must be; workloads are warned, Pods refused.
//! The checks of a level stand in `baseline.rs` and `restricted.rs`. Source: `k8s.io/pod-security-admission`.

mod baseline;
mod evaluate;
mod policy;
mod restricted;
mod words;

use serde_json::Value;

use super::Plugin;
use policy::Level;

pub const PLUGIN: Plugin = Plugin { name: "PodSecurity", validate: evaluate::validate, ..Plugin::NOTHING };

/// A Pod or a template, as a check sees it.
#[derive(Clone, Copy)]
struct Subject<'a> {
    metadata: &'a Value,
    spec: &'a Value,
    /// The minor version of the policy; `u32::MAX` for the latest.
    minor: u32,
}

/// What a check finds: a reason, and where.
type Violation = (String, String);

/// One check of a level.
struct Check {
    /// Its name upstream.
    id: &'static str,
    level: Level,
    /// The first minor version that has it.
    since: u32,
    /// The check of the level below that this one replaces.
    overrides: &'static str,
    check: fn(Subject) -> Option<Violation>,
}

const fn baseline(id: &'static str, since: u32, check: fn(Subject) -> Option<Violation>) -> Check {
    Check { id, level: Level::Baseline, since, overrides: "", check }
}

const fn restricted(id: &'static str, since: u32, check: fn(Subject) -> Option<Violation>) -> Check {
    Check { id, level: Level::Restricted, since, overrides: "", check }
}

/// Every check: those of baseline first, each level in the order of the checks' names.
static CHECKS: &[Check] = &[
    baseline("appArmorProfile", 0, baseline::app_armor),
    baseline("capabilities_baseline", 0, baseline::capabilities),
    baseline("hostNamespaces", 0, baseline::host_namespaces),
    baseline("hostPathVolumes", 0, baseline::host_paths),
    baseline("hostPorts", 0, baseline::host_ports),
    baseline("hostProbesAndHostLifecycle", 34, baseline::host_probes),
    baseline("privileged", 0, baseline::privileged),
    baseline("procMount", 0, baseline::proc_mount),
    baseline("seLinuxOptions", 0, baseline::se_linux),
    baseline("seccompProfile_baseline", 0, baseline::seccomp),
    baseline("sysctls", 0, baseline::sysctls),
    baseline("windowsHostProcess", 0, baseline::windows_host_process),
    restricted("allowPrivilegeEscalation", 8, restricted::privilege_escalation),
    Check { overrides: "capabilities_baseline", ..restricted("capabilities_restricted", 22, restricted::capabilities) },
    Check { overrides: "procMount", ..restricted("procMount_restricted", 35, baseline::plain_proc_mount) },
    Check { overrides: "hostPathVolumes", ..restricted("restrictedVolumes", 0, restricted::volumes) },
    restricted("runAsNonRoot", 0, restricted::run_as_non_root),
    restricted("runAsUser", 23, restricted::run_as_user),
    Check { overrides: "seccompProfile_baseline", ..restricted("seccompProfile_restricted", 19, restricted::seccomp) },
];
