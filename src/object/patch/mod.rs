//! The ways to change an object by a patch: JSON patch, JSON merge patch, strategic merge patch, and server-side apply.
//! Who may own which field, and what becomes of the object then, is the API server's business.

mod apply;
mod golang;
mod json;
mod merge;
mod order;
mod strategic;

pub use apply::apply;
pub use json::json;
pub use merge::merge;
pub use strategic::strategic;

/// Why a patch could not be applied, in Kubernetes' words; the variant says how the API server answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch is not one: 400.
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    Unprocessable(String),
    /// What upstream lets through as an internal error: 500.
    #[error("{0}")]
    Internal(String),
}

#[cfg(test)]
mod tests;
