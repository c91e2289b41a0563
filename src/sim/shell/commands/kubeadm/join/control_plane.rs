//! `kubeadm join --control-plane`: a further control plane gets the certificates all of them share, its own, and its static Pods.
//! Source: `cmd/kubeadm/app/cmd/phases/join/{preflight,controlplaneprepare,controlplanejoin}.go`, `phases/copycerts`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::init::settings::Settings;
use super::super::init::{checks as preflight, kubelet, local, uploads};
use super::super::preflight::Findings;
use super::super::{Done, Typed, manifests};
use super::Join;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::secret::SECRET;
use crate::sim::machine::etcd::{Member, data};
use crate::sim::machine::lay;
use crate::sim::nodes::heartbeat::control_plane_taint;

/// What is said of a control plane in the end.
pub const DONE: &str = "
This node has joined the cluster and a new control plane instance was created:

* Certificate signing request was sent to apiserver and approval was received.
* The Kubelet was informed of the new secure connection details.
* Control plane label and taint were applied to the new node.
* The Kubernetes control plane instances scaled up.
* A new etcd member was added to the local/stacked etcd cluster.

To start administering your cluster from this node, you need to run the following as a regular user:

	mkdir -p $HOME/.kube
	sudo cp -i /etc/kubernetes/admin.conf $HOME/.kube/config
	sudo chown $(id -u):$(id -g) $HOME/.kube/config

Run 'kubectl get nodes' to see this node join the cluster.
";

/// Whether the cluster can have another control plane, and this machine be it.
pub fn checks(join: &Join, config: &Value) -> Done {
    let (typed, asked) = (join.typed, &join.asked);
    let settings = Settings::of_cluster(typed, config.clone());
    let refused = |why: &str| {
        Err(format!(
            "\nOne or more conditions for hosting a new control plane instance is not satisfied.\n\n{why}\n\nPlease ensure that:\n* The cluster has a stable controlPlaneEndpoint address.\n* The certificates that must be shared among control plane instances are provided.\n\n"
        ))
    };
    if settings.endpoint().is_none() {
        return refused(
            "unable to add a new control plane instance to a cluster that doesn't have a stable controlPlaneEndpoint address",
        );
    }
    let (root, folder) = (typed.root()?, settings.folder());
    let missing = uploads::SHARED.iter().map(|(_, file)| format!("{folder}/{file}")).find(|path| !root.exists(path));
    if let Some(path) = missing.filter(|_| asked.key.is_none()) {
        return refused(&format!(
            "failure loading certificate for CA: couldn't load the certificate file {path}: open {path}: no such file or directory"
        ));
    }
    typed.say("[preflight] Running pre-flight checks before initializing the new control plane instance");
    let mut findings = Findings::default();
    preflight::control_plane(typed, &mut findings)?;
    preflight::etcd(typed, (&mut findings, meta::text(config, "/etcd/local/dataDir")))?;
    findings.tell(typed, &asked.node.ignored)?;
    typed.say(if join.dry { preflight::WOULD_PULL } else { preflight::PULLING });
    Ok(())
}

/// Gets what control planes share, and makes what is this one's own.
pub async fn prepare(join: &Join<'_>) -> Done {
    let (typed, asked) = (join.typed, &join.asked);
    if !asked.plane || join.dry {
        return Ok(());
    }
    let found = join.found().await?;
    let settings = Settings::of_cluster(typed, found.config.clone());
    let of = |part: &'static str| move |why: String| format!("/{part}: {why}");
    if let Some(key) = asked.key.as_ref().filter(|_| join.wants("download-certs")) {
        download(typed, &found.client, (key, settings.folder())).map_err(of("download-certs"))?;
    }
    if join.wants("certs") {
        certificates(typed, &settings).map_err(of("certs"))?;
    }
    if join.wants("kubeconfig") {
        typed.say("[kubeconfig] Generating kubeconfig files\n[kubeconfig] Using kubeconfig folder \"/etc/kubernetes\"");
        for one in local::CONFIGS.iter().filter(|(name, ..)| *name != "super-admin") {
            local::config(typed, &settings, ("/etc/kubernetes", *one)).map_err(of("kubeconfig"))?;
        }
    }
    if join.wants("control-plane") {
        typed.say(format_args!("[control-plane] Using manifest folder {:?}", manifests::FOLDER));
        for component in &manifests::COMPONENTS[1..] {
            typed.say(format_args!("[control-plane] Creating static Pod manifest for {component:?}"));
            local::write(typed, &settings, component).map_err(of("control-plane"))?;
        }
    }
    Ok(())
}

