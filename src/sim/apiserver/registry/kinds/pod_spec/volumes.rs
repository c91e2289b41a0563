//! Volumes of a Pod: each named, each with one source, each source complete.
//! Sources that PersistentVolumes have too stand in `source`. Source: `pkg/apis/core/validation/validation.go`, ValidateVolumes.

use super::super::at::At;
use super::super::{check, persistentvolumeclaim};
use super::env;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

const ONE: &str = "may not specify more than 1 volume type";
const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const HOST_PATHS: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// The sources in the order they are looked at.
const SOURCES: [&str; 30] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// `spec.volumes`.
pub fn volumes(volumes: At<'_, '_>, errors: &mut ErrorList) {
    let mut names: Vec<&str> = Vec::new();
    for volume in volumes.items() {
        let mut found = ErrorList::default();
        one_source(volume, &mut found);
        let name = volume.key("name");
        if name.is_empty() {
            name.required(&mut found);
        } else {
            check::dns_label(name, &mut found);
            if names.contains(&name.text()) {
                name.duplicate(&mut found);
            }
        }
        if found.is_empty() {
            names.push(name.text());
        }
        errors.extend(found);
    }
}

/// Whether a volume is valid for itself.
pub fn is_sound(volume: At<'_, '_>) -> bool {
    let mut found = ErrorList::default();
    one_source(volume, &mut found);
    check::dns_label(volume.key("name"), &mut found);
    found.is_empty()
}

fn one_source(volume: At<'_, '_>, errors: &mut ErrorList) {
    let mut found = false;
    for kind in SOURCES {
        let source = volume.key(kind);
        if !source.is_set() {
            continue;
        }
        if found {
            source.forbidden(ONE, errors);
            continue;
        }
        found = true;
        match kind {
            "emptyDir" => empty_dir(source, errors),
            "configMap" => files(source, "name", errors),
            "secret" => files(source, "secretName", errors),
            "projected" => projected(source, errors),
            "downwardAPI" => downward(source, source.key("items"), errors),
            "persistentVolumeClaim" => required(source, &["claimName"], errors),
            "gitRepo" => required(source, &["repository"], errors),
            "ephemeral" => ephemeral(source, errors),
            "image" => image(source, errors),
            "csi" => inline_csi(source, errors),
            _ => self::source(kind, source, errors),
        }
    }
    if !found {
        volume.required_because("must specify a volume type", errors);
    }
}

fn required(source: At<'_, '_>, fields: &[&str], errors: &mut ErrorList) {
    for field in fields {
        let field = source.key(field);
        if field.is_empty() {
            field.required(errors);
        }
    }
}

/// A source that PersistentVolumes have too.
pub fn source(kind: &str, source: At<'_, '_>, errors: &mut ErrorList) {
    match kind {
        "hostPath" => {
            let path = source.key("path");
            if path.is_empty() {
                return path.required(errors);
            }
            check::climbs(path, errors);
            source.key("type").one_of_if_set(&HOST_PATHS, errors);
        }
        "nfs" => {
            required(source, &["server", "path"], errors);
            if !source.key("path").text().starts_with('/') {
                source.key("path").invalid_text("must be an absolute path", errors);
            }
        }
        "iscsi" => required(source, &["targetPortal", "iqn"], errors),
        // Upstream names it otherwise here.
        "gcePersistentDisk" if source.key("pdName").is_empty() => {
            errors.required(source.path().replace(".gcePersistentDisk", ".persistentDisk.pdName"), "");
        }
        "awsElasticBlockStore" | "cinder" | "portworxVolume" => required(source, &["volumeID"], errors),
        "glusterfs" => required(source, &["endpoints", "path"], errors),
        "rbd" => required(source, &["monitors", "image"], errors),
        "cephfs" => required(source, &["monitors"], errors),
        "azureFile" => required(source, &["secretName", "shareName"], errors),
        "azureDisk" => required(source, &["diskName", "diskURI"], errors),
        "vsphereVolume" => required(source, &["volumePath"], errors),
        "csi" => {
            check::csi_driver(source.key("driver"), errors);
            required(source, &["volumeHandle"], errors);
        }
        "local" => {
            let path = source.key("path");
            if path.is_empty() {
                return path.required(errors);
            }
            check::climbs(path, errors);
        }
        _ => {}
    }
}

fn empty_dir(source: At<'_, '_>, errors: &mut ErrorList) {
    let limit = source.key("sizeLimit");
    if super::resources::quantity(limit.value()) < crate::object::quantity::Quantity::ZERO {
        limit.forbidden("SizeLimit field must be a valid resource quantity", errors);
    }
}

fn mode(mode: At<'_, '_>, errors: &mut ErrorList) {
    if mode.number().is_some_and(|bits| !(0..=0o777).contains(&bits)) {
        mode.invalid(MODE, errors);
    }
}

