//! The in-process client: what controllers, scheduler and kubelets reach objects through.
//! The same endpoints as over HTTP, without the bytes; the cluster's own components are not asked for permission.

use std::sync::Arc;

use serde_json::Value;

use super::auth::User;
use super::endpoints::watch::Watch;
use super::endpoints::{ApiServer, DeleteOptions, Deleted, ListOptions, Patch, Request, subresources};
use super::registry::{Resource, kinds};
use super::status::Result;
use super::storage::Object;
use crate::base::clock::Clock;
use crate::object::meta;
use crate::object::selector::{FieldSelector, LabelSelector};

/// The program a component is part of: its name is the field manager, as the real programs take it from their own file's name.
fn program(component: &'static str) -> &'static str {
    match component {
        "kubeadm" | "kubelet" | "kube-scheduler" | "kube-apiserver" | "kube-proxy" => component,
        "default-scheduler" | "scheduler" => "kube-scheduler",
        _ => "kube-controller-manager",
    }
}

/// A component's way to the API. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    api: Arc<ApiServer>,
    user: Arc<User>,
    manager: &'static str,
}

impl Client {
    /// A client that writes as the component `manager` (its field manager), under the user `system:<manager>`.
    pub fn of_component(api: Arc<ApiServer>, manager: &'static str) -> Self {
        let manager = program(manager);
        let groups = vec!["system:masters".to_owned(), "system:authenticated".to_owned()];
        let user = User { name: format!("system:{manager}"), groups, ..User::default() };
        Self { api, user: Arc::new(user), manager }
    }

    /// The cluster's clock.
    pub fn clock(&self) -> Clock {
        self.api.clock
    }

    /// The server itself, for what is not about one object.
    pub fn server(&self) -> &Arc<ApiServer> {
        &self.api
    }

