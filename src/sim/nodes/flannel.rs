//! What flannel does on its node: it says which network there is, where the container runtime looks, or ends because it cannot.
//! Its manifest's init containers and the program itself are taken together. Source: github.com/flannel-io/flannel, `pkg/subnet/kube`.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use super::process::script::Script;
use super::runtime::Runtime;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::machine::root::Root;

/// Where the container runtime looks, and the name flannel's manifest gives the file.
const CONFIGURATION: &str = "/etc/cni/net.d/10-flannel.conflist";
const SUBNET: &str = "/run/flannel/subnet.env";

/// How a container that starts ends when flannel finds no network for its node; without a fault the network is there afterwards.
pub fn script(runtime: &Runtime, client: &Client, (pod, container): (&Value, &Value)) -> Option<Script> {
    let words =
        || ["/command", "/args"].into_iter().flat_map(|list| meta::list(container, list)).filter_map(Value::as_str);
    let is_flannel = meta::text(container, "/image").contains("flannel-io/flannel:");
    if !is_flannel || !words().any(|word| word == "--kube-subnet-mgr") {
        return None;
    }
    // One that is only taken up again has done it before.
    let statuses = meta::list(pod, "/status/containerStatuses").iter();
    if statuses.filter(|status| status["name"] == container["name"]).any(|one| one.pointer("/state/running").is_some())
    {
        return None;
    }
    let name = meta::text(pod, "/spec/nodeName");
    let machine = runtime.laid(name)?;
    let node = client.find(&NODE, "", name)?;
    let Some((network, configuration)) = configured(client, pod) else {
        return Some(ends(
            "error parsing subnet config: net-conf.json or cni-conf.json of the ConfigMap cannot be read",
        ));
    };
    match lay(machine.files()?, (meta::text(&node, "/spec/podCIDR"), name), (&network, &configuration)) {
        Ok(()) => {
            let told = client.modify(&NODE, "", name, |node| {
                meta::set_annotation(node, "flannel.alpha.coreos.com/public-ip", &machine.address);
            });
            told.err().map(|status| ends(&status.to_string()))
        }
        Err(why) => Some(ends(&format!("failed to acquire lease: {why}"))),
    }
}

fn ends(why: &str) -> Script {
    let last = vec![format!("Error registering network: {why}")];
    Script { after: Duration::from_secs(1), last, code: Some(1), ..Script::default() }
}

/// The network and the configuration of the Pod's ConfigMap.
fn configured(client: &Client, pod: &Value) -> Option<(String, String)> {
    let volumes = meta::list(pod, "/spec/volumes").iter();
    let maps = volumes.map(|volume| meta::text(volume, "/configMap/name")).filter(|name| !name.is_empty());
    let found = maps.filter_map(|name| client.find(&CONFIGMAP, meta::namespace(pod), name));
    found.into_iter().find_map(|map| {
        let network: Value = serde_json::from_str(map["data"]["net-conf.json"].as_str()?).ok()?;
        Some((network["Network"].as_str()?.to_owned(), map["data"]["cni-conf.json"].as_str()?.to_owned()))
    })
}

/// Writes down the network of a node whose piece of it is `cidr`.
fn lay(root: &Root, (cidr, node): (&str, &str), (network, configuration): (&str, &str)) -> Result<(), String> {
    if cidr.is_empty() {
        return Err(format!("node {node:?} pod cidr not assigned"));
    }
    let first = read(cidr).ok_or_else(|| format!("invalid CIDR address: {cidr}"))?;
    let whole = read(network).ok_or_else(|| format!("invalid CIDR address: {network}"))?;
    let (place, bits) = whole;
    if bits > first.1 || (place ^ first.0).checked_shr(32 - bits).unwrap_or_default() != 0 {
        return Err(format!(
            "subnet {network:?} specified in the flannel net config doesn't contain {cidr:?} PodCIDR of the {node:?} node"
        ));
    }
    let bridge = Ipv4Addr::from(first.0 + 1);
    let subnet = format!(
        "FLANNEL_NETWORK={network}\nFLANNEL_SUBNET={bridge}/{}\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
        first.1
    );
    let written = root.write(SUBNET, subnet.as_bytes(), 0o644);
    written.and_then(|()| root.write(CONFIGURATION, configuration.as_bytes(), 0o644)).map_err(|error| error.to_string())
}

/// A range: its first address, and the bits all of it have in common.
fn read(cidr: &str) -> Option<(u32, u32)> {
    let (base, bits) = cidr.split_once('/')?;
    Some((u32::from(base.parse::<Ipv4Addr>().ok()?), bits.parse().ok().filter(|bits| (1..=32).contains(bits))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_gets_a_network_that_holds_its_piece() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::open(folder.path())?;
        let network = ("10.244.0.0/16", "{}");
        assert!(lay(&root, ("", "a"), network).is_err_and(|why| why == "node \"a\" pod cidr not assigned"));
        assert!(lay(&root, ("192.168.0.0/24", "a"), network).is_err_and(|why| why.contains("doesn't contain")));
        assert!(!root.exists(CONFIGURATION));
        assert_eq!(lay(&root, ("10.244.7.0/24", "a"), network), Ok(()));
        assert!(root.text(SUBNET)?.contains("FLANNEL_SUBNET=10.244.7.1/24\n") && root.exists(CONFIGURATION));
        Ok(())
    }
}
