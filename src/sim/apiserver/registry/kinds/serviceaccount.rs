//! ServiceAccount: who Pods are to the API server. Tokens are made at `/token`.
//! Source: `pkg/registry/core/serviceaccount/strategy.go`.

use serde_json::{Value, json};

use super::cells;
use super::filling::each;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Subresource, Table};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 ServiceAccount`.
pub static SERVICEACCOUNT: Resource = Resource {
    group: "",
    version: "v1",
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    singular: "serviceaccount",
    short_names: &["sa"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[Subresource {
        name: "token",
        group: "authentication.k8s.io",
        version: "v1",
        kind: "TokenRequest",
        verbs: &["create"],
    }],
    strategy: Strategy {
        prepare_create: |account| clean(account),
        prepare_update: |account, _| clean(account),
        warnings,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, AGE], row: |account, now| vec![cells::name(account), age(account, now)] },
    stored_as: None,
};

fn warnings(account: &Value) -> Vec<String> {
    let key = "kubernetes.io/enforce-mountable-secrets";
    let why = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets";
    let old = meta::annotation(account, key).map(|_| format!("metadata.annotations[{key}]: {why}"));
    old.into_iter().collect()
}

/// Of the secrets it names only the names count.
fn clean(account: &mut Value) {
    each(account, "secrets", |reference| {
        let name = meta::text(reference, "/name").to_owned();
        *reference = json!({ "name": name });
    });
}
