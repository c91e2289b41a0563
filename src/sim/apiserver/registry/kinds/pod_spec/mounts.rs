//! Where containers see volumes: as directories, or raw as devices.
//! Source: `pkg/apis/core/validation/validation.go`, ValidateVolumeMounts, ValidateVolumeDevices.

use serde_json::Value;

use super::super::at::At;
use super::super::check;
use super::validation::Context;
use super::volumes;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

/// The volume of a name; one that is not valid counts for none.
fn volume<'v>(context: Context<'v>, name: &str) -> Option<&'v Value> {
    let found = meta::list(context.spec, "/volumes").iter().find(|volume| meta::text(volume, "/name") == name);
    found.filter(|volume| volumes::is_sound(At::root(volume)))
}

/// `volumeMounts`.
pub fn mounts(container: At<'_, '_>, context: Context<'_>, errors: &mut ErrorList) {
    let mounts = container.key("volumeMounts");
    let mut paths: Vec<&str> = Vec::new();
    for mount in mounts.items() {
        let (name, path) = (mount.key("name"), mount.key("mountPath"));
        if name.is_empty() {
            name.required(errors);
        }
        if name.is_empty() || volume(context, name.text()).is_none() {
            name.not_found(errors);
        }
        if path.is_empty() {
            path.required(errors);
        }
        if paths.contains(&path.text()) {
            path.invalid_text("must be unique", errors);
        }
        paths.push(path.text());
        if meta::list(container.value(), "/volumeDevices").iter().any(|device| device["name"] == name.text()) {
            name.invalid_text("must not already exist in volumeDevices", errors);
        }
        sub_path(mounts, mount, errors);
        propagation(mounts, mount, container, errors);
        let recursive = mount.key("recursiveReadOnly");
        if matches!(recursive.text(), "Enabled" | "IfPossible") && !mount.key("readOnly").truth() {
            let field = format!("{}.recursiveReadOnly", mounts.path());
            errors.forbidden(field, "may only be specified when readOnly is true");
        }
    }
}

fn sub_path(mounts: At<'_, '_>, mount: At<'_, '_>, errors: &mut ErrorList) {
    for name in ["subPath", "subPathExpr"] {
        // Upstream leaves the index out.
        let path = mount.key(name);
        if path.is_empty() {
            continue;
        }
        let field = format!("{}.{name}", mounts.path());
        if path.text().starts_with('/') {
            errors.invalid(field.as_str(), path.text(), "must be a relative path");
        }
        if path.text().split('/').any(|step| step == "..") {
            errors.invalid(field.as_str(), path.text(), "must not contain '..'");
        }
        if name == "subPathExpr" && !mount.key("subPath").is_empty() {
            path.invalid("subPathExpr and subPath are mutually exclusive", errors);
        }
    }
}

fn propagation(mounts: At<'_, '_>, mount: At<'_, '_>, container: At<'_, '_>, errors: &mut ErrorList) {
    let mode = mount.key("mountPropagation");
    if !mode.is_set() {
        return;
    }
    let field = format!("{}.mountPropagation", mounts.path());
    let supported = ["Bidirectional", "HostToContainer", "None"];
    if !supported.contains(&mode.text()) {
        errors.not_supported(field.as_str(), mode.text(), &supported);
    }
    if mode.text() == "Bidirectional" && !meta::truth(container.value(), "/securityContext/privileged") {
        let why = "Bidirectional mount propagation is available only to privileged containers";
        errors.forbidden(field, why);
    }
}

/// `volumeDevices`.
pub fn devices(container: At<'_, '_>, context: Context<'_>, errors: &mut ErrorList) {
    let devices = container.key("volumeDevices");
    let mut seen: Vec<&str> = Vec::new();
    for device in devices.items() {
        let (name, path) = (device.key("name"), device.key("devicePath"));
        if name.is_empty() {
            name.required(errors);
        }
        match volume(context, name.text()) {
            Some(volume) if volume.get("persistentVolumeClaim").or(volume.get("ephemeral")).is_none() => {
                let why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                name.invalid_text(why, errors);
            }
            Some(_) => {}
            None => name.not_found(errors),
        }
        if meta::list(container.value(), "/volumeMounts").iter().any(|mount| mount["name"] == name.text()) {
            name.invalid_text("must not already exist in volumeMounts", errors);
        }
        if path.is_empty() {
            path.required(errors);
        } else if seen.contains(&path.text()) {
            path.invalid_text("must be unique", errors);
        } else {
            check::climbs(path, errors);
        }
        seen.push(path.text());
    }
}
