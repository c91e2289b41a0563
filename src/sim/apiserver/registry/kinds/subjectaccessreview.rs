//! SubjectAccessReview: may somebody? A question, never stored; the authorizer answers it.
//! Source: `pkg/registry/authorization/subjectaccessreview/rest.go`.

use super::cells;
use crate::sim::apiserver::registry::resource::{CREATE_ONLY, Resource};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `authorization.k8s.io/v1 SubjectAccessReview`.
pub static SUBJECTACCESSREVIEW: Resource = Resource {
    group: "authorization.k8s.io",
    version: "v1",
    kind: "SubjectAccessReview",
    plural: "subjectaccessreviews",
    singular: "subjectaccessreview",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: CREATE_ONLY,
    subresources: &[],
    strategy: Strategy::PLAIN,
    table: cells::CREATED_TABLE,
    stored_as: None,
};
