//! What `metadata` may hold: names, labels, annotations, finalizers, owners; and the words for what it may not.
//! Source: `k8s.io/apimachinery/pkg/api/validation/objectmeta.go` and `pkg/util/validation/validation.go`.

use rand::seq::IndexedRandom;
use serde_json::Value;

use super::resource::Resource;
use super::strategy::NameRule;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// The letters of generated names: no vowels, so no words (`k8s.io/apimachinery/pkg/util/rand`).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Five random letters, as ReplicaSets put behind their Pods' names.
pub fn suffix() -> String {
    let mut rng = rand::rng();
    (0..5).filter_map(|_| ALPHABET.choose(&mut rng)).map(|byte| char::from(*byte)).collect()
}

fn is_label(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    edge(text.chars().next())
        && edge(text.chars().last())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_loose(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    edge(text.chars().next())
        && edge(text.chars().last())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// What is wrong with a DNS-1123 subdomain.
pub fn subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push("must be no more than 253 characters".to_owned());
    }
    if !text.split('.').all(is_label) {
        wrong.push(SUBDOMAIN.to_owned());
    }
    wrong
}

const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const UNDERSCORED: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";

/// What is wrong with a subdomain below a wildcard, such as `*.example.com`.
pub fn wildcard(text: &str) -> Vec<String> {
    let fits = text.strip_prefix("*.").is_some_and(|rest| rest.split('.').all(is_label));
    if fits { Vec::new() } else { vec![WILDCARD.to_owned()] }
}

/// What is wrong with a subdomain whose labels may have underscores, such as a DNS search path.
pub fn subdomain_with_underscore(text: &str) -> Vec<String> {
    let part = |label: &str| is_label(&label.strip_prefix('_').unwrap_or(label).replace('_', "-"));
    if text.split('.').all(part) { Vec::new() } else { vec![UNDERSCORED.to_owned()] }
}

/// What is wrong with a DNS-1123 label.
pub fn dns_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 characters".to_owned());
    }
    if !is_label(text) {
        let dotted = text.split('.').all(is_label);
        wrong.push(if dotted { "must not contain dots".to_owned() } else { LABEL.to_owned() });
    }
    wrong
}

/// What is wrong with a DNS-1035 label.
pub fn dns1035_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 characters".to_owned());
    }
    if !is_label(text) || text.starts_with(|c: char| c.is_ascii_digit()) {
        wrong.push(DNS1035.to_owned());
    }
    wrong
}

fn path_segment(text: &str) -> Vec<String> {
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    ["/", "%"].iter().filter(|part| text.contains(**part)).map(|part| format!("may not contain '{part}'")).collect()
}

/// `IsValidIP` of `k8s.io/apimachinery/pkg/util/validation/ip.go`.
fn ip_address(text: &str) -> Vec<String> {
    match text.parse::<std::net::IpAddr>() {
        Err(_) => vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned()],
        Ok(found) if found.to_string() != text => vec![format!("must be in canonical form (\"{found}\")")],
        Ok(_) => Vec::new(),
    }
}

/// What is wrong with a name under a rule.
pub fn name(rule: NameRule, text: &str) -> Vec<String> {
    match rule {
        NameRule::Subdomain => subdomain(text),
        NameRule::Label => dns_label(text),
        NameRule::Dns1035 => dns1035_label(text),
        NameRule::PathSegment => path_segment(text),
        NameRule::IpAddress => ip_address(text),
    }
}

/// What is wrong with a label value.
pub fn label_value(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 bytes".to_owned());
    }
    if !text.is_empty() && !is_loose(text) {
        wrong.push(LABEL_VALUE.to_owned());
    }
    wrong
}

