//! `kubeadm init` and its phases, as far as a machine of a cluster that runs can do them again: certificates, kubeconfigs, manifests, uploads.
//! A cluster is never begun here: it was born with the practice. Source: `cmd/kubeadm/app/cmd/{init.go,phases/init}`.

use super::certificates::{CERTIFICATES, PKI};
use super::preflight::{self, Findings};
use super::{Done, Typed, kubeconfig, manifests};
use crate::sim::machine::lay;
use crate::sim::shell::flags::Known;

static KNOWN: Known = &[
    ("cert-dir", '\0', true),
    ("kubeconfig-dir", '\0', true),
    ("kubeconfig", '\0', true),
    ("config", '\0', true),
    ("apiserver-advertise-address", '\0', true),
    ("apiserver-bind-port", '\0', true),
    ("apiserver-cert-extra-sans", '\0', true),
    ("control-plane-endpoint", '\0', true),
    ("kubernetes-version", '\0', true),
    ("image-repository", '\0', true),
    ("node-name", '\0', true),
    ("pod-network-cidr", '\0', true),
    ("service-cidr", '\0', true),
    ("service-dns-domain", '\0', true),
    ("upload-certs", '\0', false),
    ("cri-socket", '\0', true),
    ("dry-run", '\0', false),
    ("ignore-preflight-errors", '\0', true),
    ("skip-phases", '\0', true),
    ("token", '\0', true),
];

/// The kubeconfigs of a control plane: the file's name, the user and the groups.
const CONFIGS: [(&str, &str, &[&str]); 4] = [
    ("admin", "kubernetes-admin", &["kubeadm:cluster-admins"]),
    ("super-admin", "kubernetes-super-admin", &["system:masters"]),
    ("controller-manager", "system:kube-controller-manager", &[]),
    ("scheduler", "system:kube-scheduler", &[]),
];

/// Runs `kubeadm init`.
pub async fn init(typed: &mut Typed) -> Done {
    if typed.words.first().is_some_and(|word| word == "phase") {
        typed.words.remove(0);
        "kubeadm init phase".clone_into(&mut typed.path);
        return phase(typed).await;
    }
    let flags = typed.flags(KNOWN)?;
    let version = flags.get("kubernetes-version").map_or_else(|| typed.version(), |asked| Ok(asked.to_owned()))?;
    typed.say(format_args!("[init] Using Kubernetes version: {version}\n[preflight] Running pre-flight checks"));
    let mut findings = Findings::default();
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"] {
        findings.absent(typed, &manifests::path(component))?;
    }
    preflight::machine(typed, &mut findings)?;
    if typed.call.machine.control_plane {
        for port in [6443, 10259, 10257, 10250, 2379, 2380] {
            findings.error(format!("Port-{port}"), format!("Port {port} is in use"));
        }
        findings.error("DirAvailable--var-lib-etcd", "/var/lib/etcd is not empty");
    }
    findings.tell(typed, &flags).map_err(|why| format!("error execution phase preflight: {why}"))?;
    Err("beginning a cluster of one's own is not simulated by this practice cluster; `kubeadm join` brings this machine into the one there is".to_owned())
}

async fn phase(typed: &mut Typed) -> Done {
    let known = [
        "preflight",
        "certs",
        "kubeconfig",
        "etcd",
        "control-plane",
        "kubelet-start",
        "upload-config",
        "upload-certs",
        "mark-control-plane",
        "bootstrap-token",
        "kubelet-finalize",
        "addon",
        "show-join-command",
    ];
    match typed.subcommand(&known)?.as_str() {
        "certs" => certs(typed),
        "kubeconfig" => kubeconfigs(typed),
        "control-plane" => {
            let what = typed.subcommand(&["all", "apiserver", "controller-manager", "scheduler"])?;
            let components: Vec<&str> = manifests::COMPONENTS[1..]
                .iter()
                .copied()
                .filter(|component| what == "all" || component.ends_with(&what))
                .collect();
            write(typed, &components).await
        }
        "etcd" => {
            typed.subcommand(&["local"])?;
            write(typed, &["etcd"]).await
        }
        other => Err(format!("the phase {other} is not simulated by this practice cluster")),
    }
}

