//! CertificateSigningRequest: asks for a certificate; approved at `/approval`, signed by the signer controller.
//! Who asked is written in by the endpoints. Source: `pkg/registry/certificates/certificates/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE};
use super::filling::{copy, each, reset_status};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::{age, human};
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Subresource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

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
        validate,
        validate_subresource,
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
    copy(old, new, "spec");
}

/// Neither `/status` nor `/approval` changes the spec; conditions get the times they lack.
fn prepare_status(new: &mut Value, old: &Value) {
    copy(old, new, "spec");
    each(meta::child(new, "status"), "conditions", |condition| {
        if let Some(time) = condition.get("lastUpdateTime").filter(|time| time.is_string()).cloned() {
            meta::set_default(condition, "lastTransitionTime", time);
        }
    });
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

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

fn validate(request: &Value, errors: &mut ErrorList) {
    let root = At::root(request);
    let spec = root.key("spec");
    let pem = STANDARD.decode(spec.key("request").text()).unwrap_or_default();
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE REQUEST-----") {
        spec.key("request").invalid("PEM block type must be CERTIFICATE REQUEST", errors);
    }
    let usages = spec.key("usages");
    if usages.list().is_empty() {
        usages.required(errors);
    }
    let mut seen: Vec<&str> = Vec::new();
    for usage in usages.items() {
        usage.one_of(&USAGES, errors);
        if seen.contains(&usage.text()) {
            usage.duplicate(errors);
        }
        seen.push(usage.text());
    }
    let signer = spec.key("signerName");
    if signer.text() == "kubernetes.io/legacy-unknown" {
        signer.invalid("the legacy signerName is not allowed via this API version", errors);
    } else {
        signer_name(signer, errors);
    }
    let seconds = spec.key("expirationSeconds");
    if seconds.number().is_some_and(|seconds| seconds < 600) {
        seconds.invalid("may not specify a duration less than 600 seconds (10 minutes)", errors);
    }
}

fn signer_name(signer: At<'_, '_>, errors: &mut ErrorList) {
    if signer.is_empty() {
        return signer.required(errors);
    }
    let Some((domain, path)) = signer.text().split_once('/').filter(|(_, path)| !path.contains('/')) else {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return signer.invalid(why, errors);
    };
    labels(signer, domain, names::dns_label, errors);
    if !domain.contains('.') {
        let why = "should be a domain with at least two segments separated by dots";
        errors.invalid(signer.path(), domain, why);
    }
    labels(signer, path, names::subdomain, errors);
}

/// Checks the labels of a part of the signer's name; only the first that is wrong is told.
fn labels(signer: At<'_, '_>, part: &str, rule: fn(&str) -> Vec<String>, errors: &mut ErrorList) {
    let wrong = part.split('.').map(|label| (label, rule(label))).find(|(_, whys)| !whys.is_empty());
    let Some((label, whys)) = wrong else { return };
    for why in whys {
        errors.invalid(signer.path(), part, format!("validating label {label:?}: {why}"));
    }
}

/// A certificate is set once, through `/status`, and has to be one.
fn certificate(subresource: &str, new: At<'_, '_>, old: &str, errors: &mut ErrorList) {
    if new.text() == old {
        return;
    }
    let bytes = STANDARD.decode(new.text()).unwrap_or_default();
    if !bytes.is_empty()
        && let Some(why) = no_certificate(&String::from_utf8_lossy(&bytes))
    {
        errors.invalid(new.path(), "<certificate data>", why);
    }
    if subresource != "status" && !new.is_empty() {
        new.forbidden("updates may not set certificate content", errors);
    }
    if !old.is_empty() {
        new.forbidden("updates may not modify existing certificate content", errors);
    }
}

/// Why a text is no certificates in PEM (`pkg/apis/certificates/validation/validation.go`, validateCertificate).
fn no_certificate(text: &str) -> Option<String> {
    const BEGIN: &str = "-----BEGIN ";
    let mut labels = text.split(BEGIN).skip(1).filter_map(|block| block.split_once("-----")).map(|(label, _)| label);
    let Some(first) = labels.next() else {
        return Some("must contain at least one CERTIFICATE PEM block".to_owned());
    };
    let other = [first].into_iter().chain(labels).find(|label| *label != "CERTIFICATE")?;
    Some(format!("only CERTIFICATE PEM blocks are allowed, found {other:?}"))
}

/// What is decided stays decided, one way only, and through `/approval` only.
fn validate_subresource(subresource: &str, new: &Value, old: &Value, errors: &mut ErrorList) {
    let root = At::root(new);
    let status = root.key("status");
    let conditions = status.key("conditions");
    certificate(subresource, status.key("certificate"), meta::text(old, "/status/certificate"), errors);
    let mut seen: Vec<&str> = Vec::new();
    for condition in conditions.items() {
        let kind = condition.key("type");
        if kind.is_empty() {
            kind.required(errors);
        }
        let holds = condition.key("status");
        match kind.text() {
            _ if holds.is_empty() => holds.required(errors),
            "Approved" | "Denied" | "Failed" => holds.one_of(&["True"], errors),
            _ => holds.one_of(&["False", "True", "Unknown"], errors),
        }
        let other = if kind.text() == "Approved" { "Denied" } else { "Approved" };
        if matches!(kind.text(), "Approved" | "Denied") && seen.contains(&other) {
            let why = "Approved and Denied conditions are mutually exclusive";
            errors.invalid(conditions.path(), kind.text(), why);
        }
        if seen.contains(&kind.text()) {
            kind.duplicate(errors);
        }
        seen.push(kind.text());
    }
    let had: Vec<&str> =
        meta::list(old, "/status/conditions").iter().map(|condition| meta::text(condition, "/type")).collect();
    for kind in ["Approved", "Denied", "Failed"] {
        if had.contains(&kind) && !seen.contains(&kind) {
            conditions.forbidden(format!("updates may not remove a condition of type {kind:?}"), errors);
        }
        if subresource == "status" && kind != "Failed" && seen.contains(&kind) && !had.contains(&kind) {
            conditions.forbidden(format!("updates may not add a condition of type {kind:?}"), errors);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(kinds: &[&str]) -> Value {
        let conditions: Vec<Value> = kinds.iter().map(|kind| json!({ "type": kind, "status": "True" })).collect();
        json!({ "status": { "conditions": conditions } })
    }

    fn refusals(subresource: &str, new: &[&str], old: &[&str]) -> Vec<String> {
        let mut errors = ErrorList::default();
        validate_subresource(subresource, &decided(new), &decided(old), &mut errors);
        errors.0.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn what_is_decided_stays_decided() {
        assert!(refusals("approval", &["Approved"], &[]).is_empty());
        let removed = "Forbidden: updates may not remove a condition of type \"Approved\"";
        assert_eq!(refusals("approval", &[], &["Approved"]), [removed]);
        let both = "Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive";
        assert_eq!(refusals("approval", &["Approved", "Denied"], &["Approved"]), [both]);
        let added = "Forbidden: updates may not add a condition of type \"Approved\"";
        assert_eq!(refusals("status", &["Approved"], &[]), [added]);
    }
}
