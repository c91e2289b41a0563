//! Programs that somebody runs on a node itself and that ask its network: they run beside no container, and end.
//! Which of them are typed, and what else they reach, is the shell's.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::images;
use super::process::container::Start;
use super::process::files::Files;
use super::process::processes::Sight;
use super::process::sandbox::Sandbox;
use super::process::stream::Stream;
use super::process::tree::{Entry, Tree};
use super::server::Kubelet;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::network::{Caller, ClusterDns, Network, Protocol, Resolver, View};

/// The image that has the programs.
const IMAGE: &str = "curlimages/curl";

/// A program to run on a node.
pub struct Errand {
    pub node: String,
    pub words: Vec<String>,
    pub folder: String,
}

impl Kubelet {
    fn network(self: &Arc<Self>) -> Network {
        let sockets = Arc::downgrade(self);
        Network::new(self.context.client.clone(), sockets)
    }

    /// Whether the cluster has anything at an address and port that a node's own programs can ask for.
    pub fn has(self: &Arc<Self>, node: &str, address: std::net::IpAddr, port: u16) -> bool {
        let network = self.network();
        network.node(node).is_ok_and(|caller| network.has(&caller, (address, port, Protocol::Tcp)))
    }

    /// Runs a program on a node: what it says goes to `say` as it comes, its files to `keep` at the end. Its exit code.
    pub async fn errand(
        self: &Arc<Self>,
        errand: &Errand,
        mut say: impl FnMut(Stream, Vec<u8>),
        keep: impl FnOnce(&Files),
    ) -> Result<u8, String> {
        let network = Arc::new(self.network());
        let caller = network.node(&errand.node).map_err(|why| why.to_string())?;
        let clock = self.context.client.clock();
        let mut sandbox = Sandbox::new(clock.now());
        let resolver = self.resolver(&caller);
        sandbox.start("node", start(errand, View::of_node(network, caller, resolver))?)?;
        let run = sandbox.run("node").ok_or("it did not start")?;
        let process = sandbox.begin(&run, &errand.words, (false, false))?;
        loop {
            sandbox.run_until(clock.now());
            let ended = process.code();
            process.written.take().into_iter().for_each(|(stream, bytes)| say(stream, bytes));
            if let Some(code) = ended {
                keep(&run.files);
                return Ok(u8::try_from(code).unwrap_or(u8::MAX));
            }
            let next = sandbox.next_wake().ok_or("it stands still")?;
            clock.sleep_until(next).await;
        }
    }

    /// How names are looked up on a node: it knows the others.
    fn resolver(&self, caller: &Caller) -> Resolver {
        let nodes = self.context.client.list(&NODE, "");
        let addresses = |node: &serde_json::Value| {
            let inner = meta::list(node, "/status/addresses").iter().find(|one| one["type"] == "InternalIP");
            inner.map(|inner| json!({ "ip": inner["address"], "hostnames": [meta::name(node)] }))
        };
        let aliases: Vec<_> = nodes.iter().filter_map(|node| addresses(node)).collect();
        let node = json!({ "spec": { "hostNetwork": true, "dnsPolicy": "Default", "hostAliases": aliases } });
        Resolver::of(&node, (&caller.address.to_string(), &caller.node), &ClusterDns::default())
    }
}

fn start(errand: &Errand, network: View) -> Result<Start, String> {
    let image = images::resolve(IMAGE).map_err(|missing| missing.message(IMAGE))?;
    let mut tree = Tree::new();
    for folder in [errand.folder.trim_matches('/'), "tmp", "dev"] {
        for end in folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]) {
            tree.insert(folder[..end].to_owned(), Entry::folder(Timestamp::UNIX_EPOCH));
        }
    }
    Ok(Start {
        script: None,
        image,
        reference: IMAGE.to_owned(),
        command: ["sleep", "86400"].map(str::to_owned).to_vec(),
        args: Vec::new(),
        variables: [("HOME".to_owned(), "/root".to_owned())].into(),
        variable_order: Vec::new(),
        folder: errand.folder.clone(),
        files: Files::new(tree, Vec::new(), Ok(())),
        hostname: errand.node.clone(),
        memory: None,
        user: 0,
        group: 0,
        groups: Vec::new(),
        capabilities: Vec::new(),
        escalates: true,
        stdin: false,
        stdin_once: false,
        tty: false,
        address: String::new(),
        network,
        sight: Sight::Own,
    })
}