/// What is wrong with a qualified name, such as a label's key.
pub fn qualified(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let (prefix, part) = match text.split('/').collect::<Vec<_>>()[..] {
        [part] => (None, part),
        [prefix, part] => (Some(prefix), part),
        _ => {
            return vec![format!(
                "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                QUALIFIED.trim_start_matches("name part ")
            )];
        }
    };
    match prefix {
        Some("") => wrong.push("prefix part must be non-empty".to_owned()),
        // The length of a name is told in characters, that of a prefix in bytes.
        Some(prefix) => {
            let said = |why: String| format!("prefix part {}", why.replace("253 characters", "253 bytes"));
            wrong.extend(subdomain(prefix).into_iter().map(said));
        }
        None => {}
    }
    if part.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if part.len() > 63 {
        wrong.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_loose(part) {
        wrong.push(QUALIFIED.to_owned());
    }
    wrong
}

/// Checks a map of labels, such as `spec.selector.matchLabels`.
pub fn labels(found: Option<&Value>, field: &str, errors: &mut ErrorList) {
    for (key, value) in found.and_then(Value::as_object).into_iter().flatten() {
        for why in qualified(key) {
            errors.invalid(field, key.as_str(), why);
        }
        let value = value.as_str().unwrap_or_default();
        for why in label_value(value) {
            errors.invalid(field, value, why);
        }
    }
}

/// Checks a map of annotations (`objectmeta.go`, ValidateAnnotations).
pub fn annotations(found: Option<&Value>, field: &str, errors: &mut ErrorList) {
    let mut size = 0;
    for (key, value) in found.and_then(Value::as_object).into_iter().flatten() {
        for why in qualified(&key.to_lowercase()) {
            errors.invalid(field, key.as_str(), why);
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > 256 * 1024 {
        errors.too_long(field, 256 * 1024);
    }
}

/// Checks the metadata of an object of `resource`.
pub fn metadata(resource: &Resource, object: &Value, errors: &mut ErrorList) {
    let generate = meta::text(object, "/metadata/generateName");
    if !generate.is_empty() {
        // A dash at the end is not the end yet.
        for why in name(resource.strategy.name, generate.trim_end_matches('-')) {
            errors.invalid("metadata.generateName", generate, why);
        }
    }
    let given = meta::name(object);
    if given.is_empty() {
        errors.required("metadata.name", "name or generateName is required");
    } else {
        for why in name(resource.strategy.name, given) {
            errors.invalid("metadata.name", given, why);
        }
    }
    if let Some(generation) = meta::number(object, "/metadata/generation").filter(|generation| *generation < 0) {
        errors.invalid("metadata.generation", generation, "must be greater than or equal to 0");
    }
    let metadata = &object["metadata"];
    labels(metadata.get("labels"), "metadata.labels", errors);
    annotations(metadata.get("annotations"), "metadata.annotations", errors);
    owners(object, errors);
    for finalizer in meta::finalizers(object) {
        for why in qualified(finalizer) {
            errors.invalid("metadata.finalizers", finalizer, why);
        }
    }
    if ["orphan", "foregroundDeletion"].iter().all(|one| meta::finalizers(object).any(|found| found == *one)) {
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.invalid("metadata.finalizers", metadata["finalizers"].clone(), why);
    }
    // Extensions have only the checks that all servers share.
    let extends = matches!(resource.group, "apiextensions.k8s.io" | "apiregistration.k8s.io");
    if resource.strategy.custom.is_none() && !extends {
        finalizers(object, errors);
    }
}

/// Whether a finalizer is one of Kubernetes' own, or has a domain.
fn is_known_finalizer(finalizer: &str) -> bool {
    finalizer.contains('/') || matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion")
}

/// What is said of finalizers without a domain that a write brings to a custom resource
/// (`k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go`, generateWarningsFromObj).
pub fn finalizer_warnings(object: &Value, old: Option<&Value>) -> Vec<String> {
    let known = |finalizer: &&str| old.is_some_and(|old| meta::finalizers(old).any(|there| there == *finalizer));
    let mut new: Vec<&str> = meta::finalizers(object).filter(|one| !is_known_finalizer(one) && !known(one)).collect();
    new.sort_unstable();
    let told = "prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers";
    new.iter().map(|finalizer| format!("metadata.finalizers: {finalizer:?}: {told}")).collect()
}

/// Finalizers of built-in kinds are Kubernetes' own, or have a domain.
fn finalizers(object: &Value, errors: &mut ErrorList) {
    for (index, finalizer) in meta::finalizers(object).enumerate() {
        if !is_known_finalizer(finalizer) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.invalid(format!("metadata.finalizers[{index}]"), finalizer, why);
        }
    }
}

fn owners(object: &Value, errors: &mut ErrorList) {
    let mut controllers = 0;
    for owner in meta::list(object, "/metadata/ownerReferences") {
        // Upstream leaves the index out.
        let field = |name: &str| format!("metadata.ownerReferences.{name}");
        for (key, say) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner[key].as_str().unwrap_or_default().is_empty() {
                errors.invalid(field(key), "", say);
            }
        }
        controllers += usize::from(meta::truth(owner, "/controller"));
    }
    if controllers > 1 {
        errors.invalid(
            "metadata.ownerReferences",
            Value::Array(meta::list(object, "/metadata/ownerReferences").to_vec()),
            "Only one reference can have Controller set to true",
        );
    }
}

/// Checks that an update keeps what identifies the object.
pub fn metadata_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    for key in ["name", "namespace", "uid", "creationTimestamp"] {
        let (after, before) = (&new["metadata"][key], &old["metadata"][key]);
        if after != before {
            errors.immutable(format!("metadata.{key}"), after.clone());
        }
    }
}
