//! Steps: what setup, a solution or a wrong answer does to a cluster. One kind, one file, one row below.
//! Doing it is the lab's.

mod apply;
mod certificate;
mod delete;
mod node_command;
mod node_file;
mod patch;
mod run;
mod wait_for;

use schemars::JsonSchema;
use serde::Deserialize;

pub use apply::{Apply, ManifestText};
pub use certificate::Certificate;
pub use delete::Delete;
pub use node_command::NodeCommand;
pub use node_file::{Change, NodeFile, Replacement};
pub use patch::{Patch, PatchType};
pub use run::Run;
pub use wait_for::WaitFor;

use super::form::schema_of_form;

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $field:ident, $key:literal, $kind:ident;)+) => {
        /// One thing that is done to a cluster.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(try_from = "StepForm")]
        pub enum Step {
            $($(#[doc = $doc])+ $kind($kind),)+
        }

        impl Step {
            /// The keys of all kinds of step.
            pub const KEYS: &[&str] = &[$($key),+];

            /// The key in `scenario.yaml`.
            pub fn key(&self) -> &'static str {
                match self { $(Self::$kind(_) => $key,)+ }
            }
        }

        /// One thing that is done to a cluster. Exactly one of its kinds is given.
        #[derive(Deserialize, JsonSchema)]
        #[serde(rename = "Step", deny_unknown_fields, rename_all = "camelCase")]
        #[schemars(extend("oneOf" = [$({ "required": [$key] }),+]))]
        struct StepForm {
            $($(#[doc = $doc])+ #[serde(default)] $field: Option<$kind>,)+
        }

        impl StepForm {
            fn kinds(self) -> Vec<Step> {
                [$(self.$field.map(Step::$kind)),+].into_iter().flatten().collect()
            }
        }
    };
}

steps! {
    /// Applies manifests: a file of the scenario's folder, or the manifests themselves.
    apply, "apply", Apply;
    /// Deletes an object.
    delete, "delete", Delete;
    /// Changes an object.
    patch, "patch", Patch;
    /// Waits until an object has some fields.
    wait_for, "waitFor", WaitFor;
    /// Writes, changes, moves or takes away a file of a node.
    node_file, "nodeFile", NodeFile;
    /// Runs one of a node's own commands.
    node_command, "nodeCommand", NodeCommand;
    /// Signs a certificate of a node anew, so that it ends when it should.
    certificate, "certificate", Certificate;
    /// Runs shell text; only in solutions and wrong answers.
    run, "run", Run;
}

schema_of_form!(Step, StepForm);

impl TryFrom<StepForm> for Step {
    type Error = String;

    fn try_from(form: StepForm) -> Result<Self, String> {
        let mut kinds = form.kinds();
        let given: Vec<&str> = kinds.iter().map(Step::key).collect();
        let told = if given.is_empty() { "none".to_owned() } else { given.join(" and ") };
        kinds
            .pop()
            .filter(|_| kinds.is_empty())
            .ok_or_else(|| format!("a step has exactly one of {}; this one has {told}", Self::KEYS.join(", ")))
    }
}
