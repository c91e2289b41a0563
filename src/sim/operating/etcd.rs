//! The data directory etcd runs with: when its manifest leads to another, the cluster becomes what that one holds, and the directory
//! left behind keeps what was. What a data directory is stands in `machine/etcd`.

use std::collections::HashSet;
use std::io;

use super::{Operating, Seen};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::control_plane::Running;
use crate::sim::etcd::real::{Began, RealEtcd};
use crate::sim::etcd::{self, Held, Keys};
use crate::sim::machine::Machine;
use crate::sim::machine::etcd::data::{self, Holds};
use crate::sim::machine::etcd::{Member, Saved, Store as _};
use crate::sim::machine::root::Root;

/// Where kubeadm's etcd has its data.
const USUAL: &str = "/var/lib/etcd";

impl Operating {
    /// Has etcd of a machine, which runs, open the directory its manifest names. False where it finds nothing it could serve:
    /// an etcd that begins empty is not simulated.
    pub(super) async fn open_etcd(&self, machine: &Machine, seen: &mut Seen) -> bool {
        let Some(root) = machine.files() else { return true };
        let Some(member) = Member::of(root) else { return true };
        if let Some(real) = &self.real {
            return self.run_real(real, (root, &member), seen).await;
        }
        let opened = match data::find(root, &member.data) {
            Holds::Live => Ok(()),
            Holds::State(saved) => self.swap((root, &member.data), &saved, seen).await,
            Holds::Nothing | Holds::Damaged => return false,
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
    async fn run_real(&self, real: &RealEtcd, (root, member): (&Root, &Member), seen: &mut Seen) -> bool {
        let began = match real.run((root, member)).await {
            Ok(Began::Level) => return true,
            Ok(Began::Empty) => return false,
            Ok(Began::Other(held)) => self.become_what(&held, seen).await,
            Err(error) => Err(io::Error::other(error)),
        };
        began.inspect_err(|error| tracing::warn!(%error, directory = member.data, "etcd cannot open its data")).is_ok()
    }

    /// The cluster becomes what `saved` holds.
    async fn swap(&self, (root, directory): (&Root, &str), saved: &Saved, seen: &mut Seen) -> io::Result<()> {
        let held = etcd::checkpoint(saved).map_err(io::Error::other)?;
        self.leave((root, directory), seen)?;
        self.become_what(&held, seen).await?;
        data::run(root, directory)
    }

    /// The cluster becomes what is `held`. Nothing of it runs meanwhile, and the door is shut: who was connected connects anew.
    async fn become_what(&self, held: &Held, seen: &mut Seen) -> io::Result<()> {
        let stopped = Running { api: false, ..self.plane.running() };
        self.plane.bring_to(stopped, || None).await.map_err(io::Error::other)?;
        self.plane.halt().await;
        self.plane.api.storage.restore(held);
        let pods: HashSet<String> =
            self.kubelet.client.list(&POD, "").iter().map(|pod| meta::uid(pod).to_owned()).collect();
        self.plane.runtime.forget_others(&pods);
        // The mirrors are those of then: they have to follow the manifests of now.
        seen.manifests.clear();
        self.plane.resume();
        Ok(())
    }

    /// Leaves what the cluster holds in the directory etcd ran with until now.
    fn leave(&self, (root, next): (&Root, &str), seen: &Seen) -> io::Result<()> {
        let known = [seen.etcd.as_deref().unwrap_or(USUAL), USUAL];
        let before = known.into_iter().find(|before| *before != next && data::find(root, before) == Holds::Live);
        before.map_or(Ok(()), |before| data::leave(root, before, &Keys(self.plane.api.clone()).save()))
    }
}
