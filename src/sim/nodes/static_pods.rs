//! The mirrors of static Pods: made when a manifest is there, anew when it changes or somebody deletes them, gone with it.
//! Which static Pods a node has stands in `manifests`. Source: `pkg/kubelet/pod/mirror_client.go`, `pkg/kubelet/kubelet.go`.

use std::sync::Arc;

use serde_json::Value;

use super::manifests;
use super::runtime::Runtime;
use crate::object::meta;
use crate::object::selector::FieldSelector;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Reconciler, Watched, own};

/// Keeps the mirrors there.
pub struct Mirrors(pub Arc<Runtime>);

static WATCHES: &[Watched] =
    &[Watched { resource: &NODE, keys: own }, Watched { resource: &POD, keys: node_of_mirror }];

const MIRROR: &str = "kubernetes.io/config.mirror";

/// Whether a Pod stands for one that its node has from a file.
pub fn is_mirror(pod: &Value) -> bool {
    meta::annotation(pod, MIRROR).is_some()
}

fn node_of_mirror(_: &Context, pod: &Object) -> Vec<Key> {
    match is_mirror(pod) {
        true => vec![(String::new(), meta::text(pod, "/spec/nodeName").to_owned())],
        false => Vec::new(),
    }
}

/// The mirrors a node has.
pub fn mirrors(client: &Client, node: &str) -> Vec<Object> {
    let Ok(here) = FieldSelector::parse(&format!("spec.nodeName={node}")) else { return Vec::new() };
    client.where_fields(&POD, "", &here).into_iter().filter(|pod| is_mirror(pod)).collect()
}

impl Reconciler for Mirrors {
    fn name(&self) -> &'static str {
        "kubelet"
    }

    fn watches(&self) -> &'static [Watched] {
        WATCHES
    }

    fn reconcile(&self, context: &Context, (_, name): &Key) -> Result<Next> {
        let Some(node) = context.client.find(&NODE, "", name) else { return Ok(Next::Done) };
        let Some(files) = manifests::files(&self.0, name) else { return Ok(Next::Done) };
        let mut wanted = manifests::static_pods(&node, &files);
        // What goes wrong with one keeps no other back.
        let mut first = Ok(());
        for pod in mirrors(&context.client, name) {
            let same = |wanted: &Value| {
                meta::name(wanted) == meta::name(&pod) && meta::namespace(wanted) == meta::namespace(&pod)
            };
            let is_wanted = wanted
                .iter()
                .any(|wanted| same(wanted) && meta::annotation(wanted, MIRROR) == meta::annotation(&pod, MIRROR));
            // One that is going has to be gone before another can take its name.
            wanted.retain(|wanted| !same(wanted));
            if !is_wanted && !meta::is_terminating(&pod) {
                let options = DeleteOptions { uid: Some(meta::uid(&pod).to_owned()), ..DeleteOptions::default() };
                let done = context.client.delete(&POD, meta::namespace(&pod), meta::name(&pod), &options);
                first = first.and(done.map(drop));
            }
        }
        for pod in wanted {
            first = first.and(context.client.create(&POD, pod).map(drop));
        }
        first.map(|()| Next::Done)
    }
}
