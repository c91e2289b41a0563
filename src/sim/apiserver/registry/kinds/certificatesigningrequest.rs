//! CertificateSigningRequest: asks for a certificate; approved at `/approval`, signed by the signer controller.
//! Who asked is written in by the endpoints. Source: `pkg/registry/certificates/certificates/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, NONE};
use super::filling::reset_status;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::{age, human};
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Subresource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `certificates.k8s.io/v1 CertificateSigningRequest`.
pub static CERTIFICATESIGNINGREQUEST: Resource = Resource {
    group: "certificates.k8s.io",
    version: "v1",
    kind: "CertificateSigningRequest",
    plural: "certificatesigningrequests",
    singular: "certificatesigningrequest",
    short_names: &["csr"],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[
        Subresource { name: "approval", group: "", version: "", kind: "", verbs: &["get", "patch", "update"] },
        STATUS,
    ],
    strategy: Strategy {
        prepare_create: |request| reset_status(request, json!({})),
        prepare_update,
        prepare_status,
        fields: &[("spec.signerName", |object| meta::text(object, "/spec/signerName").to_owned())],
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            AGE,
            column("SignerName"),
            column("Requestor"),
            column("RequestedDuration"),
            column("Condition"),
        ],
        row,
    },
    stored_as: None,
};

fn prepare_update(new: &mut Value, old: &Value) {
    new["spec"] = old["spec"].clone();
}

/// Neither `/status` nor `/approval` changes the spec; conditions get the times they lack.
fn prepare_status(new: &mut Value, old: &Value) {
    new["spec"] = old["spec"].clone();
}

fn row(request: &Value, now: Timestamp) -> Vec<Value> {
    let duration = meta::number(request, "/spec/expirationSeconds").map_or(NONE.to_owned(), human);
    vec![
        cells::name(request),
        age(request, now),
        cells::text_or(request, "/spec/signerName", NONE),
        cells::text(request, "/spec/username"),
        json!(duration),
        json!(condition(request)),
    ]
}

/// `Pending`, `Approved`, `Approved,Issued`, `Denied`, `Approved,Failed`.
pub fn condition(request: &Value) -> String {
    let holds = |kind: &str| {
        meta::list(request, "/status/conditions").iter().any(|condition| meta::text(condition, "/type") == kind)
    };
    let mut said = match () {
        () if holds("Denied") => "Denied",
        () if holds("Approved") => "Approved",
        () => "Pending",
    }
    .to_owned();
    if holds("Failed") {
        said += ",Failed";
    }
    if !meta::text(request, "/status/certificate").is_empty() {
        said += ",Issued";
    }
    said
}
