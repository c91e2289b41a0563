//! The mirrors of static Pods: made anew when somebody deletes them, for the kubelet runs them all the same.
//! Which static Pods a node has is the bootstrap's. Source: `pkg/kubelet/pod/mirror_client.go`.

use crate::object::meta;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Reconciler, Watched, own};

use super::manifests;

/// Keeps the mirrors there.
pub struct Mirrors;

static WATCHES: &[Watched] =
    &[Watched { resource: &NODE, keys: own }, Watched { resource: &POD, keys: node_of_mirror }];

fn node_of_mirror(_: &Context, pod: &Object) -> Vec<Key> {
    match meta::annotation(pod, "kubernetes.io/config.mirror") {
        Some(_) => vec![(String::new(), meta::text(pod, "/spec/nodeName").to_owned())],
        None => Vec::new(),
    }
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
        if meta::label(&node, "node-role.kubernetes.io/control-plane").is_none() {
            return Ok(Next::Done);
        }
        for pod in manifests::static_pods(&node)? {
            if context.client.find(&POD, meta::namespace(&pod), meta::name(&pod)).is_none() {
                context.client.create(&POD, pod)?;
            }
        }
        Ok(Next::Done)
    }
}
