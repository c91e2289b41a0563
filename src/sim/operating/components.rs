//! Which components of the control plane run: those whose static Pod has a container that does.
//! Why a container ends stands in its log; that the parts start and stop is `control_plane`'s.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Operating, Seen};
use crate::object::meta;
use crate::sim::apiserver::pki::{Authority, Issued, KeyPair, certificate_der};
use crate::sim::apiserver::storage::Object;
use crate::sim::control_plane::{Running, WHOLE};
use crate::sim::machine::Machine;
use crate::sim::nodes::components::{Starting, program};
use crate::sim::nodes::{manifests, static_pods};

/// The API server's certificate and key, without the endings of their files.
const SERVING: &str = "/etc/kubernetes/pki/apiserver";

impl Operating {
    /// Starts and stops components as their containers do.
    pub(super) async fn components(&self, seen: &mut Seen) {
        let planes: Vec<Arc<Machine>> =
            self.machines.all().into_iter().filter(|machine| machine.has_control_plane()).collect();
        // A control plane nobody went into is whole.
        let touched = planes.iter().all(|machine| machine.files().is_some());
        let mut wanted = if touched { self.wanted(&planes) } else { WHOLE };
        let with_etcd = || planes.iter().filter(|machine| touched && self.is_up((machine, "etcd"), true));
        for machine in with_etcd() {
            wanted.api &= self.open_etcd(machine, seen).await;
        }
        seen.etcds = with_etcd().map(|machine| machine.name.clone()).collect();
        if let Some(real) = self.real.as_ref().filter(|_| touched && with_etcd().next().is_none()) {
            real.stop().await;
        }
        let certificate = || planes.iter().find_map(|machine| certificate(machine));
        if let Err(error) = self.plane.bring_to(wanted, certificate).await {
            tracing::warn!(%error, "the API server cannot listen");
        }
        self.show_certificate(&planes).await;
    }

    /// The cluster's authority is the one whose certificate and key lie on the control plane: another one after a `kubeadm init`.
    pub async fn authority(&self) {
        let known = self.machines.authority();
        let planes = self.machines.all().into_iter().filter(|machine| machine.has_control_plane());
        // Of several control planes the first one's counts.
        let Some(Some(found)) = planes.map(|machine| authority(&machine, &known)).find(Option::is_some).flatten()
        else {
            return;
        };
        let (found, own) = (Arc::new(found), &self.machines.birth().authority);
        let is_own = found.certificate() == own.certificate();
        self.machines.set_authority(found.clone());
        self.plane.set_authority(found, is_own).await;
    }

    /// Has an API server that runs show the certificate that is in its file now.
    async fn show_certificate(&self, planes: &[Arc<Machine>]) {
        let lies = |machine: &Arc<Machine>| {
            let text = machine.files()?.text(&format!("{SERVING}.crt")).ok()?;
            certificate_der(&text).ok()
        };
        let shown = planes.iter().find_map(lies).is_none_or(|der| self.plane.shows(&der));
        let Some(certificate) = planes.iter().find_map(|machine| certificate(machine)).filter(|_| !shown) else {
            return;
        };
        // A key that does not fit yet comes later.
        if let Err(error) = self.plane.show(certificate).await {
            tracing::debug!(%error, "the API server keeps its certificate");
        }
    }

    /// Whether components that run do anything is found out again: what was known belongs to another time.
    pub(super) fn look_into(&self, machine: &Machine) {
        let (client, runtime) = (&self.kubelet.client, &*self.plane.runtime);
        for pod in static_pods::mirrors(client, &machine.name) {
            for container in meta::list(&pod, "/spec/containers") {
                let texts =
                    |list: &str| meta::list(container, list).iter().filter_map(Value::as_str).map(str::to_owned);
                let words: Vec<String> = texts("/command").chain(texts("/args")).collect();
                let now = client.clock().now();
                let starting = Starting { runtime, client, of: (&pod, container), words: &words, files: None, now };
                starting.script().iter().for_each(|script| runtime.note(meta::uid(&pod), script));
            }
        }
    }

    fn wanted(&self, planes: &[Arc<Machine>]) -> Running {
        let before = self.plane.running();
        let is_up = |name: &str, before: bool| planes.iter().any(|machine| self.is_up((machine, name), before));
        let etcd = is_up("etcd", before.api);
        Running {
            api: etcd && is_up("kube-apiserver", before.api),
            controllers: is_up("kube-controller-manager", before.controllers),
            scheduler: is_up("kube-scheduler", before.scheduler),
        }
    }

    /// Whether a component's container runs on a machine. While its mirror is on the way, what was before counts.
    fn is_up(&self, (machine, name): (&Machine, &str), before: bool) -> bool {
        // A scheduler by other names only is no part of the control plane.
        let is_other = |pod: &Value| {
            name == "kube-scheduler"
                && self.plane.runtime.caller(meta::uid(pod)).is_some_and(|caller| caller.is_second())
        };
        let has = |pod: &Value| {
            let mut containers = meta::list(pod, "/spec/containers").iter();
            containers.any(|container| program(container) == Some(name)) && !is_other(pod)
        };
        let mirrors: Vec<Object> = static_pods::mirrors(&self.kubelet.client, &machine.name);
        let mut own = mirrors.iter().filter(|pod| has(pod)).peekable();
        if own.peek().is_some() {
            return own.any(|pod| {
                let (runtime, uid) = (&self.plane.runtime, meta::uid(pod));
                // The kubelet may still have to find that a container has ended.
                let lives = |status: &Value| runtime.lives(uid, meta::text(status, "/containerID"));
                let statuses = meta::list(pod, "/status/containerStatuses");
                let runs = statuses.iter().any(|status| status.pointer("/state/running").is_some() && lives(status));
                runs && !runtime.is_idle(uid)
            });
        }
        let files = manifests::files(&self.plane.runtime, &machine.name).unwrap_or_default();
        let node = json!({ "metadata": { "name": machine.name } });
        // What a manifest's Pod schedules is known of its mirror.
        let known =
            |pod: &Value| mirrors.iter().any(|mirror| meta::name(mirror) == meta::name(pod) && is_other(mirror));
        before && manifests::static_pods(&node, &files).iter().any(|pod| has(pod) && !known(pod))
    }
}

/// The authority that lies on a machine, if one does; `Some(None)` where it is the one that is known.
fn authority(machine: &Machine, known: &Authority) -> Option<Option<Authority>> {
    let text = |ending: &str| machine.files()?.text(&format!("/etc/kubernetes/pki/ca.{ending}")).ok();
    let certificate = text("crt")?;
    if certificate_der(&certificate).ok()? == known.certificate() {
        return Some(None);
    }
    Authority::from_pem(&certificate, &text("key")?).ok().map(Some)
}

/// The certificate the API server of a machine shows, as it lies there.
fn certificate(machine: &Machine) -> Option<Issued> {
    let root = machine.files()?;
    let text = |name: &str| root.text(&format!("{SERVING}.{name}")).ok();
    Some(Issued { certificate: certificate_der(&text("crt")?).ok()?, key: KeyPair::from_pem(&text("key")?).ok()? })
}
