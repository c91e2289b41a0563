//! Server-side apply: what a configuration makes of an object and its owners, and conflicts in Kubernetes' words.
//! Source: sigs.k8s.io/structured-merge-diff `merge/update.go`, k8s.io/apimachinery `managedfields/internal/{conflict,lastapplied*}.go`.

use serde_json::{Value, json};

use super::Set;
use super::entries::{Managers, Writer, compared, root, stripped};
use super::walk::{fields_of, prune};
use crate::object::meta;
use crate::object::patch::{self, PatchError};
use crate::object::schema::Place;
use crate::sim::apiserver::endpoints::Request;
use crate::sim::apiserver::status::{Result, Status};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What an apply comes to.
pub struct Applied {
    pub object: Value,
    pub managers: Managers,
}

/// Applies `wanted` to the object as it stands, or to none.
///
/// # Errors
/// 409 with every conflict unless the request forces; 400 and 500 on configurations that cannot be read.
pub fn apply(request: &Request, live: Option<&Value>, wanted: &Value, now: jiff::Timestamp) -> Result<Applied> {
    let resource = request.resource;
    check(request, wanted)?;
    let place = root(resource);
    let mut merged = live.cloned().unwrap_or_else(|| json!({}));
    patch::apply(&mut merged, wanted, place).map_err(|why| match why {
        PatchError::BadRequest(why) => Status::bad_request(why),
        PatchError::Unprocessable(why) | PatchError::Internal(why) => Status::unclassified(500, why),
    })?;
    // Named by the request at least: metadata stays when nothing else of it is applied any more.
    let mut whole = fields_of(place, wanted);
    whole.insert(&["f:metadata", "f:name"].map(str::to_owned));
    let fields = stripped(whole.clone(), resource, &request.subresource);
    meta::child(&mut merged, "metadata")["name"] = json!(request.name);
    let mut managers = live.map(|live| standing(request, live, now)).unwrap_or_default();
    let writer = Writer::of(request, "Apply");
    let last = managers.at(&writer).map(|at| managers.0[at].clone());
    managers.set(&writer, fields, now);
    let at = managers.at(&writer);
    if let Some(last) = &last {
        let kept = managers.0.iter().fold(whole, |all, entry| all.union(&entry.fields));
        prune(place, &mut merged, &last.fields, Some(&kept));
    }
    if let Some(live) = live {
        let comparison = compared(resource, Some(live), &merged);
        let conflicts = conflicts(&managers, at, &comparison.changed);
        if !request.force && !conflicts.is_empty() {
            let allowed =
                if writer.manager == "kubectl" { last_applied(place, live, resource) } else { Set::default() };
            refuse(conflicts, &allowed)?;
        }
        managers.yield_to(at, &comparison);
        if comparison.changed.is_empty() && comparison.removed.is_empty() {
            managers.keep_time(&writer, last);
        }
    }
    if writer.manager == "kubectl" && live.is_some_and(|live| meta::annotation(live, LAST_APPLIED).is_some()) {
        meta::set_annotation(&mut merged, LAST_APPLIED, &format!("{wanted}\n"));
    }
    Ok(Applied { object: merged, managers })
}

/// Who owns what so far. What an object has whose managers are not known was there before the first apply
/// (`managedfields/internal/skipnonapplied.go`).
fn standing(request: &Request, live: &Value, now: jiff::Timestamp) -> Managers {
    let mut managers = Managers::read(live);
    if managers == Managers::default() {
        let writer = Writer { manager: "before-first-apply".to_owned(), ..Writer::of(request, "Update") };
        managers.update(&writer, &compared(request.resource, None, live), request.resource, now);
    }
    managers
}

fn check(request: &Request, wanted: &Value) -> Result<()> {
    let (resource, kind) = (request.resource, meta::text(wanted, "/kind"));
    let group = meta::text(wanted, "/apiVersion").rsplit_once('/').map(|(group, _)| group).unwrap_or_default();
    if kind != resource.kind || group != resource.group {
        let version = meta::text(wanted, "/apiVersion");
        let version = if version.contains('/') { version.to_owned() } else { format!("/{version}") };
        return Err(Status::bad_request(format!("invalid object type: {version}, Kind={kind}")));
    }
    if !meta::name(wanted).is_empty() && meta::name(wanted) != request.name {
        return Err(Status::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            meta::name(wanted),
            request.name
        )));
    }
    let (version, expected) = (meta::text(wanted, "/apiVersion"), request.resource.api_version());
    if version != expected {
        return Err(Status::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {expected}"
        )));
    }
    if wanted.pointer("/metadata/managedFields").is_some_and(Value::is_array) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    Ok(())
}

/// Who else owns what is about to change.
fn conflicts(managers: &Managers, except: Option<usize>, changed: &Set) -> Vec<(Writer, Set)> {
    let others = managers.0.iter().enumerate().filter(|(at, _)| Some(*at) != except);
    let found = others.map(|(_, entry)| (entry.writer.clone(), entry.fields.intersection(changed)));
    found.filter(|(_, fields)| !fields.is_empty()).collect()
}

/// What the annotation of client-side apply shows to be the same user's: kubectl may take it over.
fn last_applied(place: Place, live: &Value, resource: &crate::sim::apiserver::registry::Resource) -> Set {
    let applied: Option<Value> = meta::annotation(live, LAST_APPLIED).and_then(|text| serde_json::from_str(text).ok());
    let Some(applied) = applied else { return Set::default() };
    let fields = fields_of(place, &applied);
    let changed = compared(resource, Some(&applied), live);
    fields.difference(&changed.changed).difference(&changed.removed)
}

fn refuse(conflicts: Vec<(Writer, Set)>, allowed: &Set) -> Result<()> {
    let mut told: Vec<(String, Vec<String>)> = conflicts
        .into_iter()
        .map(|(writer, fields)| (writer.shown(), fields.difference(allowed).paths()))
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    told.sort();
    let causes: Vec<Value> = told
        .iter()
        .flat_map(|(writer, paths)| paths.iter().map(move |path| (writer, path)))
        .map(|(writer, path)| {
            json!({ "reason": "FieldManagerConflict", "message": format!("conflict with {writer}"), "field": path })
        })
        .collect();
    let message = match causes.len() {
        0 => return Ok(()),
        1 => told
            .iter()
            .map(|(writer, paths)| format!("1 conflict: conflict with {writer}: {}", paths.concat()))
            .collect(),
        several => {
            let lines: Vec<String> = told
                .iter()
                .map(|(writer, paths)| format!("conflicts with {writer}:\n- {}", paths.join("\n- ")))
                .collect();
            format!("{several} conflicts: {}", lines.join("\n"))
        }
    };
    Err(Status::apply_conflict(&format!("Apply failed with {message}"), &Value::Array(causes)))
}
