//! node-ipam-controller: cuts the range of Pod addresses into pieces, one for each node, where the controller manager is told to.
//! What gives Pods their addresses is the network's. Source: `pkg/controller/nodeipam/ipam/range_allocator.go`, `cidrset/cidr_set.go`.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are nodes.
pub static NODE_IPAM_CONTROLLER: Controller =
    Controller { name: "cidrAllocator", watches: &[Watched { resource: &NODE, keys: own }], reconcile };

/// How many addresses a node gets where no flag says it (`--node-cidr-mask-size`, or `-ipv4`).
const MASK: u32 = 24;

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let client = &context.client;
    let Some(node) = client.find(&NODE, "", name) else { return Ok(Next::Done) };
    if !meta::text(&node, "/spec/podCIDR").is_empty() {
        return Ok(Next::Done);
    }
    let Some((base, bits, mask)) = range(client) else { return Ok(Next::Done) };
    let nodes = client.list(&NODE, "");
    let taken: Vec<&str> = nodes.iter().map(|node| meta::text(node, "/spec/podCIDR")).collect();
    let pieces = 1u32.checked_shl(mask.saturating_sub(bits)).unwrap_or_default();
    let piece = |index: u32| format!("{}/{mask}", Ipv4Addr::from(base + index * 2u32.pow(32 - mask)));
    match (0..pieces).map(piece).find(|piece| !taken.contains(&piece.as_str())) {
        Some(piece) => {
            client.modify(&NODE, "", name, |node| {
                node["spec"]["podCIDR"] = json!(piece);
                node["spec"]["podCIDRs"] = json!([piece]);
            })?;
        }
        None => {
            context.events.normal(&node, "CIDRNotAvailable", &format!("Node {name} status is now: CIDRNotAvailable"));
        }
    }
    Ok(Next::Done)
}

/// The range the controller manager cuts, as its flags say: first address, bits, and the bits of a piece.
fn range(client: &Client) -> Option<(u32, u32, u32)> {
    let pods = client.list(&POD, "kube-system");
    let manager = pods.iter().find(|pod| meta::label(pod, "component") == Some("kube-controller-manager"))?;
    let words = meta::list(manager, "/spec/containers").iter().flat_map(|one| meta::list(one, "/command"));
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    let flag =
        |name: &str| words.iter().find_map(|word| word.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='));
    if flag("allocate-node-cidrs") != Some("true") {
        return None;
    }
    let (base, bits) = flag("cluster-cidr")?.split_once('/')?;
    let mask = flag("node-cidr-mask-size")
        .or_else(|| flag("node-cidr-mask-size-ipv4"))
        .and_then(|mask| mask.parse().ok())
        .unwrap_or(MASK);
    let bits = bits.parse().ok().filter(|bits| *bits <= mask && mask <= 32)?;
    let base = u32::from(base.parse::<Ipv4Addr>().ok()?) & u32::MAX.checked_shl(32 - bits).unwrap_or_default();
    Some((base, bits, mask))
}
