//! Packs: model, loading, variants, lint; data only.
//! Laying a scenario on a cluster is the lab's, judging it is grading's.

pub mod catalogue;
pub mod check;
pub mod code;
pub mod duration;
pub mod folder;
pub mod form;
pub mod inspect;
pub mod json_schema;
pub mod known;
pub mod lint;
pub mod load;
pub mod manifest;
pub mod model;
pub mod nearest;
pub mod node;
pub mod on_node;
pub mod pack;
pub mod param;
pub mod problem;
pub mod query;
mod recover;
pub mod scaffold;
pub mod source;
pub mod step;
pub mod template;
mod typed;
pub mod variant;

pub use catalogue::{Catalogue, NotFound};
pub use check::{Check, CheckKind};
pub use load::Scenario;
pub use model::{Capability, Difficulty, Solution, Wrong};
pub use pack::{Blueprint, Domain, Pack, Tasks};
pub use problem::{PackError, Problem, Severity};
pub use query::{Partial, Query, Target, Which};
pub use step::Step;
pub use variant::Variant;
