//! GET: one object, or a list by selectors, in pages.
//! How the answer is written (JSON, Table) is the server's.

use std::sync::Arc;

use serde_json::Value;

use super::{ApiServer, Request};
use crate::object::meta;
use crate::object::selector::{FieldSelector, LabelSelector};
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    pub labels: Option<LabelSelector>,
    pub fields: Option<FieldSelector>,
    /// At most so many; 0 for all.
    pub limit: usize,
    /// Where the page before ended.
    pub continue_from: Option<Continuation>,
    /// The revision whose objects are wanted and no others' (`resourceVersionMatch=Exact`).
    pub exactly: Option<u64>,
}

/// Where a page of a list ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// The revision of the first page; `None` goes on with what there is now.
    pub revision: Option<u64>,
    /// When the first page was read, in seconds since 1970.
    pub began: i64,
    pub namespace: String,
    pub name: String,
}

/// After so many seconds the history that a page needs counts as compacted: etcd's is, between five and ten minutes after.
const KEPT: i64 = 450;
const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// One page of a list.
pub struct Page {
    pub objects: Vec<Object>,
    pub revision: u64,
    /// Where this page ended, when more follows, and how much does (unknown under a selector).
    pub more: Option<(Continuation, Option<usize>)>,
}

impl ListOptions {
    /// Checks that the fields asked for can be (`field label not supported`).
    pub fn check(&self, resource: &Resource) -> Result<()> {
        for field in self.fields.iter().flat_map(FieldSelector::fields) {
            let custom = resource.strategy.custom.is_some_and(|custom| custom.selects(field));
            if selectable(resource, field).is_none() && !custom {
                return Err(Status::bad_request(not_selectable(resource, field)));
            }
        }
        Ok(())
    }

    /// Whether an object belongs to the list.
    pub fn matches(&self, resource: &Resource, object: &Value) -> bool {
        if let Some(labels) = &self.labels
            && !labels.matches(meta::map(object, "/metadata/labels"))
        {
            return false;
        }
        match &self.fields {
            None => true,
            Some(fields) => fields.matches(|field| {
                let custom = || resource.strategy.custom.and_then(|custom| custom.selected(field, object));
                selectable(resource, field).map(|read| read(object)).or_else(custom).unwrap_or_default()
            }),
        }
    }

    fn selects(&self) -> bool {
        self.labels.is_some() || self.fields.is_some()
    }
}

/// Kinds with fields of their own, and defined ones, are answered by functions of their own upstream, the others by one for all.
fn has_own_fields(resource: &Resource) -> bool {
    !resource.strategy.fields.is_empty() || resource.strategy.custom.is_some()
}

/// Why a field cannot be asked for (`AddFieldLabelConversionFunc` of each kind, `k8s.io/apimachinery/pkg/runtime/conversion.go` for the rest).
fn not_selectable(resource: &Resource, field: &str) -> String {
    match (resource.group, resource.kind) {
        _ if !has_own_fields(resource) => {
            format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
        }
        ("batch", "Job") => format!("field label {field:?} not supported for Job"),
        ("resource.k8s.io", kind) => {
            format!("field label not supported for {}, Kind={kind}: {field}", resource.api_version())
        }
        _ => format!("field label not supported: {field}"),
    }
}

fn selectable(resource: &Resource, field: &str) -> Option<fn(&Value) -> String> {
    match field {
        "metadata.name" => Some(|object| meta::name(object).to_owned()),
        "metadata.namespace" if has_own_fields(resource) && !resource.namespaced => None,
        "metadata.namespace" => Some(|object| meta::namespace(object).to_owned()),
        _ => resource.strategy.fields.iter().find(|(name, _)| *name == field).map(|(_, read)| *read),
    }
}

impl ApiServer {
    /// One object.
    pub fn get(&self, request: &Request) -> Result<Object> {
        if let Some(made) = self.made(request.resource) {
            let wanted =
                |object: &Object| meta::name(object) == request.name && meta::namespace(object) == request.namespace;
            let found = made?.into_iter().find(wanted);
            return found.ok_or_else(|| self.not_made(request.resource, &request.namespace, &request.name));
        }
        let stored = request.resource.storage();
        let object = self
            .storage
            .get(&stored.group_resource(), &request.namespace, &request.name)
            .ok_or_else(|| request.not_found())?;
        Ok(shown(request.resource, object))
    }

    /// A page of the objects of a namespace, or of all when the request names none.
    pub fn list(&self, request: &Request, options: &ListOptions) -> Result<Page> {
        options.check(request.resource)?;
        let namespace = Some(request.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        if let Some(made) = self.made(request.resource) {
            let mut objects = made?;
            let inside = |object: &Object| namespace.is_none_or(|namespace| meta::namespace(object) == namespace);
            objects.retain(|object| inside(object) && options.matches(request.resource, object));
            return Ok(Page { objects, revision: self.storage.revision(), more: None });
        }
        let (stored, revision) = self.stored(request, options, namespace)?;
        let after = options.continue_from.as_ref();
        let mut objects = Vec::new();
        let mut more = None;
        let mut rest = stored.into_iter().peekable();
        while let Some(object) = rest.next() {
            if after
                .is_some_and(|last| (meta::namespace(&object), meta::name(&object)) <= (&last.namespace, &last.name))
            {
                continue;
            }
            let object = shown(request.resource, object);
            if !options.matches(request.resource, &object) {
                continue;
            }
            objects.push(object);
            if options.limit > 0 && objects.len() == options.limit && rest.peek().is_some() {
                let last = objects.last().map(|last| Continuation {
                    revision: Some(revision),
                    began: after
                        .filter(|last| last.revision.is_some())
                        .map_or(self.clock.now().as_second(), |last| last.began),
                    namespace: meta::namespace(last).to_owned(),
                    name: meta::name(last).to_owned(),
                });
                let remaining = (!options.selects()).then(|| rest.len());
                more = last.map(|last| (last, remaining));
                break;
            }
        }
        Ok(Page { objects, revision, more })
    }

    /// What a list is taken from, and the revision of that: later pages show what the first one was taken from.
    fn stored(&self, request: &Request, options: &ListOptions, namespace: Option<&str>) -> Result<(Vec<Object>, u64)> {
        let resource = request.resource.storage().group_resource();
        if let Some(Continuation { revision: Some(revision), began, .. }) = &options.continue_from {
            let old = self.clock.now().as_second() - began > KEPT;
            let found = self.storage.list_at(&resource, namespace, *revision).ok().filter(|_| !old);
            return found.map(|found| (found, *revision)).ok_or_else(|| Status::expired(TOO_OLD));
        }
        if let Some(revision) = options.exactly {
            let found = self.storage.list_at(&resource, namespace, revision);
            let why = "The resourceVersion for the provided list is too old.";
            return found.map(|found| (found, revision)).map_err(|_| Status::expired(why));
        }
        Ok(self.storage.list(&resource, namespace))
    }
}

/// A stored object in the version asked for.
pub(super) fn shown(resource: &Resource, object: Object) -> Object {
    if let Some(custom) = resource.strategy.custom {
        let object = super::custom::in_version(&resource.api_version(), &object).map_or(object, Arc::new);
        return custom.filled(&object).map_or(object, Arc::new);
    }
    match resource.stored_as {
        Some(conversion) => Arc::new((conversion.from_storage)(&object)),
        None => object,
    }
}
