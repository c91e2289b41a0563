//! Label and field selectors: the query languages of `-l` and `--field-selector`, and the object form in specs.
//! Which fields of which kind may be selected on is the API server's business.
//! Rules and words are those of k8s.io/apimachinery `pkg/labels/selector.go`, `pkg/fields/selector.go` and `pkg/apis/meta/v1/helpers.go`.

mod field;
mod label;
mod query;
mod syntax;
mod worded;

pub use field::{FieldRequirement, FieldSelector};
pub use label::{LabelSelector, Operator, Requirement};
pub use worded::worded;

/// Why a selector is not one, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub String);

#[cfg(test)]
mod tests;
