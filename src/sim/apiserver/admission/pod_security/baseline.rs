//! The checks of level baseline: nothing that is known to lead out of the container.
//! Source: `k8s.io/pod-security-admission/policy/check_*.go`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::words::{containers, plural, quoted, setters, values};
use super::{Subject, Violation};
use crate::object::meta;

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// Sysctls that are safe, and since which version they are held so.
const SYSCTLS: [(&str, u32); 12] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
];
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

pub fn app_armor(subject: Subject) -> Option<Violation> {
    let (pod, names, found) =
        values(subject, "appArmorProfile/type", |kind| !matches!(kind, "RuntimeDefault" | "Localhost"));
    let fine = |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
    let annotations = meta::map(subject.metadata, "/annotations").into_iter().flatten();
    let mut annotated: Vec<String> = annotations
        .filter(|(key, value)| key.starts_with(APP_ARMOR) && !fine(value.as_str().unwrap_or_default()))
        .map(|(key, value)| format!("{key}={:?}", value.as_str().unwrap_or_default()))
        .collect();
    annotated.sort();
    let word = (!annotated.is_empty()).then(|| plural("annotation", "annotations", annotated.len()).to_owned());
    let who: Vec<String> = setters(pod, &names).into_iter().chain(word).collect();
    if who.is_empty() {
        return None;
    }
    let bad: Vec<&str> = found.into_iter().chain(annotated.iter().map(String::as_str)).collect();
    let reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", bad.len());
    let detail = format!("{} must not set AppArmor profile type to {}", who.join(" and "), quoted(bad));
    Some((reason.to_owned(), detail))
}

pub fn capabilities(subject: Subject) -> Option<Violation> {
    let bad = |container: &Value| -> Vec<String> {
        let added = meta::list(container, "/securityContext/capabilities/add").iter().filter_map(Value::as_str);
        added.filter(|name| !CAPABILITIES.contains(name)).map(str::to_owned).collect()
    };
    let names = subject.named(|container| !bad(container).is_empty());
    let found: BTreeSet<String> = subject.containers().flat_map(bad).collect();
    let detail = || {
        let added = quoted(found.iter().map(String::as_str));
        format!("{} must not include {added} in securityContext.capabilities.add", containers(&names))
    };
    (!names.is_empty()).then(|| ("non-default capabilities".to_owned(), detail()))
}

pub fn host_namespaces(subject: Subject) -> Option<Violation> {
    let shared = ["hostNetwork", "hostPID", "hostIPC"];
    let set = |key: &&&str| subject.spec.get(**key) == Some(&Value::Bool(true));
    let found: Vec<String> = shared.iter().filter(set).map(|key| format!("{key}=true")).collect();
    (!found.is_empty()).then(|| ("host namespaces".to_owned(), found.join(", ")))
}

pub fn host_paths(subject: Subject) -> Option<Violation> {
    let volumes = meta::list(subject.spec, "/volumes").iter();
    let names: Vec<&str> =
        volumes.filter(|volume| volume.get("hostPath").is_some()).map(|volume| meta::text(volume, "/name")).collect();
    let detail = || format!("{} {}", plural("volume", "volumes", names.len()), quoted(names.iter().copied()));
    (!names.is_empty()).then(|| ("hostPath volumes".to_owned(), detail()))
}

pub fn host_ports(subject: Subject) -> Option<Violation> {
    let bad = |container: &Value| -> Vec<String> {
        let ports = meta::list(container, "/ports").iter().filter_map(|port| meta::number(port, "/hostPort"));
        ports.filter(|port| *port != 0).map(|port| port.to_string()).collect()
    };
    let names = subject.named(|container| !bad(container).is_empty());
    let found: BTreeSet<String> = subject.containers().flat_map(bad).collect();
    let detail = || {
        let uses = plural("uses", "use", names.len());
        let ports = plural("hostPort", "hostPorts", found.len());
        format!("{} {uses} {ports} {}", containers(&names), found.iter().cloned().collect::<Vec<_>>().join(", "))
    };
    (!names.is_empty()).then(|| ("hostPort".to_owned(), detail()))
}

pub fn host_probes(subject: Subject) -> Option<Violation> {
    let handlers = ["/livenessProbe", "/readinessProbe", "/startupProbe", "/lifecycle/postStart", "/lifecycle/preStop"];
    let bad = |container: &Value| -> Vec<String> {
        let places = handlers.iter().flat_map(|at| [format!("{at}/httpGet/host"), format!("{at}/tcpSocket/host")]);
        let hosts = places.map(|place| meta::text(container, &place).to_owned());
        hosts.filter(|host| !host.is_empty()).collect()
    };
    let names: BTreeSet<&str> = subject.named(|container| !bad(container).is_empty()).into_iter().collect();
    let names: Vec<&str> = names.into_iter().collect();
    let found: BTreeSet<String> = subject.containers().flat_map(bad).collect();
    let detail = || {
        let uses = plural("uses", "use", names.len());
        let hosts = plural("probe or lifecycle host", "probe or lifecycle hosts", found.len());
        format!("{} {uses} {hosts} {}", containers(&names), quoted(found.iter().map(String::as_str)))
    };
    (!names.is_empty()).then(|| ("probe or lifecycle host".to_owned(), detail()))
}

