//! DELETE: preconditions, grace, finalizers, propagation.
//! Taking away what depends on the object is the garbage collector's. Source: `k8s.io/apiserver/pkg/registry/rest/delete.go`.

use serde_json::{Value, json};

use super::metadata::timestamp;
use super::{ApiServer, ListOptions, Request};
use crate::base::clock::later;
use crate::object::meta;
use crate::sim::apiserver::admission::{self, Operation};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::{Deletion, Resource};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// What becomes of the objects this one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// `metav1.DeleteOptions`.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    pub grace_seconds: Option<i64>,
    pub propagation: Option<Propagation>,
    pub uid: Option<String>,
    pub resource_version: Option<String>,
    /// The body asked for a dry run (`dryRun: [All]`), as `kubectl delete --dry-run=server` does.
    pub dry_run: bool,
}

impl DeleteOptions {
    /// Reads the body of a DELETE. Errors on values the real server refuses.
    pub fn from_value(body: &Value) -> Result<Self> {
        let policy = meta::text(body, "/propagationPolicy");
        let orphan = body.get("orphanDependents").and_then(Value::as_bool);
        let mut errors = ErrorList::default();
        if orphan.is_some() && !policy.is_empty() {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            errors.invalid("propagationPolicy", policy, why);
        }
        let propagation = match (policy, orphan) {
            ("Background", _) | ("", Some(false)) => Some(Propagation::Background),
            ("Foreground", _) => Some(Propagation::Foreground),
            ("Orphan", _) | ("", Some(true)) => Some(Propagation::Orphan),
            ("", None) => None,
            (other, _) => {
                errors.not_supported("propagationPolicy", other, &["Foreground", "Background", "Orphan", "nil"]);
                None
            }
        };
        let dry_run = meta::list(body, "/dryRun");
        if dry_run.iter().any(|one| one != "All") {
            errors.not_supported("dryRun", dry_run.to_vec(), &["All"]);
        }
        if !errors.is_empty() {
            return Err(Status::invalid("meta.k8s.io", "DeleteOptions", "", errors));
        }
        let text = |pointer: &str| Some(meta::text(body, pointer).to_owned()).filter(|text| !text.is_empty());
        Ok(Self {
            grace_seconds: meta::number(body, "/gracePeriodSeconds"),
            propagation,
            uid: text("/preconditions/uid"),
            resource_version: text("/preconditions/resourceVersion"),
            dry_run: !dry_run.is_empty(),
        })
    }

    /// Now, whatever the object's own grace.
    pub fn now() -> Self {
        Self { grace_seconds: Some(0), ..Self::default() }
    }

    /// Only if it still is the object of this uid.
    pub fn of_uid(uid: &str) -> Self {
        Self { uid: Some(uid.to_owned()), ..Self::default() }
    }
}

/// What a DELETE came to.
pub enum Deleted {
    /// It is gone; this is how it last was.
    Gone(Object),
    /// It waits for its grace period or a finalizer.
    Terminating(Object),
}

impl ApiServer {
    /// Deletes an object, or asks it to end.
    pub fn delete(&self, request: &Request, options: &DeleteOptions) -> Result<Deleted> {
        let _turn = self.turn();
        self.delete_in_turn(request, options)
    }

