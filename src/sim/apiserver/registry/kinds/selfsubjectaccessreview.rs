//! SelfSubjectAccessReview: may I? A question, never stored; the authorizer answers it.
//! Source: `pkg/registry/authorization/selfsubjectaccessreview/rest.go`.

use super::cells;
use crate::sim::apiserver::registry::resource::{CREATE_ONLY, Resource};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `authorization.k8s.io/v1 SelfSubjectAccessReview`.
pub static SELFSUBJECTACCESSREVIEW: Resource = Resource {
    group: "authorization.k8s.io",
    version: "v1",
    kind: "SelfSubjectAccessReview",
    plural: "selfsubjectaccessreviews",
    singular: "selfsubjectaccessreview",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: CREATE_ONLY,
    subresources: &[],
    strategy: Strategy::PLAIN,
    table: cells::CREATED_TABLE,
    stored_as: None,
};
