//! `refuse`: a Pod does not reach somebody.
//! Negative: it pays only after a positive check.

use schemars::JsonSchema;
use serde::Deserialize;

use super::connect::{Caller, Destination};
use super::{Connect, Statement};
use crate::scenario::inspect::Inspect;

/// A Pod does not reach somebody: no name, no route, nobody who answers, or a policy between.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    /// The Pods that ask; none may be answered.
    pub from: Caller,
    /// Who is asked: `host:port`, or a URL. `NODE_IP` as the host stands for the address of the node the asking Pod is on.
    pub to: Destination,
}

impl Refuse {
    /// The same question, as `connect` asks it.
    pub fn question(&self) -> Connect {
        Connect { from: self.from.clone(), to: self.to.clone(), host: None, status: None, body: None }
    }
}

impl Statement for Refuse {
    fn is_negative(&self) -> bool {
        true
    }

    fn needs_network(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        self.from.inspect(inspect);
        self.to.inspect(inspect);
    }
}
