//! What an answer's shell text leaves on a foreign cluster outside the lab's namespaces, such as a ClusterRoleBinding: found by looking before
//! and after it, kept with the lab, taken away with it. Only what `kubectl` made just then under a name that the answer says: others may work
//! there at the same time. What steps apply is labelled and needs none of this.

use std::path::PathBuf;

use serde_json::Value;

use super::foreign::Mark;
use super::{Lab, LabError, claims};
use crate::base::files::LineFile;
use crate::cluster::{AskError, Selection};
use crate::object::meta;

/// The kinds without a namespace that answers make.
const LOOSE: [(&str, &str); 13] = [
    ("v1", "Namespace"),
    ("v1", "PersistentVolume"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("networking.k8s.io/v1", "IngressClass"),
    ("certificates.k8s.io/v1", "CertificateSigningRequest"),
    ("node.k8s.io/v1", "RuntimeClass"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("gateway.networking.k8s.io/v1", "GatewayClass"),
];

fn path(lab: &Lab) -> PathBuf {
    lab.dir.join("traces.jsonl")
}

/// All objects of those kinds.
pub async fn loose(lab: &Lab) -> Result<Vec<Value>, LabError> {
    let list = async |(api_version, kind): (&str, &str)| {
        let all = Selection { api_version: api_version.to_owned(), kind: kind.to_owned(), ..Selection::default() };
        let what = format!("listing every {kind}");
        match lab.objects.list(&all).await {
            // Not every cluster has every kind.
            Err(AskError::NoSuchKind { .. }) => Ok(Vec::new()),
            listed => listed.map(|(found, _)| found).map_err(|source| LabError::Ask { what, source }),
        }
    };
    let mut found = Vec::new();
    for list in futures::future::join_all(LOOSE.map(list)).await {
        found.extend(list?);
    }
    Ok(found)
}

/// Nor is an object somebody else's of which nobody says who made it: a real cluster keeps no managers of some certificate requests.
fn made_by_kubectl(object: &Value) -> bool {
    let managers = meta::list(object, "/metadata/managedFields");
    managers.is_empty() || managers.iter().any(|entry| meta::text(entry, "/manager").starts_with("kubectl"))
}

/// Keeps in mind what `kubectl` made since `before`.
pub async fn keep(lab: &Lab, before: &[Value]) -> Result<(), LabError> {
    let after = loose(lab).await?;
    let new = after.iter().filter(|object| !before.iter().any(|known| meta::uid(known) == meta::uid(object)));
    let words = claims::words(&lab.variant);
    let ours = new.filter(|object| made_by_kubectl(object) && words.contains(meta::name(object)));
    let marks: Vec<Mark> = ours.filter_map(|object| Mark::of(&Selection::of(object))).collect();
    if marks.is_empty() {
        return Ok(());
    }
    let write = || {
        let mut file = LineFile::open(&path(lab))?;
        marks.iter().try_for_each(|mark| file.append(&serde_json::to_string(mark)?))
    };
    write().map_err(|source| LabError::File { path: path(lab), source })
}

/// What was kept in mind.
pub fn kept(lab: &Lab) -> Vec<Mark> {
    let text = std::fs::read_to_string(path(lab)).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Forgets it, once it is taken away.
pub fn forget(lab: &Lab) {
    let _ = std::fs::remove_file(path(lab));
}
