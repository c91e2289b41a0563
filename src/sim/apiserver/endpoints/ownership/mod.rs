//! Who owns which field of an object: `metadata.managedFields`, what changes it, and what server-side apply makes of it.
//! Laying a configuration over an object is `object::patch`'s. Source: sigs.k8s.io/structured-merge-diff, k8s.io/apimachinery `managedfields`.

mod applying;
mod entries;
mod set;
mod walk;

pub use applying::apply;
pub use entries::{Managers, Writer, compared};
use set::Set;
