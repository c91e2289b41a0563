//! Partial match: does an object hold what the author of a check asked for, and where does it not?
//! Maps match as subsets, lists by merge key or in any order, quantities by value; what the author did not ask about never matters.
//! How findings are shown is `diff`'s.

mod finding;
mod list;
mod scalar;
mod walk;

pub use finding::Finding;

use serde_json::Value;

use crate::object::schema::Type;

/// Everything in `expected` that `found`, an object of type `of`, does not hold; empty when it matches. Without a type (custom resources)
/// lists match in any order and quantities as text.
///
/// - A map must hold every key expected; `{}` asks that there is a map at all. An empty label selector, or an empty map in a list,
///   means everything to Kubernetes, and matches only an empty one.
/// - A list of maps must hold, for every element expected, the element of the same merge key, or where the schema or the author has none
///   some other element; no element answers for two. `command` and `args` must be the same as a whole; other lists of scalars must
///   hold the elements expected, in any order. `[]` asks that there is none.
/// - `null` asks that the field is absent, or holds its default.
/// - What is absent counts as the zero value or the default where the API server would drop or set it (`hostNetwork: false`).
/// - Quantities and times compare by value; numbers and truths also match their text, as templates make texts of them.
/// - A Secret's `stringData` is compared with its decoded `data`.
pub fn find(expected: &Value, found: &Value, of: Option<Type>) -> Vec<Finding> {
    walk::root(expected, found, of)
}

/// Whether `found` holds everything in `expected`. See [`find`].
pub fn matches(expected: &Value, found: &Value, of: Option<Type>) -> bool {
    find(expected, found, of).is_empty()
}

#[cfg(test)]
mod tests;
