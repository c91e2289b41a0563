//! What happened in the cluster that may make a Pod schedulable, with enough of it to say whether it concerns that Pod.
//! Who is woken by it is the queue's, each plugin has its own opinion. Source: `pkg/scheduler/framework/events.go`.

use super::node::NodeInfo;
use super::pod::PodInfo;
use crate::sim::apiserver::storage::Object;

/// Kinds of what can happen: a set of the bits below.
pub type Happenings = u16;
pub const NODE_ADDED: Happenings = 1;
pub const NODE_ALLOCATABLE: Happenings = 1 << 1;
pub const NODE_LABELS: Happenings = 1 << 2;
pub const NODE_TAINTS: Happenings = 1 << 3;
/// A Pod came to a node.
pub const POD_ADDED: Happenings = 1 << 4;
/// A Pod on a node has other labels.
pub const POD_LABELS: Happenings = 1 << 5;
/// A Pod on a node is gone or has ended.
pub const POD_GONE: Happenings = 1 << 6;
pub const CLAIM: Happenings = 1 << 7;
pub const VOLUME: Happenings = 1 << 8;
pub const CLASS: Happenings = 1 << 9;
pub const NAMESPACES: Happenings = 1 << 10;
pub const NODE_GONE: Happenings = 1 << 11;
/// A Pod on a node asks for less than before (`pkg/scheduler/framework/events.go`, extractPodScaleDown).
pub const POD_SCALED_DOWN: Happenings = 1 << 12;

/// What a thing that happened is about.
pub enum About {
    /// A node as it is now (its Pods are not there), and as it was.
    Node(Box<NodeInfo>, Option<Box<NodeInfo>>),
    /// A Pod on a node as it is, and as it was.
    Pod(PodInfo, Option<PodInfo>),
    /// A claim.
    Claim(Object),
    /// A volume, a class or a namespace.
    Other,
}

/// Something that happened.
pub struct Happened {
    pub what: Happenings,
    pub about: About,
}

impl Happened {
    /// Whether it is about a node of which `suits` was not true before and is now; what is not about a node is not judged.
    pub fn node_came_to(&self, suits: impl Fn(&NodeInfo) -> bool) -> bool {
        match &self.about {
            About::Node(now, before) => suits(now) && before.as_ref().is_none_or(|before| !suits(before)),
            _ => true,
        }
    }

    /// Whether it is about a Pod of which `concerns` is true, as it is or as it was; what is not about a Pod is not judged.
    pub fn pod_is(&self, concerns: impl Fn(&PodInfo) -> bool) -> bool {
        match &self.about {
            About::Pod(now, before) => concerns(now) || before.as_ref().is_some_and(&concerns),
            _ => true,
        }
    }
}
