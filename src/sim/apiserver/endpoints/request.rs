//! A request to the API once its path, user and options are known.
//! How it arrives over HTTP is the server's.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::super::admission::{Attributes, Operation};
use super::super::auth::User;
pub use super::super::decoding::FieldValidation;
use super::super::registry::Resource;
use super::super::registry::strategy::Giving;
use super::super::status::Status;
use super::super::storage::Storage;
use super::ApiServer;

/// What a request is about, who asks, and how.
pub struct Request {
    pub user: Arc<User>,
    pub resource: &'static Resource,
    /// Such as `status`; empty for the object itself.
    pub subresource: String,
    /// Empty for cluster-scoped resources and for lists over all namespaces.
    pub namespace: String,
    /// Empty for collections.
    pub name: String,
    pub dry_run: bool,
    /// Server-side apply takes over what others own.
    pub force: bool,
    pub field_manager: String,
    /// The subresource that managed fields name, when a write through it is made to the whole object.
    pub through: &'static str,
    pub field_validation: FieldValidation,
    /// Fields that the body of a custom resource, or a patch, gives twice: what comes of it is decided with what else is wrong.
    pub repeated: RefCell<Vec<String>>,
    /// What the client is told beside the answer.
    pub warnings: RefCell<Vec<String>>,
}

impl Request {
    /// A request about `resource`, by `user`, with no options.
    pub fn new(user: Arc<User>, resource: &'static Resource, namespace: &str, name: &str) -> Self {
        Self {
            user,
            resource,
            subresource: String::new(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dry_run: false,
            force: false,
            field_manager: String::new(),
            through: "",
            field_validation: FieldValidation::Ignore,
            repeated: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// The same request about a subresource.
    pub fn on(mut self, subresource: &str) -> Self {
        subresource.clone_into(&mut self.subresource);
        self
    }

    /// What admission sees of it.
    pub fn attributes<'a>(
        &'a self,
        server: &'a ApiServer,
        operation: Operation,
        old: Option<&'a Value>,
    ) -> Attributes<'a> {
        Attributes {
            operation,
            user: &self.user,
            resource: self.resource,
            // What is written through `/scale` is the whole object here, and a Scale to those who are asked.
            subresource: if self.through.is_empty() { &self.subresource } else { self.through },
            namespace: &self.namespace,
            name: &self.name,
            dry_run: self.dry_run,
            old,
            storage: &server.storage,
            rbac: &server.rbac,
            clock: server.clock,
            warnings: &self.warnings,
        }
    }

    /// From what strategies hand out.
    pub fn giving<'s>(&self, storage: &'s Storage) -> Giving<'s> {
        Giving { storage, dry_run: self.dry_run }
    }

    /// 404 for the object asked for.
    pub fn not_found(&self) -> Status {
        Status::not_found(self.resource.group, self.resource.plural, &self.name)
    }
}
