//! The phases of `kubeadm init` that write the machine's files: certificates, kubeconfigs, manifests.
//! Keys and manifests are the machine's (`machine/lay`). Source: `cmd/kubeadm/app/phases/{certs,kubeconfig,controlplane,etcd}`.

use super::super::{Done, Typed, kubeconfig, manifests};
use super::Init;
use super::settings::Settings;
use crate::object::meta;
use crate::sim::apiserver::pki;
use crate::sim::machine::lay;

/// The parts of the phase `certs`.
pub static CERTIFICATES: &[&str] = &[
    "ca",
    "apiserver",
    "apiserver-kubelet-client",
    "front-proxy-ca",
    "front-proxy-client",
    "etcd-ca",
    "etcd-server",
    "etcd-peer",
    "etcd-healthcheck-client",
    "apiserver-etcd-client",
    "sa",
];

/// The kubeconfigs of a control plane: the file's name, the user and the groups.
pub const CONFIGS: [(&str, &str, &[&str]); 4] = [
    ("admin", "kubernetes-admin", &["kubeadm:cluster-admins"]),
    ("super-admin", "kubernetes-super-admin", &["system:masters"]),
    ("controller-manager", "system:kube-controller-manager", &[]),
    ("scheduler", "system:kube-scheduler", &[]),
];

/// Makes the certificates that are not there.
pub fn certs(init: &Init) -> Done {
    if init.part == "all" {
        init.typed.say(format_args!("[certs] Using certificateDir folder {:?}", init.settings.folder()));
    }
    for (name, file) in lay::CERTIFICATE_FILES.iter().filter(|(name, _)| init.wants(name)) {
        certificate(init.typed, &init.settings, (name, file)).map_err(|why| format!("/{name}: {why}"))?;
    }
    Ok(())
}

/// Makes one certificate, unless it is there.
pub fn certificate(typed: &Typed, settings: &Settings, (name, file): (&str, &str)) -> Done {
    let (root, folder) = (typed.root()?, settings.folder());
    let shown = file.trim_end_matches(".crt").trim_end_matches(".key");
    if root.exists(&format!("{folder}/{file}")) {
        typed.say(match name {
            "sa" => "[certs] Using the existing \"sa\" key".to_owned(),
            name if name.ends_with("ca") => format!("[certs] Using existing {shown} certificate authority"),
            _ => format!("[certs] Using existing {shown} certificate and key on disk"),
        });
        return Ok(());
    }
    let (further, birth) = (settings.further_names(name), typed.call.inside.machines.birth());
    let names = lay::Names { service: settings.service_address(1), domain: settings.domain(), further: &further };
    lay::certificate(&typed.call.machine, root, (birth, folder, name), (&names, typed.now()))
        .map_err(|error| error.to_string())?;
    let what = if name == "sa" { "key and public key" } else { "certificate and key" };
    typed.say(format_args!("[certs] Generating {shown:?} {what}"));
    if matches!(name, "apiserver" | "etcd-server" | "etcd-peer") {
        let text = root.text(&format!("{folder}/{file}")).map_err(|error| error.to_string())?;
        let names = pki::inspect(&text).map_err(|error| error.to_string())?.names;
        let ips: Vec<String> = names.ips.iter().map(ToString::to_string).collect();
        let mut dns = names.dns;
        dns.sort();
        typed.say(format_args!(
            "[certs] {shown} serving cert is signed for DNS names [{}] and IPs [{}]",
            dns.join(" "),
            ips.join(" ")
        ));
    }
    Ok(())
}

/// Writes the kubeconfigs that are not in a folder.
pub fn kubeconfigs(init: &Init, folder: &str) -> Done {
    let (typed, folder) = (init.typed, folder.trim_end_matches('/'));
    if init.part == "all" {
        typed.say(format_args!("[kubeconfig] Using kubeconfig folder {folder:?}"));
    }
    let node = format!("system:node:{}", typed.call.machine.name);
    let mut all: Vec<(&str, &str, &[&str])> = CONFIGS.to_vec();
    all.insert(2, ("kubelet", &node, &["system:nodes"]));
    for one in all.into_iter().filter(|(name, ..)| init.wants(name)) {
        config(typed, &init.settings, (folder, one)).map_err(|why| format!("/{}: {why}", one.0))?;
    }
    Ok(())
}

/// Writes one kubeconfig, unless it is there: its name, its user and the user's groups.
pub fn config(typed: &Typed, settings: &Settings, (folder, one): (&str, (&str, &str, &[&str]))) -> Done {
    let (name, user, groups) = one;
    let path = format!("{folder}/{name}.conf");
    if typed.root()?.exists(&path) {
        typed.say(format_args!("[kubeconfig] Using existing kubeconfig file: {path:?}"));
        return Ok(());
    }
    let text = kubeconfig::signed(typed, (user, groups), (settings.folder(), &settings.server(typed)))
        .map_err(|why| format!("couldn't create a kubeconfig; the CA files couldn't be loaded: {why}"))?;
    typed.root()?.write(&path, text.as_bytes(), 0o600).map_err(|error| error.to_string())?;
    typed.say(format_args!("[kubeconfig] Writing \"{name}.conf\" kubeconfig file"));
    Ok(())
}

/// Writes the manifest of etcd.
pub fn etcd(init: &Init) -> Done {
    init.typed.say(format_args!("[etcd] Creating static Pod manifest for local etcd in {:?}", manifests::FOLDER));
    let folder = meta::text(&init.settings.cluster, "/etcd/local/dataDir");
    init.typed.root()?.make_dir(folder, 0o700).map_err(|error| error.to_string())?;
    write(init.typed, &init.settings, "etcd")
}

/// Writes those of the other components.
pub fn control_plane(init: &Init) -> Done {
    init.typed.say(format_args!("[control-plane] Using manifest folder {:?}", manifests::FOLDER));
    for component in &manifests::COMPONENTS[1..] {
        if init.wants(component.trim_start_matches("kube-")) {
            init.typed.say(format_args!("[control-plane] Creating static Pod manifest for {component:?}"));
            write(init.typed, &init.settings, component)?;
        }
    }
    Ok(())
}

/// Writes the manifest of a component.
pub fn write(typed: &Typed, settings: &Settings, component: &str) -> Done {
    let text = manifests::text(typed, component, (&settings.cluster, &settings.version))?;
    let written = typed.root()?.write(&manifests::path(component), text.as_bytes(), 0o600);
    written.map_err(|error| error.to_string())
}
