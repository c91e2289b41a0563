//! Which components of the control plane run: those whose static Pod has a container that does.
//! Why a container ends stands in its log; that the parts start and stop is `control_plane`'s.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Operating, Seen};
use crate::object::meta;
use crate::sim::apiserver::pki::{Issued, KeyPair, certificate_der};
use crate::sim::apiserver::storage::Object;
use crate::sim::control_plane::{Running, WHOLE};
use crate::sim::machine::Machine;
use crate::sim::nodes::components::{self, program};
use crate::sim::nodes::second_schedulers::is_second;
use crate::sim::nodes::{manifests, static_pods};

/// The API server's certificate and key, without the endings of their files.
const SERVING: &str = "/etc/kubernetes/pki/apiserver";

impl Operating {
    /// Starts and stops components as their containers do.
    pub(super) async fn components(&self, seen: &mut Seen) {
        let planes: Vec<Arc<Machine>> =
            self.machines.all().into_iter().filter(|machine| machine.control_plane).collect();
        // A control plane nobody went into is whole.
        let touched = planes.iter().all(|machine| machine.files().is_some());
        let mut wanted = if touched { self.wanted(&planes) } else { WHOLE };
        let with_etcd = || planes.iter().filter(|machine| touched && self.is_up((machine, "etcd"), true));
        for machine in with_etcd() {
            wanted.api &= self.open_etcd(machine, seen).await;
        }
        if let Some(real) = self.real.as_ref().filter(|_| touched && with_etcd().next().is_none()) {
            real.stop().await;
        }
        let certificate = || planes.iter().find_map(|machine| certificate(machine));
        if let Err(error) = self.plane.bring_to(wanted, certificate).await {
            tracing::warn!(%error, "the API server cannot listen");
        }
        self.show_certificate(&planes).await;
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
        let (client, now) = (&self.kubelet.client, self.kubelet.client.clock().now());
        for pod in static_pods::mirrors(client, &machine.name) {
            for container in meta::list(&pod, "/spec/containers") {
                components::script(&self.plane.runtime, client, (&pod, container), now);
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
        let is_other = |pod: &Value, container: &Value| {
            name == "kube-scheduler" && is_second(&self.plane.runtime, &self.kubelet.client, (pod, container))
        };
        let has = |pod: &Value| {
            let mut containers = meta::list(pod, "/spec/containers").iter();
            containers.any(|container| program(container) == Some(name) && !is_other(pod, container))
        };
        let mirrors: Vec<Object> = static_pods::mirrors(&self.kubelet.client, &machine.name);
        let mut own = mirrors.iter().filter(|pod| has(pod)).peekable();
        if own.peek().is_some() {
            return own.any(|pod| {
                let statuses = meta::list(pod, "/status/containerStatuses");
                let runs = statuses.iter().any(|status| status.pointer("/state/running").is_some());
                runs && !self.plane.runtime.is_idle(meta::uid(pod))
            });
        }
        let files = manifests::files(&self.plane.runtime, &machine.name).unwrap_or_default();
        let node = json!({ "metadata": { "name": machine.name } });
        before && manifests::static_pods(&node, &files).iter().any(has)
    }
}

/// The certificate the API server of a machine shows, as it lies there.
fn certificate(machine: &Machine) -> Option<Issued> {
    let root = machine.files()?;
    let text = |name: &str| root.text(&format!("{SERVING}.{name}")).ok();
    Some(Issued { certificate: certificate_der(&text("crt")?).ok()?, key: KeyPair::from_pem(&text("key")?).ok()? })
}
