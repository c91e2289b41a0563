//! The control plane's static Pods in their new version: each manifest is replaced, and the component comes back with it.
//! Source: `cmd/kubeadm/app/phases/upgrade/staticpods.go`.

use std::time::Duration;

use super::{Done, Typed, cluster, manifests};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::machine::root::Root;
use crate::sim::shell::commands::kubeadm::certificates::{CERTIFICATES, PKI};

/// How often a component is looked at, and how long (5 min).
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: u32 = 300;

/// The certificates that are renewed with a component.
fn certificates(component: &str) -> &'static [&'static str] {
    match component {
        "etcd" => &["etcd-server", "etcd-peer", "etcd-healthcheck-client"],
        "kube-apiserver" => &["apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client"],
        "kube-controller-manager" => &["controller-manager.conf"],
        _ => &["scheduler.conf"],
    }
}

/// What an upgrade of the static Pods does.
pub struct Upgrade<'a> {
    pub version: &'a str,
    pub renew: bool,
    pub etcd: bool,
}

/// Upgrades them all, one after another. `client` is the cluster's own.
pub async fn run(typed: &Typed, client: &Client, upgrade: &Upgrade<'_>) -> Done {
    let stamp = typed.now().strftime("%Y-%m-%d-%H-%M-%S").to_string();
    let tmp = "/etc/kubernetes/tmp";
    let new = format!("{tmp}/kubeadm-upgraded-manifests{}", typed.now().as_second());
    let backup = format!("{tmp}/kubeadm-backup-manifests-{stamp}");
    typed.say(format_args!("[upgrade/staticpods] Writing new Static Pod manifests to {new:?}"));
    for component in manifests::COMPONENTS.iter().filter(|component| upgrade.etcd || **component != "etcd") {
        one(typed, client, (component, upgrade), &backup).await?;
    }
    if upgrade.renew {
        for known in CERTIFICATES.iter().filter(|known| matches!(known.name, "admin.conf" | "super-admin.conf")) {
            known.renew(typed.root()?, PKI, typed.now())?;
        }
    }
    if upgrade.etcd {
        let folder = format!("{tmp}/kubeadm-backup-etcd-{stamp}");
        typed.root()?.make_dir(&folder, 0o700).map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn one(typed: &Typed, client: &Client, (component, upgrade): (&str, &Upgrade<'_>), backup: &str) -> Done {
    let (root, path) = (typed.root()?, manifests::path(component));
    typed.say(format_args!("[upgrade/staticpods] Preparing for {component:?} upgrade"));
    let old = root
        .text(&path)
        .map_err(|_| format!("couldn't complete the static pod upgrade: open {path}: no such file or directory"))?;
    let text = manifests::text(typed, component, (&cluster::stored(client)?, upgrade.version))?;
    if old == text {
        typed.say(format_args!(
            "[upgrade/staticpods] Current and new manifests of {component} are equal, skipping upgrade"
        ));
        return Ok(());
    }
    if upgrade.renew {
        for name in certificates(component) {
            typed.say(format_args!("[upgrade/staticpods] Renewing {name} certificate"));
            if let Some(known) = CERTIFICATES.iter().find(|known| known.name == *name) {
                known.renew(root, PKI, typed.now())?;
            }
        }
    }
    let kept = format!("{backup}/{component}.yaml");
    typed.say(format_args!(
        "[upgrade/staticpods] Moving new manifest to {path:?} and backing up old manifest to {kept:?}"
    ));
    let before = hash(client, typed, component);
    write(root, (&path, &text), (&kept, &old))?;
    typed.say("[upgrade/staticpods] Waiting for the kubelet to restart the component");
    typed.say("[upgrade/staticpods] This can take up to 5m0s");
    typed.call.inside.machines.touched.notify_one();
    typed.call.inside.control.settle().await;
    for _ in 0..LOOKS {
        if hash(client, typed, component) != before && runs(client, typed, component) {
            typed.say(format_args!("[apiclient] Found 1 Pods for label selector component={component}"));
            typed.say(format_args!("[upgrade/staticpods] Component {component:?} upgraded successfully!"));
            return Ok(());
        }
        typed.pause(LOOK).await;
    }
    // What did not come up is put back.
    root.write(&path, old.as_bytes(), 0o600).map_err(|error| error.to_string())?;
    Err("couldn't complete the static pod upgrade: couldn't upgrade control plane. kubeadm has tried to recover everything into the earlier state. Errors faced: timed out waiting for the condition".to_owned())
}

fn write(root: &Root, (path, text): (&str, &str), (kept, old): (&str, &str)) -> Done {
    let written = root.write(kept, old.as_bytes(), 0o600).and_then(|()| root.write(path, text.as_bytes(), 0o600));
    written.map_err(|error| error.to_string())
}

fn mirror(client: &Client, typed: &Typed, component: &str) -> Option<crate::sim::apiserver::storage::Object> {
    client.find(&POD, "kube-system", &format!("{component}-{}", typed.call.machine.name))
}

fn hash(client: &Client, typed: &Typed, component: &str) -> Option<String> {
    mirror(client, typed, component)
        .and_then(|pod| meta::annotation(&pod, "kubernetes.io/config.hash").map(str::to_owned))
}

fn runs(client: &Client, typed: &Typed, component: &str) -> bool {
    mirror(client, typed, component).is_some_and(|pod| meta::text(&pod, "/status/phase") == "Running")
}
