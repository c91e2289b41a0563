//! The data directory etcd runs with: when its manifest leads to another, the cluster becomes what that one holds, and the directory
//! left behind keeps what was. What a data directory is stands in `machine/etcd`.

use std::collections::HashSet;
use std::io;

use super::{Operating, Seen, services};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::bootstrap::{self, Part, Words};
use crate::sim::control_plane::Running;
use crate::sim::etcd::real::{Began, RealEtcd};
use crate::sim::etcd::{self, Held, Keys};
use crate::sim::machine::Machine;
use crate::sim::machine::etcd::data::{self, Holds};
use crate::sim::machine::etcd::{Member, Saved, Store as _};
use crate::sim::machine::packages;
use crate::sim::machine::root::Root;

/// Where kubeadm's etcd has its data.
const USUAL: &str = "/var/lib/etcd";

/// The range of Service addresses an API server on a machine is told, if it can be one.
fn services(root: &Root) -> Option<String> {
    let text = root.text("/etc/kubernetes/manifests/kube-apiserver.yaml").ok()?;
    let range = text.lines().find_map(|line| line.trim().strip_prefix("- --service-cluster-ip-range="))?;
    bootstrap::address_in(range, 1).map(|_| range.to_owned())
}

impl Operating {
    /// Has etcd of a machine, which runs, open the directory its manifest names. False where it finds nothing it can serve yet.
    pub(super) async fn open_etcd(&self, machine: &Machine, seen: &mut Seen) -> bool {
        let Some(root) = machine.files() else { return true };
        let Some(member) = Member::of(root) else { return true };
        if let Some(real) = &self.real {
            return self.run_real(real, (machine, root, &member), seen).await;
        }
        let opened = match data::find(root, &member.data) {
            Holds::Live(number) => match seen.former.remove(&number) {
                // It was moved away, another state came, and now it is back.
                Some(saved) => self.swap((root, &member.data), &saved, seen).await,
                None => {
                    if seen.etcd.is_none() && number != data::WHATEVER {
                        seen.number = number;
                    }
                    Ok(())
                }
            },
            Holds::State(saved) => self.swap((root, &member.data), &saved, seen).await,
            Holds::Nothing if seen.etcds.contains(&machine.name) && seen.etcd.as_ref() == Some(&member.data) => Ok(()),
            // Only where no other member has the data.
            Holds::Nothing if seen.etcds.iter().any(|name| *name != machine.name) => return false,
            Holds::Nothing => {
                let left = self.leave((root, &member.data), seen);
                if self.begun(left, machine, seen).await {
                    seen.etcd = Some(member.data.clone());
                    if let Err(error) = data::run(root, &member.data, seen.number) {
                        tracing::warn!(%error, directory = member.data, "etcd cannot write its data");
                    }
                }
                return false;
            }
            Holds::Damaged => return false,
        };
        match opened {
            Ok(()) => {
                seen.etcd = Some(member.data);
                true
            }
            Err(error) => {
                tracing::warn!(%error, directory = member.data, "etcd cannot open its data");
                false
            }
        }
    }

    /// Has a real etcd run, and the cluster become what it holds.
    async fn run_real(
        &self,
        real: &RealEtcd,
        (machine, root, member): (&Machine, &Root, &Member),
        seen: &mut Seen,
    ) -> bool {
        let began = match real.run((root, member)).await {
            Ok(Began::Level) => return true,
            Ok(Began::Empty) => {
                if self.begun(Ok(()), machine, seen).await {
                    real.begin_anew().await;
                }
                return false;
            }
            Ok(Began::Other(held)) => {
                let became = self.become_what(&held, seen).await;
                if became.is_ok() {
                    real.became().await;
                }
                became
            }
            Err(error) => Err(io::Error::other(error)),
        };
        began.inspect_err(|error| tracing::warn!(%error, directory = member.data, "etcd cannot open its data")).is_ok()
    }

    /// The cluster becomes what `saved` holds.
    async fn swap(&self, (root, directory): (&Root, &str), saved: &Saved, seen: &mut Seen) -> io::Result<()> {
        let held = etcd::checkpoint(saved).map_err(io::Error::other)?;
        self.leave((root, directory), seen)?;
        self.become_what(&held, seen).await?;
        data::run(root, directory, seen.number)
    }

    /// Whether a cluster has begun in an empty etcd: there is what an API server makes for itself, and the Node of the machine,
    /// whose kubelet registers it anew; its static Pods start once more, and with them the API server.
    async fn begun(&self, left: io::Result<()>, machine: &Machine, seen: &mut Seen) -> bool {
        let begun = async {
            left?;
            self.shut().await?;
            self.plane.api.storage.restore(&Held::default());
            let authority = self.machines.authority().certificate_pem();
            let mut words =
                Words::new((&self.machines.birth().version, &machine.address), &authority, self.plane.api.clock.now());
            if let Some(range) = machine.files().and_then(services) {
                words = words.of_services(&range);
            }
            bootstrap::make(&self.kubelet.client, Part::ApiServer, &words).map_err(io::Error::other)?;
            let version = machine.files().and_then(|root| packages::program_version(root, "kubelet"));
            let version = version.unwrap_or_else(|| self.machines.birth().version.clone());
            services::register((machine, &version), (&self.kubelet.client, &self.plane.runtime));
            self.go_on(seen);
            io::Result::Ok(())
        };
        begun.await.inspect_err(|error| tracing::warn!(%error, "no cluster begins in an empty etcd")).is_ok()
    }

    /// The cluster becomes what is `held`. Nothing of it runs meanwhile, and the door is shut: who was connected connects anew.
    async fn become_what(&self, held: &Held, seen: &mut Seen) -> io::Result<()> {
        self.shut().await?;
        self.plane.api.storage.restore(held);
        self.go_on(seen);
        Ok(())
    }

    async fn shut(&self) -> io::Result<()> {
        let stopped = Running { api: false, ..self.plane.running() };
        self.plane.bring_to(stopped, || None).await.map_err(io::Error::other)?;
        self.plane.halt().await;
        Ok(())
    }

    fn go_on(&self, seen: &mut Seen) {
        let pods: HashSet<String> =
            self.kubelet.client.list(&POD, "").iter().map(|pod| meta::uid(pod).to_owned()).collect();
        self.plane.runtime.forget_others(&pods);
        // The mirrors are those of then: they have to follow the manifests of now.
        seen.manifests.clear();
        self.plane.resume();
    }

    /// Leaves what the cluster holds in the directory etcd ran with until now, and remembers it; the state that comes next has a number of its own.
    fn leave(&self, (root, next): (&Root, &str), seen: &mut Seen) -> io::Result<()> {
        let saved = Keys(self.plane.api.clone()).save();
        let known = [seen.etcd.as_deref().unwrap_or(USUAL), USUAL];
        let is_live = |directory: &str| matches!(data::find(root, directory), Holds::Live(_));
        let before = known.into_iter().find(|before| *before != next && is_live(before));
        let left = before.map_or(Ok(()), |before| data::leave(root, before, &saved));
        // The directory may be anywhere by now.
        seen.former.insert(seen.number, saved);
        seen.number = seen.former.keys().max().map_or(0, |newest| newest.saturating_add(1));
        left
    }
}
