//! Security contexts of Pods and containers, and the operating system.
//! Source: `pkg/apis/core/validation/validation.go`, validatePodSpecSecurityContext, ValidateSecurityContext.

use serde_json::json;

use super::super::at::{At, go};
use super::super::check;
use super::app_armor::LONGEST;
use super::sysctls::sysctls;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

fn id(at: At<'_, '_>, errors: &mut ErrorList) {
    if at.number().is_some_and(|id| !(0..=i64::from(i32::MAX)).contains(&id)) {
        at.invalid("must be between 0 and 2147483647, inclusive", errors);
    }
}

/// `spec.securityContext`.
pub fn of_pod(spec: At<'_, '_>, errors: &mut ErrorList) {
    let context = spec.key("securityContext");
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        id(context.key(field), errors);
    }
    let groups = context.key("supplementalGroups");
    for group in groups.items() {
        id(group, errors);
    }
    if spec.key("shareProcessNamespace").truth() && spec.key("hostPID").truth() {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.invalid(context.key("shareProcessNamespace").path(), true, why);
    }
    sysctls(spec, errors);
    context.key("fsGroupChangePolicy").one_of_if_set(&["Always", "OnRootMismatch"], errors);
    seccomp(context.key("seccompProfile"), errors);
    app_armor(context.key("appArmorProfile"), errors);
    context.key("supplementalGroupsPolicy").one_of_if_set(&["Merge", "Strict"], errors);
    // Who mounts with a label needs a feature that is off by default.
    context.key("seLinuxChangePolicy").one_of_if_set(&["Recursive"], errors);
}

fn seccomp(profile: At<'_, '_>, errors: &mut ErrorList) {
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.key("type"), profile.key("localhostProfile"));
    if kind.is_empty() {
        kind.required_because("type is required when seccompProfile is set", errors);
    } else {
        kind.one_of(&PROFILES, errors);
    }
    if kind.text() == "Localhost" {
        if local.is_set() {
            check::stays_below(local, errors);
        } else {
            local.required_because("must be set when seccomp type is Localhost", errors);
        }
    } else if local.is_set() {
        let shown = go(profile.value(), &[("Type", "type"), ("LocalhostProfile", "localhostProfile")]);
        errors.invalid(local.path(), shown, "can only be set when seccomp type is Localhost");
    }
}

fn app_armor(profile: At<'_, '_>, errors: &mut ErrorList) {
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.key("type"), profile.key("localhostProfile"));
    match kind.text() {
        "Localhost" if local.is_empty() => {
            local.required_because("must be set when AppArmor type is Localhost", errors);
        }
        "Localhost" => {
            if local.text().trim() != local.text() {
                local.invalid("must not be padded with whitespace", errors);
            }
            if local.text().len() > LONGEST {
                errors.too_long(local.path(), LONGEST);
            }
        }
        "RuntimeDefault" | "Unconfined" => {
            if local.is_set() {
                local.invalid("can only be set when AppArmor type is Localhost", errors);
            }
        }
        "" => kind.required_because("type is required when appArmorProfile is set", errors),
        _ => kind.one_of(&PROFILES, errors),
    }
}

/// `securityContext` of a container.
pub fn of_container(context: At<'_, '_>, errors: &mut ErrorList) {
    if !context.is_set() {
        return;
    }
    for field in ["runAsUser", "runAsGroup"] {
        id(context.key(field), errors);
    }
    context.key("procMount").one_of_if_set(&["Default", "Unmasked"], errors);
    seccomp(context.key("seccompProfile"), errors);
    if context.key("allowPrivilegeEscalation").value() == &json!(false) {
        let added = meta::list(context.value(), "/capabilities/add");
        if context.key("privileged").truth() {
            whole(context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true", errors);
        }
        if added.iter().any(|name| name == "CAP_SYS_ADMIN") {
            let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            whole(context, why, errors);
        }
    }
    app_armor(context.key("appArmorProfile"), errors);
}

/// Says something about the context as a whole, shown as Go shows it.
fn whole(context: At<'_, '_>, why: &str, errors: &mut ErrorList) {
    let mut shown = go(
        context.value(),
        &[
            ("Capabilities", "capabilities"),
            ("Privileged", "privileged"),
            ("SELinuxOptions", "seLinuxOptions"),
            ("WindowsOptions", "windowsOptions"),
            ("RunAsUser", "runAsUser"),
            ("RunAsGroup", "runAsGroup"),
            ("RunAsNonRoot", "runAsNonRoot"),
            ("ReadOnlyRootFilesystem", "readOnlyRootFilesystem"),
            ("AllowPrivilegeEscalation", "allowPrivilegeEscalation"),
            ("ProcMount", "procMount"),
            ("SeccompProfile", "seccompProfile"),
            ("AppArmorProfile", "appArmorProfile"),
        ],
    );
    if let Some(capabilities) = context.value().get("capabilities") {
        shown["Capabilities"] = go(capabilities, &[("Add", "add"), ("Drop", "drop")]);
    }
    errors.invalid(context.path(), shown, why);
}

/// Containers that are processes of a Windows host must use its network.
pub fn host_process(spec: At<'_, '_>, errors: &mut ErrorList) {
    let asks = |holder: &serde_json::Value| meta::truth(holder, "/securityContext/windowsOptions/hostProcess");
    let lists = ["/initContainers", "/containers"].map(|list| meta::list(spec.value(), list));
    let any = asks(spec.value()) || lists.iter().any(|list| list.iter().any(asks));
    if any && !spec.key("hostNetwork").truth() {
        let why = "hostNetwork must be true if pod contains any hostProcess containers";
        errors.invalid(spec.key("hostNetwork").path(), false, why);
    }
}

/// What of security contexts a Windows Pod has not (`pkg/apis/core/validation/validation.go`, validateWindows).
fn not_on_windows(spec: At<'_, '_>, errors: &mut ErrorList) {
    const OF_POD: [&str; 9] = [
        "appArmorProfile",
        "seLinuxOptions",
        "seccompProfile",
        "fsGroup",
        "fsGroupChangePolicy",
        "sysctls",
        "runAsUser",
        "runAsGroup",
        "supplementalGroups",
    ];
    const OF_CONTAINER: [&str; 10] = [
        "appArmorProfile",
        "seLinuxOptions",
        "seccompProfile",
        "capabilities",
        "readOnlyRootFilesystem",
        "privileged",
        "allowPrivilegeEscalation",
        "procMount",
        "runAsUser",
        "runAsGroup",
    ];
    let mut none_of = |context: At<'_, '_>, fields: &[&str]| {
        for field in fields.iter().filter(|field| context.key(field).is_set()) {
            context.key(field).forbidden("cannot be set for a windows pod", errors);
        }
    };
    none_of(spec.key("securityContext"), &OF_POD);
    for list in ["initContainers", "containers"] {
        let containers = spec.key(list);
        for container in containers.items() {
            none_of(container.key("securityContext"), &OF_CONTAINER);
        }
    }
}

/// `spec.os`, and what a Windows Pod has not.
pub fn os(spec: At<'_, '_>, errors: &mut ErrorList) {
    let os = spec.key("os");
    if !os.is_set() {
        return;
    }
    let name = os.key("name");
    match name.text() {
        "" => name.required(errors),
        "linux" => {}
        "windows" => {
            for field in ["hostPID", "hostIPC"] {
                if spec.key(field).truth() {
                    spec.key(field).forbidden("cannot be set for a windows pod", errors);
                }
            }
            not_on_windows(spec, errors);
        }
        other => errors.not_supported(os.path(), other, &["linux", "windows"]),
    }
}
