//! What kubelets tell of nodes that are cordoned, and that Pods may come to again.
//! Who cordons writes it into the Node; its kubelet sees it when it looks after its status the next time.
//! Source: `pkg/kubelet/kubelet_node_status.go`, recordNodeSchedulableEvent.

use std::collections::HashMap;

use serde_json::json;

use super::halted::Halt;
use super::runtime::Runtime;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::recorder::Recorder;
use crate::sim::apiserver::registry::kinds::node::NODE;

/// What the kubelets of all nodes know of it.
#[derive(Default)]
pub struct Cordons {
    /// Whether each node was cordoned at the last look; nothing before the first.
    known: Option<HashMap<String, bool>>,
    recorders: HashMap<String, Recorder>,
}

impl Cordons {
    /// Has every kubelet that works look at its Node.
    pub fn look(&mut self, client: &Client, runtime: &Runtime) {
        let mut seen = HashMap::new();
        for node in client.list(&NODE, "") {
            let name = meta::name(&node);
            // At the first look all kubelets were at work before, and have told it. A node that comes later has not been cordoned yet.
            let before = self.known.as_ref().map(|known| known.get(name).copied().unwrap_or_default());
            let halt = runtime.halt(name);
            let cordoned = match halt {
                None => meta::truth(&node, "/spec/unschedulable"),
                // One that starts takes its node for one that is not.
                Some(Halt::Stopped) => false,
                Some(_) => before.unwrap_or_default(),
            };
            if halt.is_none() && before.is_some_and(|before| before != cordoned) {
                self.tell(client, name, cordoned);
            }
            seen.insert(name.to_owned(), cordoned);
        }
        self.known = Some(seen);
    }

    fn tell(&mut self, client: &Client, node: &str, cordoned: bool) {
        let reason = if cordoned { "NodeNotSchedulable" } else { "NodeSchedulable" };
        let recorder = self.recorders.entry(node.to_owned());
        let recorder = recorder.or_insert_with(|| Recorder::new(client.clone(), "kubelet", node));
        // A kubelet's reference to its Node has no uid.
        let about = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": node } });
        recorder.normal(&about, reason, &format!("Node {node} status is now: {reason}"));
    }
}
