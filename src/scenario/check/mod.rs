//! Checks: what must hold when a task is done. One kind, one file, one row below.
//! Looking whether a check holds is grading's.

mod absent;
mod answer_file;
mod can;
mod cannot;
mod cel;
mod certificate;
mod connect;
mod count;
mod etcd_snapshot;
mod event;
mod node_command;
mod node_file;
mod node_package;
mod node_service;
mod object;
mod refuse;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

pub use absent::Absent;
pub use answer_file::{AnswerFile, Expectation};
pub use can::{Access, Can, ResourceName};
pub use cannot::Cannot;
pub use cel::Cel;
pub use certificate::Certificate;
pub use connect::{Caller, Callers, Connect, Destination};
pub use count::{Bounds, Count};
pub use etcd_snapshot::EtcdSnapshot;
pub use event::Event;
pub use node_command::NodeCommand;
pub use node_file::NodeFile;
pub use node_package::NodePackage;
pub use node_service::NodeService;
pub use object::Object;
pub use refuse::Refuse;

use super::form::schema_of_form;
use super::inspect::Inspect;

/// What every kind of check can say about itself.
pub trait Statement {
    /// Whether it can hold because nothing was done.
    fn is_negative(&self) -> bool {
        false
    }

    /// Whether it is answered by traffic between Pods.
    fn needs_network(&self) -> bool {
        false
    }

    /// Whether it looks inside of nodes.
    fn needs_nodes(&self) -> bool {
        false
    }

    /// Tells `inspect` what is wrong with it, and which names it asks for.
    fn inspect(&self, inspect: &mut Inspect<'_>);
}

/// One thing that must hold, and what it is worth.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "CheckForm")]
pub struct Check {
    /// What holds, in the learner's words; other checks and wrong answers name it by this.
    pub name: String,
    /// What it is worth; 0 for a guard.
    pub points: u32,
    /// Whether it only watches over what was there before: worth nothing, and it costs when it is broken.
    pub guard: bool,
    /// Names of the checks that must hold before this one is worth anything.
    pub after: Vec<String>,
    /// How long it may take to come true.
    pub within: Option<Duration>,
    /// What is looked at.
    pub kind: CheckKind,
}

macro_rules! checks {
    ($($(#[doc = $doc:literal])+ $field:ident, $key:literal, $kind:ident;)+) => {
        /// What a check looks at.
        #[derive(Clone, Debug)]
        pub enum CheckKind {
            $($(#[doc = $doc])+ $kind($kind),)+
        }

        impl CheckKind {
            /// The keys of all kinds of check.
            pub const KEYS: &[&str] = &[$($key),+];

            /// The key in `scenario.yaml`.
            pub fn key(&self) -> &'static str {
                match self { $(Self::$kind(_) => $key,)+ }
            }

            fn statement(&self) -> &dyn Statement {
                match self { $(Self::$kind(statement) => statement,)+ }
            }
        }

        /// One thing that must hold, and what it is worth. Exactly one of its kinds is given.
        #[derive(Deserialize, JsonSchema)]
        #[serde(rename = "Check", deny_unknown_fields, rename_all = "camelCase")]
        #[schemars(extend("oneOf" = [$({ "required": [$key] }),+]))]
        struct CheckForm {
            /// What holds, in the learner's words; other checks and wrong answers name it by this.
            name: String,
            /// What it is worth: 1 or more. Leave it out for a guard.
            #[serde(default)]
            #[schemars(range(min = 1))]
            points: Option<u32>,
            /// Watches over what was there before: worth nothing, and it costs when it is broken.
            #[serde(default)]
            guard: bool,
            /// Names of the checks that must hold before this one is worth anything.
            #[serde(default)]
            after: Vec<String>,
            /// How long it may take to come true, such as `20s`.
            #[serde(default, deserialize_with = "super::duration::optional")]
            #[schemars(with = "Option<String>")]
            within: Option<Duration>,
            $($(#[doc = $doc])+ #[serde(default)] $field: Option<$kind>,)+
        }

        impl CheckForm {
            fn kinds(&mut self) -> Vec<CheckKind> {
                [$(self.$field.take().map(CheckKind::$kind)),+].into_iter().flatten().collect()
            }
        }
    };
}

checks! {
    /// An object is there and has these fields; others do not matter.
    object, "object", Object;
    /// No such object is there.
    absent, "absent", Absent;
    /// So many objects are there.
    count, "count", Count;
    /// An expression over some objects is true.
    cel, "cel", Cel;
    /// Somebody may do something.
    can, "can", Can;
    /// Somebody may not do something.
    cannot, "cannot", Cannot;
    /// Something was said about an object.
    event, "event", Event;
    /// A Pod reaches somebody, and is answered as expected.
    connect, "connect", Connect;
    /// A Pod does not reach somebody.
    refuse, "refuse", Refuse;
    /// The learner wrote an answer down in a file.
    answer_file, "answerFile", AnswerFile;
    /// A file of a node is there, and holds what it should.
    node_file, "nodeFile", NodeFile;
    /// A systemd unit of a node runs, or starts by itself.
    node_service, "nodeService", NodeService;
    /// A command of a node ends and says what it should.
    node_command, "nodeCommand", NodeCommand;
    /// A package of a node has a version, and is held or not.
    node_package, "nodePackage", NodePackage;
    /// A certificate on a node is valid, for whom and for how long it should.
    certificate, "certificate", Certificate;
    /// A file of a node is a whole snapshot of etcd.
    etcd_snapshot, "etcdSnapshot", EtcdSnapshot;
}

schema_of_form!(Check, CheckForm);

impl TryFrom<CheckForm> for Check {
    type Error = String;

    fn try_from(mut form: CheckForm) -> Result<Self, String> {
        let mut kinds = form.kinds();
        let given: Vec<&str> = kinds.iter().map(CheckKind::key).collect();
        let told = if given.is_empty() { "none".to_owned() } else { given.join(" and ") };
        let Some(kind) = kinds.pop().filter(|_| kinds.is_empty()) else {
            return Err(format!("a check has exactly one of {}; this one has {told}", CheckKind::KEYS.join(", ")));
        };
        if form.guard && form.points.is_some_and(|points| points > 0) {
            return Err("a guard is worth nothing by itself: give `points` or `guard: true`, not both".to_owned());
        }
        let points = form.points.unwrap_or(0);
        Ok(Self { name: form.name, points, guard: form.guard, after: form.after, within: form.within, kind })
    }
}

impl Statement for Check {
    fn is_negative(&self) -> bool {
        self.kind.statement().is_negative()
    }

    fn needs_network(&self) -> bool {
        self.kind.statement().needs_network()
    }

    fn needs_nodes(&self) -> bool {
        self.kind.statement().needs_nodes()
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        self.kind.statement().inspect(inspect);
    }
}