fn files(source: At<'_, '_>, name: &str, errors: &mut ErrorList) {
    required(source, &[name], errors);
    mode(source.key("defaultMode"), errors);
    items(source.key("items"), errors);
}

fn items(items: At<'_, '_>, errors: &mut ErrorList) {
    for item in items.items() {
        required(item, &["key", "path"], errors);
        file_path(item.key("path"), errors);
        mode(item.key("mode"), errors);
    }
}

/// A path below the volume that is not one of its own bookkeeping.
fn file_path(path: At<'_, '_>, errors: &mut ErrorList) {
    check::stays_below(path, errors);
    if path.text().starts_with("..") && !path.text().starts_with("../") {
        path.invalid_text("must not start with '..'", errors);
    }
}

/// Items of a downward volume, told of as if there were one.
fn downward(source: At<'_, '_>, items: At<'_, '_>, errors: &mut ErrorList) {
    mode(source.key("defaultMode"), errors);
    for item in items.items() {
        // Upstream names the volume, not the item.
        let file = At::root(item.value());
        let mut found = ErrorList::default();
        required(file, &["path"], &mut found);
        file_path(file.key("path"), &mut found);
        let (field, resource) = (file.key("fieldRef"), file.key("resourceFieldRef"));
        if field.is_set() {
            env::field_ref(field, env::FILE_FIELDS, &mut found);
            if resource.is_set() {
                found.invalid("", "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
            }
        } else if resource.is_set() {
            env::resource_ref(resource, true, &mut found);
        } else {
            found.required("", "one of fieldRef and resourceFieldRef is required");
        }
        mode(file.key("mode"), &mut found);
        for mut error in found.0 {
            let below = if error.field.is_empty() { String::new() } else { format!(".{}", error.field) };
            error.field = format!("{}{below}", source.path());
            errors.0.push(error);
        }
    }
}

fn projected(volume: At<'_, '_>, errors: &mut ErrorList) {
    mode(volume.key("defaultMode"), errors);
    let sources = volume.key("sources");
    let mut paths: Vec<&str> = Vec::new();
    for source in sources.items() {
        let mut given = 0;
        for kind in ["secret", "configMap"] {
            let part = source.key(kind);
            if part.is_set() {
                given += 1;
                required(part, &["name"], errors);
                let list = part.key("items");
                for item in list.items() {
                    required(item, &["key", "path"], errors);
                    file_path(item.key("path"), errors);
                    mode(item.key("mode"), errors);
                    taken(volume, item.key("path").text(), part.key("name").text(), &mut paths, errors);
                }
            }
        }
        let part = source.key("downwardAPI");
        if part.is_set() {
            given += 1;
            let list = part.key("items");
            downward(part, list, errors);
            for item in list.items() {
                let path = item.key("path").text();
                taken(volume, path, path, &mut paths, errors);
            }
        }
        let token = source.key("serviceAccountToken");
        if token.is_set() {
            given += 1;
            self::token(volume, token, errors);
        }
        if given > 1 {
            source.forbidden("may not specify more than 1 volume type per source", errors);
        }
    }
}

fn taken<'v>(volume: At<'_, '_>, path: &'v str, shown: &str, paths: &mut Vec<&'v str>, errors: &mut ErrorList) {
    if path.is_empty() {
        return;
    }
    if paths.contains(&path) {
        errors.invalid(volume.path(), shown, "conflicting duplicate paths");
    } else {
        paths.push(path);
    }
}

fn token(volume: At<'_, '_>, token: At<'_, '_>, errors: &mut ErrorList) {
    let seconds = token.key("expirationSeconds");
    if seconds.count() < 600 {
        seconds.invalid("may not specify a duration less than 10 minutes", errors);
    }
    let path = token.key("path");
    if path.is_empty() {
        // Upstream names the volume.
        errors.required(volume.key("path").path(), "");
    } else {
        file_path(path, errors);
    }
}

/// A volume that a driver makes for the Pod alone (validateCSIVolumeSource).
fn inline_csi(source: At<'_, '_>, errors: &mut ErrorList) {
    check::csi_driver(source.key("driver"), errors);
    let secret = source.key("nodePublishSecretRef");
    let name = secret.key("name");
    if secret.is_set() && name.is_empty() {
        name.required(errors);
    } else if secret.is_set() {
        for why in names::subdomain(name.text()) {
            // Upstream leaves the reference out.
            errors.invalid(source.key("name").path(), name.text(), why);
        }
    }
}

fn ephemeral(source: At<'_, '_>, errors: &mut ErrorList) {
    let template = source.key("volumeClaimTemplate");
    if !template.is_set() {
        return template.required(errors);
    }
    persistentvolumeclaim::template(template, errors);
}

fn image(source: At<'_, '_>, errors: &mut ErrorList) {
    required(source, &["reference"], errors);
    source.key("pullPolicy").one_of(&["Always", "IfNotPresent", "Never"], errors);
}
