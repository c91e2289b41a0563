//! PUT, and the second half of PATCH: what may change does, what may not is refused, what is the same is not written.
//! Source: `k8s.io/apiserver/pkg/registry/generic/registry/store.go`, Update.

use serde_json::{Value, json};

use super::create::typed;
use super::ownership::{Managers, Writer, compared};
use super::{ApiServer, Request, metadata, parts};
use crate::object::meta;
use crate::sim::apiserver::admission::{self, Operation};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::{Resource, names};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::{Object, WriteError};

/// How an object is written, for the record of who owns its fields.
pub(super) enum Writing {
    /// What changes is the writer's.
    Update,
    /// Who owns what is settled already, by server-side apply.
    Apply(Managers),
}

impl Writing {
    /// Writes down who owns what from now on; without an old object, the new one is being created.
    pub(super) fn record(
        self,
        server: &ApiServer,
        request: &Request,
        resource: &Resource,
        (old, object): (Option<&Value>, &mut Value),
    ) {
        let managers = match self {
            Self::Apply(managers) => managers,
            Self::Update => match managers(server, request, resource, (old, object)) {
                Some(managers) => managers,
                None => return,
            },
        };
        managers.write(object);
    }

    /// Settles who owns what by what was asked for where that is what counts, whatever the subresource leaves of it: these of Pods
    /// tell of no fields that they reset (`pkg/registry/core/pod/storage/storage.go`, ResizeREST and EphemeralContainersREST).
    fn settled(
        self,
        server: &ApiServer,
        request: &Request,
        resource: &Resource,
        (old, object): (&Value, &Value),
    ) -> Self {
        match (self, request.subresource.as_str()) {
            (Self::Update, "resize" | "ephemeralcontainers") => {
                managers(server, request, resource, (Some(old), object)).map_or(Self::Update, Self::Apply)
            }
            (writing, _) => writing,
        }
    }

    /// Whether nothing is to be recorded beside a change of the object.
    fn is_same(&self, old: &Value) -> bool {
        match self {
            Self::Update => true,
            Self::Apply(managers) => managers.same(&Managers::read(old)),
        }
    }
}

/// Who owns what once `object` is written; `None` where nobody was told apart so far, or a client asked to forget.
fn managers(
    server: &ApiServer,
    request: &Request,
    resource: &Resource,
    (old, object): (Option<&Value>, &Value),
) -> Option<Managers> {
    let mut managers = Managers::read(object);
    if old.is_some() && managers == Managers::default() {
        return None;
    }
    let comparison = compared(resource, old, object);
    managers.update(&Writer::of(request, "Update"), &comparison, resource, server.clock.now());
    Some(managers)
}

impl ApiServer {
    /// Replaces an object, or its status when the request is about `/status`. The second says whether it was created.
    pub fn update(&self, request: &Request, object: Value) -> Result<(Object, bool)> {
        let _turn = self.turn();
        self.update_in_turn(request, object, Writing::Update)
    }

    pub(super) fn update_in_turn(
        &self,
        request: &Request,
        mut object: Value,
        writing: Writing,
    ) -> Result<(Object, bool)> {
        metadata::place(request, &mut object)?;
        metadata::named(request, &object)?;
        let resource = request.resource.storage();
        let stored = self.storage.get(&resource.group_resource(), &request.namespace, &request.name);
        let Some(old) = stored else {
            if resource.strategy.create_on_update && request.subresource.is_empty() {
                return self.create_in_turn(request, object, writing).map(|created| (created, true));
            }
            return Err(request.not_found());
        };
        if let Some(conversion) = request.resource.stored_as {
            object = (conversion.to_storage)(object);
        }
        super::custom::settle(request, &mut object)?;
        check_revision(request, &object, &old)?;
        let updated = self.update_prepared(request, resource, object, (&old, writing))?;
        let shown = match request.resource.stored_as {
            Some(conversion) => (conversion.from_storage)(&updated).into(),
            None => updated,
        };
        Ok((shown, false))
    }

    fn update_prepared(
        &self,
        request: &Request,
        resource: &'static Resource,
        mut object: Value,
        (old, writing): (&Object, Writing),
    ) -> Result<Object> {
        let strategy = &resource.strategy;
        let asked_uid = meta::uid(&object).to_owned();
        if !asked_uid.is_empty() && asked_uid != meta::uid(old) {
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {asked_uid}, UID in object meta: {}",
                etcd_key(resource, request),
                meta::uid(old)
            );
            return Err(Status::conflict(resource.group, resource.plural, &request.name, &why));
        }
        typed(resource, &mut object);
        metadata::keep(&mut object, old);
        metadata::keep_managers(request, &mut object, old);
        let attributes = request.attributes(self, Operation::Update, Some(old));
        (strategy.defaults)(&mut object);
        admission::mutate(&attributes, &mut object)?;
        (strategy.defaults)(&mut object);
        let writing = writing.settled(self, request, resource, (old, &object));
        parts::keep_apart(request, resource, &mut object, old);
        if resource.strategy.generation && differs_in_spec(&object, old) {
            let generation = meta::number(old, "/metadata/generation").unwrap_or_default() + 1;
            object["metadata"]["generation"] = json!(generation);
        }
        let errors = check(request, resource, &object, old);
        if !errors.is_empty() {
            return Err(Status::invalid(resource.group, resource.kind, &request.name, errors));
        }
        if request.subresource.is_empty() {
            request.warnings.borrow_mut().extend((strategy.warnings)(&object));
            if strategy.custom.is_some() {
                request.warnings.borrow_mut().extend(names::finalizer_warnings(&object, Some(old)));
            }
        }
        admission::validate(&attributes, &object)?;
        (strategy.allocate)(&request.giving(&self.storage), &mut object, Some(old))?;
        self.store(request, resource, object, (old, writing))
    }

    /// Writes an object over the old one, unless it is the same; takes it away when the last finalizer of a terminating one went.
    fn store(
        &self,
        request: &Request,
        resource: &Resource,
        mut object: Value,
        (old, writing): (&Object, Writing),
    ) -> Result<Object> {
        object["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
        if object == **old && writing.is_same(old) {
            return Ok(Object::clone(old));
        }
        writing.record(self, request, resource, (Some(old), &mut object));
        if request.dry_run {
            return Ok(object.into());
        }
        let key = (request.namespace.clone(), request.name.clone());
        let group_resource = resource.group_resource();
        let written = if is_over(&object, old) {
            // Who lets it go is told of it as it was then.
            self.storage.remove(&group_resource, key, None).map(|removed| {
                object["metadata"]["resourceVersion"] = removed["metadata"]["resourceVersion"].clone();
                object.into()
            })
        } else {
            self.storage.replace(&group_resource, key, meta::revision(old), object)
        };
        written.map_err(|error| match error {
            WriteError::Missing => request.not_found(),
            _ => Status::modified(resource.group, resource.plural, &request.name),
        })
    }
}