    /// Every resource served, those of definitions last.
    pub fn resources(&self) -> Vec<&'static Resource> {
        self.api.resources()
    }

    /// A resource by apiVersion and kind.
    pub fn resource_of_kind(&self, api_version: &str, kind: &str) -> Option<&'static Resource> {
        self.api.resource_of_kind(api_version, kind)
    }

    fn request(&self, resource: &'static Resource, namespace: &str, name: &str) -> Request {
        let mut request = Request::new(self.user.clone(), resource, namespace, name);
        self.manager.clone_into(&mut request.field_manager);
        request
    }

    fn about(&self, resource: &'static Resource, object: &Value) -> Request {
        self.request(resource, meta::namespace(object), meta::name(object))
    }

    /// One object; 404 when it is not there.
    pub fn get(&self, resource: &'static Resource, namespace: &str, name: &str) -> Result<Object> {
        self.api.get(&self.request(resource, namespace, name))
    }

    /// One object, if it is there.
    pub fn find(&self, resource: &'static Resource, namespace: &str, name: &str) -> Option<Object> {
        self.get(resource, namespace, name).ok()
    }

    /// All objects of a namespace, or of the cluster when it is empty.
    pub fn list(&self, resource: &'static Resource, namespace: &str) -> Vec<Object> {
        self.listed(resource, namespace, ListOptions::default())
    }

    /// The objects of a namespace (or of all) that a label selector matches.
    pub fn select(&self, resource: &'static Resource, namespace: &str, labels: &LabelSelector) -> Vec<Object> {
        self.listed(resource, namespace, ListOptions { labels: Some(labels.clone()), ..ListOptions::default() })
    }

    /// The same, or why they cannot be had: for resources that another server makes.
    pub fn try_select(
        &self,
        resource: &'static Resource,
        namespace: &str,
        labels: &LabelSelector,
    ) -> Result<Vec<Object>> {
        let options = ListOptions { labels: Some(labels.clone()), ..ListOptions::default() };
        self.api.list(&self.request(resource, namespace, ""), &options).map(|page| page.objects)
    }

    /// The objects of a namespace (or of all) with these fields, such as `spec.nodeName=node01`.
    pub fn where_fields(&self, resource: &'static Resource, namespace: &str, fields: &FieldSelector) -> Vec<Object> {
        self.listed(resource, namespace, ListOptions { fields: Some(fields.clone()), ..ListOptions::default() })
    }

    fn listed(&self, resource: &'static Resource, namespace: &str, options: ListOptions) -> Vec<Object> {
        self.api.list(&self.request(resource, namespace, ""), &options).map(|page| page.objects).unwrap_or_default()
    }

    /// What there is and the changes after it, over all namespaces; nothing of what cannot be watched.
    pub fn follow(&self, resource: &'static Resource) -> Result<(Vec<Object>, Watch)> {
        let request = self.request(resource, "", "");
        if !resource.verbs.contains(&"watch") {
            let watch = self.api.watch(&request, ListOptions::default(), self.api.storage.revision())?;
            return Ok((Vec::new(), watch));
        }
        let page = self.api.list(&request, &ListOptions::default())?;
        let watch = self.api.watch(&request, ListOptions::default(), page.revision)?;
        Ok((page.objects, watch))
    }

    /// Creates an object in the namespace it names.
    pub fn create(&self, resource: &'static Resource, object: Value) -> Result<Object> {
        self.api.create(&self.about(resource, &object), object)
    }

    /// Replaces an object.
    pub fn update(&self, resource: &'static Resource, object: Value) -> Result<Object> {
        self.api.update(&self.about(resource, &object), object).map(|(updated, _)| updated)
    }

    /// Replaces an object's status.
    pub fn update_status(&self, resource: &'static Resource, object: Value) -> Result<Object> {
        self.update_part(resource, object, "status")
    }

    /// Replaces what a subresource such as `finalize` or `approval` is for.
    pub fn update_part(&self, resource: &'static Resource, object: Value, subresource: &str) -> Result<Object> {
        self.api.update(&self.about(resource, &object).on(subresource), object).map(|(updated, _)| updated)
    }

    /// Changes an object by what `change` does to its newest state, again if somebody was faster. Writes nothing when nothing changes.
    pub fn modify(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        change: impl Fn(&mut Value),
    ) -> Result<Object> {
        self.modify_part(resource, (namespace, name), "", change)
    }

    /// The same with an object's status.
    pub fn modify_status(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        change: impl Fn(&mut Value),
    ) -> Result<Object> {
        self.modify_part(resource, (namespace, name), "status", change)
    }

    fn modify_part(
        &self,
        resource: &'static Resource,
        (namespace, name): (&str, &str),
        part: &str,
        change: impl Fn(&mut Value),
    ) -> Result<Object> {
        loop {
            let found = self.get(resource, namespace, name)?;
            let mut changed = (*found).clone();
            change(&mut changed);
            if changed == *found {
                return Ok(found);
            }
            match self.api.update(&self.about(resource, &found).on(part), changed) {
                Err(status) if status.is_conflict() => {}
                written => return written.map(|(updated, _)| updated),
            }
        }
    }

    /// Merges a change into an object (RFC 7396).
    pub fn merge(&self, resource: &'static Resource, namespace: &str, name: &str, change: Value) -> Result<Object> {
        self.api.patch(&self.request(resource, namespace, name), &Patch::Merge(change)).map(|(updated, _)| updated)
    }

    /// Deletes an object, or asks it to end.
    pub fn delete(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted> {
        self.api.delete(&self.request(resource, namespace, name), options)
    }

    /// A token for a ServiceAccount, as a TokenRequest asks for it.
    pub fn request_token(&self, namespace: &str, account: &str, asked: Value) -> Result<String> {
        let request = self.request(&kinds::serviceaccount::SERVICEACCOUNT, namespace, account).on("token");
        let (_, issued) = subresources::serve(&self.api, &request, "create", asked)?;
        Ok(meta::text(&issued, "/status/token").to_owned())
    }

    /// Assigns a Pod to a node.
    pub fn bind(&self, namespace: &str, name: &str, node: &str) -> Result<()> {
        let binding = serde_json::json!({ "target": { "kind": "Node", "name": node } });
        subresources::bind(&self.api, &self.request(&kinds::pod::POD, namespace, name), &binding).map(drop)
    }
}
