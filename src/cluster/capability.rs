//! All that a cluster can do.
//! The single capabilities and their words are base's.

use std::collections::BTreeSet;

pub use crate::base::capability::Capability;

/// All that a cluster can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<Capability>);

impl FromIterator<Capability> for Capabilities {
    fn from_iter<T: IntoIterator<Item = Capability>>(capabilities: T) -> Self {
        Self(capabilities.into_iter().collect())
    }
}

impl Capabilities {
    /// One more.
    #[must_use]
    pub fn and(mut self, capability: Capability) -> Self {
        self.0.insert(capability);
        self
    }

    /// What is asked for that the cluster does not have.
    pub fn lacking(&self, asked: &[Capability]) -> Vec<Capability> {
        asked.iter().filter(|capability| !self.0.contains(*capability)).copied().collect()
    }

    /// The words of all of them.
    pub fn words(&self) -> Vec<&'static str> {
        self.0.iter().map(|capability| capability.word()).collect()
    }
}
