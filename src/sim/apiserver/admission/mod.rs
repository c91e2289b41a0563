//! Admission: the plugins that see a write after its author is known and before it is stored, in their order.
//! One plugin, one file, one row. Checks of a kind's own fields are its strategy's.

mod certificate_approval;
mod certificate_request;
mod certificate_signing;
mod certificate_subject_restriction;
mod default_ingress_class;
mod default_storage_class;
mod default_toleration_seconds;
mod limit_ranger;
mod matching;
mod namespace_lifecycle;
mod persistent_volume_claim_resize;
mod pod_security;
pub mod pod_topology_labels;
mod priority;
mod rbac_escalation;
pub mod resource_quota;
mod runtime_class;
mod service_account;
mod storage_object_in_use_protection;
mod taint_nodes_by_condition;
mod validating_admission_policy;
mod webhooks;

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::auth::{Policy, Rbac, User};
use super::registry::Resource;
use super::status::{Result, Status};
use super::storage::{Object, Storage};
use crate::base::clock::Clock;
use crate::object::meta;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

/// A write on its way in.
pub struct Attributes<'a> {
    pub operation: Operation,
    pub user: &'a User,
    pub resource: &'static Resource,
    pub subresource: &'a str,
    pub namespace: &'a str,
    /// Empty while the name is still to be generated.
    pub name: &'a str,
    pub dry_run: bool,
    /// What is stored now, for updates and deletes.
    pub old: Option<&'a Value>,
    pub storage: &'a Storage,
    pub rbac: &'a Rbac,
    pub clock: Clock,
    /// What the client is told without being refused.
    pub warnings: &'a RefCell<Vec<String>>,
}

impl Attributes<'_> {
    /// Whether the write is to the objects of this plural themselves, not to a subresource.
    pub fn is(&self, group: &str, plural: &str) -> bool {
        self.subresource.is_empty() && self.resource.group == group && self.resource.plural == plural
    }

    /// Whether an object of this plural is being created.
    pub fn creates(&self, group: &str, plural: &str) -> bool {
        self.operation == Operation::Create && self.is(group, plural)
    }

    /// Who may do what, as the roles and bindings are now.
    pub fn policy(&self) -> Arc<Policy> {
        self.rbac.policy(self.storage)
    }

    /// The namespace the write is to, if it is there.
    pub fn namespace_object(&self) -> Option<Object> {
        self.storage.get("namespaces", "", self.namespace)
    }

    /// 403 in a plugin's words, about an object that has its name.
    pub fn forbidden(&self, object: &Value, why: &str) -> Status {
        let name = if self.name.is_empty() { meta::name(object) } else { self.name };
        Status::forbidden(self.resource.group, self.resource.plural, name, why)
    }

    /// 403 from a plugin that changes objects: a generated name is not known to it yet, so it tells `generateName`.
    pub fn forbidden_early(&self, object: &Value, why: &str) -> Status {
        let generate = meta::text(object, "/metadata/generateName");
        if !self.name.is_empty() || generate.is_empty() {
            return self.forbidden(object, why);
        }
        Status::forbidden(self.resource.group, self.resource.plural, generate, why)
    }

    /// Adds a warning.
    pub fn warn(&self, text: impl Into<String>) {
        self.warnings.borrow_mut().push(text.into());
    }
}

/// One plugin: it may change what is written, and may refuse it.
pub struct Plugin {
    pub name: &'static str,
    pub mutate: fn(&Attributes, &mut Value) -> Result<()>,
    pub validate: fn(&Attributes, &Value) -> Result<()>,
}

impl Plugin {
    /// A plugin that does nothing; each names what it does.
    const NOTHING: Self = Self { name: "", mutate: |_, _| Ok(()), validate: |_, _| Ok(()) };
}

/// The plugins in the order they are asked (`pkg/kubeapiserver/options/plugins.go`, AllOrderedPlugins).
pub static PLUGINS: &[Plugin] = &[
    namespace_lifecycle::PLUGIN,
    limit_ranger::PLUGIN,
    service_account::PLUGIN,
    taint_nodes_by_condition::PLUGIN,
    pod_security::PLUGIN,
    priority::PLUGIN,
    default_toleration_seconds::PLUGIN,
    default_storage_class::PLUGIN,
    storage_object_in_use_protection::PLUGIN,
    persistent_volume_claim_resize::PLUGIN,
    runtime_class::PLUGIN,
    certificate_approval::PLUGIN,
    certificate_signing::PLUGIN,
    certificate_subject_restriction::PLUGIN,
    default_ingress_class::PLUGIN,
    pod_topology_labels::PLUGIN,
    // What strategies upstream do that know the user: nothing of it is a plugin there.
    certificate_request::PLUGIN,
    rbac_escalation::PLUGIN,
    webhooks::MUTATING,
    validating_admission_policy::PLUGIN,
    webhooks::VALIDATING,
    resource_quota::PLUGIN,
];

/// Lets every plugin change the object.
pub fn mutate(attributes: &Attributes, object: &mut Value) -> Result<()> {
    PLUGINS.iter().try_for_each(|plugin| (plugin.mutate)(attributes, object))
}

/// Asks every plugin whether the object may be written.
pub fn validate(attributes: &Attributes, object: &Value) -> Result<()> {
    PLUGINS.iter().try_for_each(|plugin| (plugin.validate)(attributes, object))
}
