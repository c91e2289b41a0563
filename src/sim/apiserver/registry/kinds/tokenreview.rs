//! TokenReview: whose is this token? A question, never stored; the authorizer answers it.
//! Source: `pkg/registry/authentication/tokenreview/rest.go`.

use super::cells;
use crate::sim::apiserver::registry::resource::{CREATE_ONLY, Resource};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `authentication.k8s.io/v1 TokenReview`.
pub static TOKENREVIEW: Resource = Resource {
    group: "authentication.k8s.io",
    version: "v1",
    kind: "TokenReview",
    plural: "tokenreviews",
    singular: "tokenreview",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: CREATE_ONLY,
    subresources: &[],
    strategy: Strategy::PLAIN,
    table: cells::CREATED_TABLE,
    stored_as: None,
};
