//! Pod addresses: each from its node's podCIDR, or the node's own for Pods on the host network.
//! Real clusters leave this to the CNI plugin; the order here is that of `host-local`, ever upwards.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::PoisonError;

use serde_json::{Value, json};

use super::kubelet::{Kubelets, Sync};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::pod::POD;

/// The last address given on each node.
pub type Taken = HashMap<String, Last>;

/// The place of an address in its node's range, and whether all of that was given out once.
pub struct Last {
    at: u32,
    around: bool,
}

/// Gives the Pod its address, once.
pub fn assign(kubelets: &Kubelets, sync: &mut Sync, node: &Value) {
    if sync.status.get("podIP").is_some() {
        return;
    }
    let address = if meta::truth(sync.pod, "/spec/hostNetwork") {
        meta::text(&sync.status, "/hostIP").to_owned()
    } else {
        match next(kubelets, sync, node) {
            Some(address) => address.to_string(),
            None => return,
        }
    };
    sync.status["podIP"] = json!(address);
    sync.status["podIPs"] = json!([{ "ip": address }]);
}

fn next(kubelets: &Kubelets, sync: &Sync, node: &Value) -> Option<Ipv4Addr> {
    let (base, bits) = meta::text(node, "/spec/podCIDR").split_once('/')?;
    let base = u32::from(base.parse::<Ipv4Addr>().ok()?);
    let size = 1u32.checked_shl(32u32.checked_sub(bits.parse().ok()?)?)?;
    let name = meta::name(node);
    let mut taken = kubelets.addresses.lock().unwrap_or_else(PoisonError::into_inner);
    // The first time, go on after the highest address a Pod of this node already has.
    let last =
        taken.entry(name.to_owned()).or_insert_with(|| Last { at: highest(sync, name, base, size), around: false });
    for _ in 0..size {
        // .0 is the network, .1 the bridge.
        if last.at + 2 >= size {
            *last = Last { at: 2, around: true };
        } else {
            last.at = (last.at + 1).max(2);
        }
        let address = Ipv4Addr::from(base + last.at);
        // Once around, an address may be somebody's still.
        if !last.around || !is_taken(sync, name, address) {
            return Some(address);
        }
    }
    None
}

fn is_taken(sync: &Sync, node: &str, address: Ipv4Addr) -> bool {
    let address = address.to_string();
    let pods = sync.context.client.list(&POD, "");
    let is_over = |pod: &Value| matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed");
    pods.iter().any(|pod| {
        meta::text(pod, "/spec/nodeName") == node && meta::text(pod, "/status/podIP") == address && !is_over(pod)
    })
}

fn highest(sync: &Sync, node: &str, base: u32, size: u32) -> u32 {
    let pods = sync.context.client.list(&POD, "");
    let on_node = pods.iter().filter(|pod| meta::text(pod, "/spec/nodeName") == node);
    let offsets = on_node.filter_map(|pod| {
        let address = u32::from(meta::text(pod, "/status/podIP").parse::<Ipv4Addr>().ok()?);
        address.checked_sub(base).filter(|offset| *offset < size)
    });
    offsets.max().unwrap_or(1)
}
