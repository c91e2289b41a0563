//! LocalSubjectAccessReview: may somebody, within a namespace? A question, never stored; the authorizer answers it.
//! Source: `pkg/registry/authorization/localsubjectaccessreview/rest.go`.

use super::cells;
use crate::sim::apiserver::registry::resource::{CREATE_ONLY, Resource};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `authorization.k8s.io/v1 LocalSubjectAccessReview`.
pub static LOCALSUBJECTACCESSREVIEW: Resource = Resource {
    group: "authorization.k8s.io",
    version: "v1",
    kind: "LocalSubjectAccessReview",
    plural: "localsubjectaccessreviews",
    singular: "localsubjectaccessreview",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: CREATE_ONLY,
    subresources: &[],
    strategy: Strategy::PLAIN,
    table: cells::CREATED_TABLE,
    stored_as: None,
};
