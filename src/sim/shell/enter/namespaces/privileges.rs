//! What root on a node may do: what files and processes of the node need, and nothing that could undo the mounts.
//! The rights are those of a user namespace: over the host they are none.

use rustix::io::Errno;
use rustix::process::DumpableBehavior;
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::told;

/// Over the node's own files and processes.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID);

/// Gives up the rest, for this process and all that come from it.
pub fn drop_all() -> Result<(), String> {
    for capability in (0..64).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
        if KEPT.contains(capability) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // Beyond the last that the kernel knows.
            Err(Errno::INVAL) => break,
            dropped => told("giving up rights", dropped)?,
        }
    }
    let sets = CapabilitySets { effective: KEPT, permitted: KEPT, inheritable: CapabilitySet::empty() };
    told("giving up rights", rustix::thread::set_capabilities(None, sets))?;
    told("giving up rights", rustix::thread::set_no_new_privs(true))?;
    told("hiding process 1", rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable))
}
