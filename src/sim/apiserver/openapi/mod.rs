//! `/openapi/v3`: what `kubectl explain` prints from, and what create, apply and edit ask before they write.
//! Made from the resources served, `object::schema` and the descriptions; nothing here reads a cluster, and `/openapi/v2` is not served.

mod components;
mod descriptions;
mod documents;
mod paths;

pub use documents::{document, index};