/// The version whose images the manifests name: the one asked for, or the cluster's.
async fn write(typed: &mut Typed, components: &[&str]) -> Done {
    let flags = typed.flags(KNOWN)?;
    let version = match flags.get("kubernetes-version") {
        Some(version) => version.to_owned(),
        None => typed.version()?,
    };
    let word = if components == ["etcd"] { "etcd" } else { "control-plane" };
    typed.say(format_args!("[{word}] Using manifest folder {:?}", manifests::FOLDER));
    for component in components {
        let local = if word == "etcd" { "local " } else { "" };
        typed.say(format_args!("[{word}] Creating static Pod manifest for {local}{component:?}"));
        if !flags.on("dry-run") {
            manifests::write(typed, component, &version)?;
        }
    }
    Ok(())
}

fn certs(typed: &mut Typed) -> Done {
    let embedded = CERTIFICATES.iter().filter(|known| !known.is_embedded()).map(|known| known.name);
    let names: Vec<&str> = embedded.chain(["all", "ca", "etcd-ca", "front-proxy-ca", "sa"]).collect();
    let what = typed.subcommand(&names)?;
    let flags = typed.flags(KNOWN)?;
    let folder = flags.get("cert-dir").unwrap_or(PKI).to_owned();
    if what == "all" {
        typed.say(format_args!("[certs] Using certificateDir folder {folder:?}"));
    }
    let failed = |why: String| format!("error execution phase certs/{what}: {why}");
    let birth = typed.call.inside.machines.birth();
    for (name, file) in lay::CERTIFICATE_FILES.iter().filter(|(name, _)| what == "all" || what == *name) {
        let path = format!("{folder}/{file}");
        if typed.root()?.exists(&path) {
            let kind = if name.ends_with("ca") { "certificate authority" } else { "certificate and key on disk" };
            let line = match (*name, kind) {
                ("sa", _) => "[certs] Using the existing \"sa\" key".to_owned(),
                (name, "certificate authority") => format!("[certs] Using existing {name} certificate authority"),
                (name, kind) => format!("[certs] Using existing {name} {kind}"),
            };
            typed.say(line);
            continue;
        }
        let shown = file.trim_end_matches(".crt").trim_end_matches(".key");
        let made = lay::certificate(&typed.call.machine, typed.root()?, (birth, &folder, name), typed.now());
        made.map_err(|error| failed(error.to_string()))?;
        let what = if *name == "sa" { "key and public key" } else { "certificate and key" };
        typed.say(format_args!("[certs] Generating {shown:?} {what}"));
    }
    Ok(())
}

fn kubeconfigs(typed: &mut Typed) -> Done {
    let what = typed.subcommand(&["all", "admin", "super-admin", "controller-manager", "scheduler", "kubelet"])?;
    let flags = typed.flags(KNOWN)?;
    let folder = flags.get("kubeconfig-dir").unwrap_or("/etc/kubernetes").trim_end_matches('/').to_owned();
    let pki = flags.get("cert-dir").unwrap_or(PKI).to_owned();
    if what == "all" {
        typed.say(format_args!("[kubeconfig] Using kubeconfig folder {folder:?}"));
    }
    let node = format!("system:node:{}", typed.call.machine.name);
    let mut all: Vec<(&str, &str, &[&str])> = CONFIGS.to_vec();
    all.insert(2, ("kubelet", &node, &["system:nodes"]));
    for (name, user, groups) in all.into_iter().filter(|(name, ..)| what == "all" || what == *name) {
        let path = format!("{folder}/{name}.conf");
        if typed.root()?.exists(&path) {
            typed.say(format_args!("[kubeconfig] Using existing kubeconfig file: {path:?}"));
            continue;
        }
        let text = kubeconfig::signed(typed, (user, groups), &pki).map_err(|why| {
            format!("error execution phase kubeconfig/{name}: couldn't create a kubeconfig; the CA files couldn't be loaded: {why}")
        })?;
        typed.root()?.write(&path, text.as_bytes(), 0o600).map_err(|error| error.to_string())?;
        typed.say(format_args!("[kubeconfig] Writing \"{name}.conf\" kubeconfig file"));
    }
    Ok(())
}