pub fn privileged(subject: Subject) -> Option<Violation> {
    let names = subject.named(|container| meta::truth(container, "/securityContext/privileged"));
    let detail = || format!("{} must not set securityContext.privileged=true", containers(&names));
    (!names.is_empty()).then(|| ("privileged".to_owned(), detail()))
}

pub fn proc_mount(subject: Subject) -> Option<Violation> {
    if subject.has_own_users() { None } else { plain_proc_mount(subject) }
}

/// Also of level restricted, which does not relax it.
pub fn plain_proc_mount(subject: Subject) -> Option<Violation> {
    let kind = |container: &Value| meta::text(container, "/securityContext/procMount").to_owned();
    let is_bad = |kind: &String| !kind.is_empty() && kind != "Default";
    let names = subject.named(|container| is_bad(&kind(container)));
    let found: BTreeSet<String> = subject.containers().map(kind).filter(is_bad).collect();
    let detail = || {
        let kinds = quoted(found.iter().map(String::as_str));
        format!("{} must not set securityContext.procMount to {kinds}", containers(&names))
    };
    (!names.is_empty()).then(|| ("procMount".to_owned(), detail()))
}

pub fn se_linux(subject: Subject) -> Option<Violation> {
    let allowed = |kind: &str| match kind {
        "" | "container_t" | "container_init_t" | "container_kvm_t" => true,
        other => other == "container_engine_t" && subject.minor >= 31,
    };
    let options = |object: &Value| object.pointer("/securityContext/seLinuxOptions").cloned().unwrap_or_default();
    let is_bad = |options: &Value| {
        let text = |pointer| meta::text(options, pointer);
        !allowed(text("/type")) || !text("/user").is_empty() || !text("/role").is_empty()
    };
    let pod = is_bad(&options(subject.spec));
    let names = subject.named(|container| is_bad(&options(container)));
    let who = setters(pod, &names)?;
    let all: Vec<Value> = std::iter::once(subject.spec).chain(subject.containers()).map(options).collect();
    let kinds: BTreeSet<&str> = all.iter().map(|one| meta::text(one, "/type")).filter(|kind| !allowed(kind)).collect();
    let mut data = Vec::new();
    if !kinds.is_empty() {
        data.push(format!("{} {}", plural("type", "types", kinds.len()), quoted(kinds)));
    }
    for key in ["user", "role"] {
        if all.iter().any(|one| !meta::text(one, &format!("/{key}")).is_empty()) {
            data.push(format!("{key} may not be set"));
        }
    }
    let detail = format!("{who} set forbidden securityContext.seLinuxOptions: {}", data.join("; "));
    Some(("seLinuxOptions".to_owned(), detail))
}

/// Whether a seccomp profile is one that may be named.
pub fn bad_seccomp(kind: &str) -> bool {
    !matches!(kind, "Localhost" | "RuntimeDefault")
}

pub fn seccomp(subject: Subject) -> Option<Violation> {
    if subject.minor < 19 {
        return annotated_seccomp(subject);
    }
    let (pod, names, found) = values(subject, "seccompProfile/type", bad_seccomp);
    let who = setters(pod, &names)?;
    let detail = format!("{who} must not set securityContext.seccompProfile.type to {}", quoted(found));
    Some(("seccompProfile".to_owned(), detail))
}

/// Before 1.19 a profile was an annotation.
fn annotated_seccomp(subject: Subject) -> Option<Violation> {
    let own = |container| format!("container.seccomp.security.alpha.kubernetes.io/{}", meta::text(container, "/name"));
    let pod = "seccomp.security.alpha.kubernetes.io/pod".to_owned();
    let annotations = meta::map(subject.metadata, "/annotations")?;
    let fine = |value: &str| matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/");
    let bad = |key: String| {
        let value = annotations.get(&key).and_then(Value::as_str)?;
        (!fine(value)).then(|| format!("{key}={value:?}"))
    };
    let found: BTreeSet<String> = std::iter::once(pod).chain(subject.containers().map(own)).filter_map(bad).collect();
    let found: Vec<String> = found.into_iter().collect();
    let detail = || format!("forbidden {} {}", plural("annotation", "annotations", found.len()), found.join(", "));
    (!found.is_empty()).then(|| ("seccompProfile".to_owned(), detail()))
}

pub fn sysctls(subject: Subject) -> Option<Violation> {
    let safe = |name: &str| SYSCTLS.iter().any(|(known, since)| *known == name && *since <= subject.minor);
    let set = meta::list(subject.spec, "/securityContext/sysctls").iter().map(|sysctl| meta::text(sysctl, "/name"));
    let found: Vec<&str> = set.filter(|name| !safe(name)).collect();
    (!found.is_empty()).then(|| ("forbidden sysctls".to_owned(), found.join(", ")))
}

pub fn windows_host_process(subject: Subject) -> Option<Violation> {
    let bad = |object: &Value| meta::truth(object, "/securityContext/windowsOptions/hostProcess");
    let who = setters(bad(subject.spec), &subject.named(bad))?;
    Some(("hostProcess".to_owned(), format!("{who} must not set securityContext.windowsOptions.hostProcess=true")))
}
