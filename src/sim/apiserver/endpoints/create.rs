//! POST: defaulting, admission, validation, allocation, storage.
//! Source of the order: `k8s.io/apiserver/pkg/endpoints/handlers/create.go` and `registry/generic/registry/store.go`.

use serde_json::Value;

use super::update::Writing;
use super::{ApiServer, Request, metadata};
use crate::object::meta;
use crate::object::schema;
use crate::sim::apiserver::admission::{self, Operation};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::{Resource, names};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::{Object, WriteError};

impl ApiServer {
    /// Creates an object; gives it back as it is stored.
    pub fn create(&self, request: &Request, object: Value) -> Result<Object> {
        let _turn = self.turn();
        self.create_in_turn(request, object, Writing::Update)
    }

    pub(super) fn create_in_turn(&self, request: &Request, mut object: Value, writing: Writing) -> Result<Object> {
        let resource = request.resource;
        if resource.namespaced && request.namespace.is_empty() {
            return Err(Status::bad_request("an empty namespace may not be set during creation"));
        }
        if !matches!(meta::text(&object, "/metadata/resourceVersion"), "" | "0") {
            return Err(Status::unclassified(500, "resourceVersion should not be set on objects to be created"));
        }
        metadata::begin(self, request, &mut object)?;
        super::custom::settle(request, &mut object)?;
        if resource.strategy.custom.is_some() && resource.has_status() {
            meta::remove(&mut object, "status");
            // What it is read with: an absent status has the defaults of the schema, too.
            super::custom::settle(request, &mut object)?;
        }
        if let Some(conversion) = resource.stored_as {
            let stored =
                self.create_prepared(request, (conversion.storage)(), (conversion.to_storage)(object), writing)?;
            return Ok((conversion.from_storage)(&stored).into());
        }
        self.create_prepared(request, resource, object, writing)
    }

    fn create_prepared(
        &self,
        request: &Request,
        resource: &'static Resource,
        mut object: Value,
        writing: Writing,
    ) -> Result<Object> {
        let strategy = &resource.strategy;
        let attributes = request.attributes(self, Operation::Create, None);
        typed(resource, &mut object);
        (strategy.defaults)(&mut object);
        if let Some(metadata) = object.get_mut("metadata") {
            meta::remove(metadata, "managedFields");
        }
        writing.record(self, request, resource, (None, &mut object));
        admission::mutate(&attributes, &mut object)?;
        // What admission added has defaults too.
        (strategy.defaults)(&mut object);
        request.warnings.borrow_mut().extend((strategy.early_warnings)(&object));
        (strategy.prepare_create)(&mut object);
        let mut errors = ErrorList::default();
        names::metadata(resource, &object, &mut errors);
        (strategy.validate)(&object, &mut errors);
        if request.resource.stored_as.is_some() {
            // What is asked of the form it came in alone.
            (request.resource.strategy.validate)(&object, &mut errors);
        }
        if let Some(custom) = strategy.custom {
            custom.validate(&object, None, &mut errors);
        }
        if !errors.is_empty() {
            return Err(Status::invalid(resource.group, resource.kind, meta::name(&object), errors));
        }
        request.warnings.borrow_mut().extend((strategy.warnings)(&object));
        if strategy.custom.is_some() {
            request.warnings.borrow_mut().extend(names::finalizer_warnings(&object, None));
        }
        admission::validate(&attributes, &object)?;
        (strategy.allocate)(&request.giving(&self.storage), &mut object, None)?;
        let key = (meta::namespace(&object).to_owned(), meta::name(&object).to_owned());
        let mut taken = Status::already_exists(resource.group, resource.plural, &key.1);
        let there = self.storage.get(&resource.group_resource(), &key.0, &key.1);
        if there.as_ref().is_some_and(|there| meta::is_terminating(there)) {
            taken.message = format!("object is being deleted: {}", taken.message);
        }
        if request.dry_run {
            return match there {
                Some(_) => Err(taken),
                None => Ok(object.into()),
            };
        }
        self.storage.insert(&resource.group_resource(), key, object).map_err(|error| match error {
            WriteError::Exists => taken,
            WriteError::Full => Status::no_space(),
            other => Status::internal(format!("{other:?}")),
        })
    }
}

/// Brings an object into the form Kubernetes' own types give it, whoever wrote it: clients' bodies come so, what controllers build does not.
pub(super) fn typed(resource: &Resource, object: &mut Value) {
    if let Some(of) = schema::of(&resource.api_version(), resource.kind) {
        schema::normalise(object, of);
    }
}
