//! Who asks.
//! How they prove it is authentication's.

use std::collections::BTreeMap;

/// An authenticated user (`k8s.io/apiserver/pkg/authentication/user`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: String,
    pub groups: Vec<String>,
    pub extra: BTreeMap<String, Vec<String>>,
}