/// Makes the certificates that are this machine's own.
fn certificates(typed: &Typed, settings: &Settings) -> Done {
    typed.say(format_args!("[certs] Using certificateDir folder {:?}", settings.folder()));
    let own = lay::CERTIFICATE_FILES.iter().filter(|(name, _)| !name.ends_with("ca") && *name != "sa");
    for one in own {
        local::certificate(typed, settings, *one)?;
    }
    typed.say(format_args!("[certs] Valid certificates and keys now exist in {:?}", settings.folder()));
    typed.say("[certs] Using the existing \"sa\" key");
    Ok(())
}

/// Looks at the etcd there is.
pub fn check_etcd(join: &Join) -> Done {
    if join.asked.plane {
        join.typed.say(match join.dry {
            true => "[dryrun] Would check that the etcd cluster is healthy",
            false => "[check-etcd] Checking that the etcd cluster is healthy",
        });
    }
    Ok(())
}

/// The certificates of the Secret `kubeadm-certs`, opened with the key.
fn download(typed: &Typed, client: &Client, (key, folder): (&str, &str)) -> Done {
    let failed = |why: String| format!("error downloading certs: {why}");
    typed.say(
        "[download-certs] Downloading the certificates in Secret \"kubeadm-certs\" in the \"kube-system\" Namespace",
    );
    let secret = client.find(&SECRET, "kube-system", "kubeadm-certs").ok_or_else(|| failed("error downloading the secret: Secret \"kubeadm-certs\" was not found in the \"kube-system\" Namespace. This Secret might have expired. Please, run `kubeadm init phase upload-certs --upload-certs` on a control plane to generate a new one".to_owned()))?;
    let mut files = Vec::new();
    for (name, file) in uploads::SHARED {
        let bytes = STANDARD.decode(secret["data"][name].as_str().unwrap_or_default()).unwrap_or_default();
        let read = uploads::decrypted(key, &bytes);
        files.push((file, read.map_err(|why| failed(format!("error decoding secret data with provided key: {why}")))?));
    }
    typed.say(format_args!("[download-certs] Saving the certificates to the folder: {folder:?}"));
    for (file, bytes) in files {
        let mode = if file.ends_with("crt") { 0o644 } else { 0o600 };
        typed.root()?.write(&format!("{folder}/{file}"), &bytes, mode).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Adds the member of etcd, before the kubelet looks for its manifest: the API server beside it finds it then.
pub async fn etcd(join: &Join<'_>) -> Done {
    let typed = join.typed;
    if !join.asked.plane {
        return Ok(());
    }
    let settings = Settings::of_cluster(typed, join.found().await?.config.clone());
    let folder = meta::text(&settings.cluster, "/etcd/local/dataDir");
    if join.dry {
        typed.say(format_args!("[control-plane-join] Would ensure that {folder:?} directory is present"));
        return Ok(());
    }
    let root = typed.root()?;
    // The new member has all that the others have before it counts.
    data::run(root, folder, data::WHATEVER).map_err(|error| error.to_string())?;
    typed.say("[etcd] Announced new etcd member joining to the existing etcd cluster");
    typed.say("[etcd] Creating static Pod manifest for \"etcd\"");
    local::write(typed, &settings, "etcd")?;
    let machines = typed.call.inside.machines.all();
    let all = machines
        .iter()
        .filter_map(|machine| Member::of(machine.files()?))
        .filter_map(|member| Some(format!("{}={}", member.name, member.peers.first()?)));
    let path = manifests::path("etcd");
    let text = root.text(&path).map_err(|error| error.to_string())?;
    let text = manifests::with_flag(&text, "initial-cluster", Some(&all.collect::<Vec<_>>().join(",")));
    let text = manifests::with_flag(&text, "initial-cluster-state", Some("existing"));
    root.write(&path, text.as_bytes(), 0o600).map_err(|error| error.to_string())?;
    typed.say("[etcd] Waiting for the new etcd member to join the cluster. This can take up to 40s");
    Ok(())
}

/// Marks the Node as a control plane's.
pub async fn mark(join: &Join<'_>) -> Done {
    if !join.asked.plane || !join.wants("mark-control-plane") {
        return Ok(());
    }
    if join.dry {
        let name = &join.typed.call.machine.name;
        join.typed.say(format_args!("[control-plane-join] Would mark node {name} as a control-plane"));
        return Ok(());
    }
    let usual = [control_plane_taint()];
    let taints = join.asked.node.taints.as_deref().unwrap_or(&usual);
    uploads::marked(join.typed, &join.found().await?.client, taints)
        .map_err(|why| format!("/mark-control-plane: error applying control-plane label and taints: {why}"))
}

/// Waits until the new control plane does its work.
pub async fn wait(join: &Join<'_>) -> Done {
    if !join.asked.plane || join.dry {
        return Ok(());
    }
    let node = &join.asked.node;
    kubelet::components(join.typed, (&join.typed.call.machine.address, &node.socket)).await
}
