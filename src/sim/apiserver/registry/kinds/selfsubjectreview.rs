//! SelfSubjectReview: who am I? A question, never stored; the authorizer answers it.
//! Source: `pkg/registry/authentication/selfsubjectreview/rest.go`.

use super::cells;
use crate::sim::apiserver::registry::resource::{CREATE_ONLY, Resource};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `authentication.k8s.io/v1 SelfSubjectReview`.
pub static SELFSUBJECTREVIEW: Resource = Resource {
    group: "authentication.k8s.io",
    version: "v1",
    kind: "SelfSubjectReview",
    plural: "selfsubjectreviews",
    singular: "selfsubjectreview",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: CREATE_ONLY,
    subresources: &[],
    strategy: Strategy::PLAIN,
    table: cells::CREATED_TABLE,
    stored_as: None,
};