/// An object that ends gets no new finalizers (`k8s.io/apimachinery/pkg/api/validation/objectmeta.go`, ValidateNoNewFinalizers).
fn finalizers_only_go(object: &Value, old: &Value, errors: &mut ErrorList) {
    if !meta::is_terminating(old) {
        return;
    }
    let new: Vec<&str> =
        meta::finalizers(object).filter(|one| !meta::finalizers(old).any(|known| known == *one)).collect();
    if !new.is_empty() {
        let shown: Vec<String> = new.iter().map(|finalizer| format!("{finalizer:?}")).collect();
        let shown = shown.join(", ");
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{shown}}}"
        );
        errors.forbidden("metadata.finalizers", &why);
    }
}

/// Whether nothing holds a terminating object any more.
fn is_over(object: &Value, old: &Value) -> bool {
    meta::is_terminating(object)
        && meta::finalizers(object).next().is_none()
        && meta::list(object, "/spec/finalizers").is_empty()
        && meta::number(object, "/metadata/deletionGracePeriodSeconds").unwrap_or_default() == 0
        && (meta::finalizers(old).next().is_some() || !meta::list(old, "/spec/finalizers").is_empty())
}

/// Where etcd would have the object; some kinds have kept the name of early days (`pkg/registry/*/*/storage/storage.go`).
fn etcd_key(resource: &Resource, request: &Request) -> String {
    let folder = match (resource.group, resource.plural) {
        ("", "nodes") => "minions".to_owned(),
        ("", "services") => "services/specs".to_owned(),
        ("", "endpoints") => "services/endpoints".to_owned(),
        ("", "replicationcontrollers") => "controllers".to_owned(),
        ("networking.k8s.io", "ingresses") => "ingress".to_owned(),
        (group, plural) if group.starts_with("api") || resource.strategy.custom.is_some() => {
            format!("{group}/{plural}")
        }
        (_, plural) => plural.to_owned(),
    };
    let place = if request.namespace.is_empty() { String::new() } else { format!("{}/", request.namespace) };
    format!("/registry/{folder}/{place}{}", request.name)
}

/// Everything that is wrong with a changed object.
fn check(request: &Request, resource: &Resource, object: &Value, old: &Value) -> ErrorList {
    let strategy = &resource.strategy;
    let mut errors = ErrorList::default();
    names::metadata(resource, object, &mut errors);
    names::metadata_update(object, old, &mut errors);
    finalizers_only_go(object, old, &mut errors);
    if strategy.changes_first && request.subresource.is_empty() {
        (strategy.validate_update)(object, old, &mut errors);
    }
    (strategy.validate)(object, &mut errors);
    if let Some(custom) = strategy.custom {
        custom.validate(object, Some(old), &mut errors);
    }
    match request.subresource.as_str() {
        "" if strategy.changes_first => {}
        "" => (strategy.validate_update)(object, old, &mut errors),
        subresource => (strategy.validate_subresource)(subresource, object, old, &mut errors),
    }
    errors
}

fn check_revision(request: &Request, object: &Value, old: &Value) -> Result<()> {
    let resource = request.resource;
    match meta::text(object, "/metadata/resourceVersion") {
        "" | "0" if resource.strategy.unconditional_update => Ok(()),
        "" | "0" => {
            let mut errors = ErrorList::default();
            errors.invalid("metadata.resourceVersion", json!(0), "must be specified for an update");
            Err(Status::invalid(resource.group, resource.kind, &request.name, errors))
        }
        given if given == meta::text(old, "/metadata/resourceVersion") => Ok(()),
        given if given.parse::<u64>().is_err() => {
            Err(Status::unclassified(500, format!("strconv.ParseUint: parsing {given:?}: invalid syntax")))
        }
        _ => Err(Status::modified(resource.group, resource.plural, &request.name)),
    }
}

fn differs_in_spec(object: &Value, old: &Value) -> bool {
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
    };
    keys(object).iter().chain(keys(old).iter()).any(|key| {
        !matches!(key.as_str(), "metadata" | "status" | "kind" | "apiVersion") && object.get(key) != old.get(key)
    })
}
