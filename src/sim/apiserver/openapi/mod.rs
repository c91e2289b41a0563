//! `/openapi/v3`: what `kubectl explain` prints from, and what create, apply and edit ask before they write.
//! Made from the resources served, `object::schema` and the descriptions; nothing here reads a cluster. `/openapi/v2` has custom resources
//! alone, save for kubectl, which reads the kinds in protobuf.

mod components;
mod descriptions;
mod documents;
mod metrics;
mod older;
mod paths;

pub use documents::{definitions, document, index};
pub use older::protobuf;