    /// Deletes what a list of the same request would show; gives back what it showed.
    pub fn delete_collection(
        &self,
        request: &Request,
        selection: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Vec<Object>> {
        let _turn = self.turn();
        let found = self.list(request, selection)?.objects;
        for object in &found {
            let one = Request {
                dry_run: request.dry_run,
                ..Request::new(request.user.clone(), request.resource, meta::namespace(object), meta::name(object))
            };
            match self.delete_in_turn(&one, options) {
                Err(status) if !status.is_not_found() => return Err(status),
                _ => {}
            }
        }
        Ok(found)
    }

    pub(super) fn delete_in_turn(&self, request: &Request, options: &DeleteOptions) -> Result<Deleted> {
        let resource = request.resource.storage();
        let group_resource = resource.group_resource();
        let found =
            self.storage.get(&group_resource, &request.namespace, &request.name).ok_or_else(|| request.not_found())?;
        check_preconditions(request, options, &found)?;
        admission::validate(&request.attributes(self, Operation::Delete, Some(&found)), &found)?;
        let ending = self.ending(request, resource, options, &found);
        if request.dry_run || options.dry_run {
            return Ok(ending.map_or(Deleted::Gone(found), |object| Deleted::Terminating(object.into())));
        }
        let key = (request.namespace.clone(), request.name.clone());
        match ending {
            None => match self.storage.remove(&group_resource, key, None) {
                Ok(last) => {
                    if resource.kind == "CustomResourceDefinition" {
                        self.clean_up(&last);
                    }
                    Ok(Deleted::Gone(last))
                }
                Err(_) => Err(request.not_found()),
            },
            Some(object) if object == *found => Ok(Deleted::Terminating(found)),
            Some(object) => self
                .storage
                .replace(&group_resource, key, meta::revision(&found), object)
                .map(Deleted::Terminating)
                .map_err(|_| request.not_found()),
        }
    }

    /// The object as it stands while it ends, or `None` when it is gone at once.
    fn ending(&self, request: &Request, resource: &Resource, options: &DeleteOptions, found: &Value) -> Option<Value> {
        let mut object = found.clone();
        set_propagation(request, resource, options, &mut object);
        let held = meta::finalizers(&object).next().is_some();
        let grace = match resource.strategy.deletion {
            Deletion::Graceful => pod_grace(&object, options),
            Deletion::Namespace | Deletion::Plain => 0,
        };
        let waits =
            resource.strategy.deletion == Deletion::Namespace && !meta::list(&object, "/spec/finalizers").is_empty();
        if !held && !waits && grace == 0 {
            return None;
        }
        let already = meta::is_terminating(&object);
        let before = meta::number(&object, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
        if !already || grace < before {
            let end = later(self.clock.now(), grace);
            object["metadata"]["deletionTimestamp"] = json!(timestamp(end));
            // A namespace that is still to be emptied is marked by its own storage, which speaks of no grace.
            if !waits {
                object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
            }
            if let Some(generation) = meta::number(&object, "/metadata/generation") {
                object["metadata"]["generation"] = json!(generation + 1);
            }
        }
        if resource.strategy.deletion == Deletion::Namespace {
            meta::child(&mut object, "status")["phase"] = json!("Terminating");
        }
        Some(object)
    }
}

fn check_preconditions(request: &Request, options: &DeleteOptions, found: &Value) -> Result<()> {
    let resource = request.resource;
    if resource.strategy.deletion == Deletion::Namespace {
        return check_namespace(request, options, found);
    }
    let kind = if resource.group.is_empty() {
        resource.kind.to_owned()
    } else {
        format!("{}.{}", resource.kind, resource.group)
    };
    let conflict = |what: &str, wanted: &str, is: &str, perhaps: &str| {
        let why = format!(
            "the {what} in the precondition ({wanted}) does not match the {what} in record ({is}). The object might have been {perhaps}"
        );
        Err(Status::conflict("", &kind, &request.name, &why))
    };
    if let Some(uid) = &options.uid
        && uid != meta::uid(found)
    {
        return conflict("UID", uid, meta::uid(found), "deleted and then recreated");
    }
    if let Some(version) = &options.resource_version
        && version != meta::text(found, "/metadata/resourceVersion")
    {
        return conflict("ResourceVersion", version, meta::text(found, "/metadata/resourceVersion"), "modified");
    }
    Ok(())
}

/// The same in the words of the storage of namespaces (`pkg/registry/core/namespace/storage/storage.go`).
fn check_namespace(request: &Request, options: &DeleteOptions, found: &Value) -> Result<()> {
    let version = meta::text(found, "/metadata/resourceVersion");
    for (what, wanted, is) in
        [("UID", &options.uid, meta::uid(found)), ("ResourceVersion", &options.resource_version, version)]
    {
        if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != is) {
            let why = format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {is}");
            return Err(Status::conflict("", request.resource.plural, &request.name, &why));
        }
    }
    Ok(())
}

/// How long a Pod may take to stop: nothing when no kubelet runs it.
fn pod_grace(pod: &Value, options: &DeleteOptions) -> i64 {
    let running = !meta::text(pod, "/spec/nodeName").is_empty()
        && !matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed");
    if !running {
        return 0;
    }
    let own = meta::number(pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    options.grace_seconds.unwrap_or(own).max(0)
}

/// Finalizers say what the garbage collector has to do first.
fn set_propagation(request: &Request, resource: &Resource, options: &DeleteOptions, object: &mut Value) {
    // The kinds that keep their dependents unless told otherwise (their strategies' DefaultGarbageCollectionPolicy).
    let orphans = matches!((resource.group, resource.plural), ("batch", "jobs") | ("", "replicationcontrollers"));
    if orphans && resource.plural == "jobs" && options.propagation.is_none() {
        request.warnings.borrow_mut().push(
            "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning".to_owned(),
        );
    }
    let default = if orphans { Propagation::Orphan } else { Propagation::Background };
    let Some(chosen) = options.propagation.or_else(|| {
        let told = meta::finalizers(object).any(|finalizer| finalizer == ORPHAN || finalizer == FOREGROUND);
        (!told).then_some(default)
    }) else {
        return;
    };
    let mut finalizers: Vec<Value> = meta::list(object, "/metadata/finalizers").to_vec();
    finalizers.retain(|finalizer| finalizer != ORPHAN && finalizer != FOREGROUND);
    match chosen {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(json!(FOREGROUND)),
        Propagation::Orphan => finalizers.push(json!(ORPHAN)),
    }
    if finalizers.is_empty() {
        meta::remove(&mut object["metadata"], "finalizers");
    } else {
        object["metadata"]["finalizers"] = Value::Array(finalizers);
    }
}
