//! Objects of any kind on any cluster, as trees: read, watched, applied, patched, deleted; whether somebody may do
//! something, and who reaches whom.
//! What is looked for is grading's, what is laid there the lab's. The cluster says itself which kinds it serves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderValue;
use futures::StreamExt;
use futures::stream::BoxStream;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::core::{ApiResource, GroupVersionKind, Request, Resource};
use kube::discovery::{Scope, pinned_kind};
use serde_json::Value;

use super::traffic::{Answer, Call, Traffic};
use super::{Cluster, Nodes};
use crate::object::meta;

/// How long a cluster may take to answer one question.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a question has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// The cluster answered, and refused.
    #[error("{message}")]
    Refused { code: u16, reason: String, message: String },
    /// The cluster serves no such kind.
    #[error("the cluster has no kind {kind} in {api_version}")]
    NoSuchKind { api_version: String, kind: String },
    /// Something of a node is there and cannot be read: that is how it is, and no reason not to judge.
    #[error("{0}")]
    Unreadable(String),
    /// No answer came.
    #[error("there is no answer: {0}")]
    NoAnswer(String),
}

impl From<kube::Error> for AskError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => {
                Self::Refused { code: status.code, reason: status.reason.clone(), message: status.message.clone() }
            }
            other => Self::NoAnswer(sources(&other)),
        }
    }
}

/// An error with what caused it, each said once.
fn sources(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = source.source();
    }
    said
}

impl AskError {
    /// Whether the object, its namespace or its whole kind is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. } | Self::NoSuchKind { .. })
    }

    /// Whether the name is taken or the object changed meanwhile.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }
}

/// Which objects: a kind, one namespace or all, one name or some labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    pub api_version: String,
    pub kind: String,
    /// `None` for all namespaces, and for kinds that have none.
    pub namespace: Option<String>,
    /// One object.
    pub name: Option<String>,
    /// A label selector, such as `app=web,tier=front`.
    pub labels: Option<String>,
}

impl Selection {
    /// One object by its name.
    pub fn named(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: Some(name.to_owned()),
            labels: None,
        }
    }

    /// The object an object's tree names.
    pub fn of(object: &Value) -> Self {
        let namespace = Some(meta::namespace(object)).filter(|namespace| !namespace.is_empty());
        Self::named(meta::text(object, "/apiVersion"), meta::text(object, "/kind"), namespace, meta::name(object))
    }

    fn fields(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("metadata.name={name}"))
    }
}

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchForm {
    /// RFC 7396.
    Merge,
    /// As `kubectl patch` merges.
    Strategic,
    /// RFC 6902.
    Json,
}

/// A way to the objects of one cluster.
pub struct Objects {
    client: kube::Client,
    traffic: Arc<dyn Traffic>,
    nodes: Arc<dyn Nodes>,
    kinds: Mutex<HashMap<(String, String), (ApiResource, bool)>>,
}

impl Objects {
    /// Those of a cluster.
    pub fn of(cluster: &dyn Cluster) -> Self {
        Self { client: cluster.client(), traffic: cluster.traffic(), nodes: cluster.nodes(), kinds: Mutex::default() }
    }

    /// Lets a Pod ask somebody.
    pub async fn call(&self, call: &Call) -> Result<Answer, AskError> {
        self.traffic.call(call).await
    }

    /// The inside of the cluster's nodes.
    pub fn nodes(&self) -> &dyn Nodes {
        self.nodes.as_ref()
    }

    /// Where a kind is served, and whether its objects live in namespaces.
    async fn resource(&self, api_version: &str, kind: &str) -> Result<(ApiResource, bool), AskError> {
        let key = (api_version.to_owned(), kind.to_owned());
        if let Some(known) = self.kinds.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let asked = GroupVersionKind::gvk(group, version, kind);
        let missing = || AskError::NoSuchKind { api_version: api_version.to_owned(), kind: kind.to_owned() };
        let found = in_time(pinned_kind(&self.client, &asked)).await.map_err(|error| match error {
            AskError::NoAnswer(why) if why.contains("iscovery") => missing(),
            error if error.is_not_found() => missing(),
            error => error,
        })?;
        let known = (found.0, found.1.scope == Scope::Namespaced);
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).insert(key, known.clone());
        Ok(known)
    }

    async fn request(&self, selection: &Selection, one: bool) -> Result<Request, AskError> {
        let (resource, namespaced) = self.resource(&selection.api_version, &selection.kind).await?;
        let namespace = match (&selection.namespace, namespaced) {
            (_, false) => None,
            (None, true) if one => Some("default"),
            (namespace, true) => namespace.as_deref(),
        };
        Ok(Request::new(DynamicObject::url_path(&resource, namespace)))
    }

    /// The objects of a selection and the revision they were read at. One by name is a list of at most one.
    pub async fn list(&self, selection: &Selection) -> Result<(Vec<Value>, String), AskError> {
        let request = self.request(selection, selection.name.is_some()).await?;
        let wanted = ListParams {
            label_selector: selection.labels.clone(),
            field_selector: selection.fields(),
            ..ListParams::default()
        };
        let request = request.list(&wanted).map_err(unsendable)?;
        let mut list: Value = in_time(self.client.request(request)).await?;
        let revision = meta::text(&list, "/metadata/resourceVersion").to_owned();
        let mut items = match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        for item in &mut items {
            item["apiVersion"] = selection.api_version.clone().into();
            item["kind"] = selection.kind.clone().into();
        }
        Ok((items, revision))
    }

    /// One object, if it is there.
    pub async fn get(&self, selection: &Selection) -> Result<Option<Value>, AskError> {
        Ok(self.list(selection).await?.0.into_iter().next())
    }

    /// Waits for the next change of a selection after a revision. Errors when the watch breaks; list again then.
    pub async fn changes(
        &self,
        selection: &Selection,
        revision: &str,
    ) -> Result<BoxStream<'static, Result<(), AskError>>, AskError> {
        let request = self.request(selection, selection.name.is_some()).await?;
        let wanted = WatchParams {
            label_selector: selection.labels.clone(),
            field_selector: selection.fields(),
            bookmarks: false,
            ..WatchParams::default()
        };
        let request = request.watch(&wanted, revision).map_err(unsendable)?;
        let events = in_time(self.client.request_events::<DynamicObject>(request)).await?;
        let told = events.filter_map(|event| {
            std::future::ready(match event {
                Err(error) => Some(Err(AskError::from(error))),
                Ok(WatchEvent::Error(status)) => Some(Err(AskError::from(kube::Error::Api(status)))),
                Ok(WatchEvent::Bookmark(_)) => None,
                Ok(_) => Some(Ok(())),
            })
        });
        Ok(told.boxed())
    }

    /// Makes an object, or merges it into the one that is there.
    pub async fn apply(&self, object: &Value) -> Result<Value, AskError> {
        let selection = Selection::of(object);
        let request = self.request(&selection, true).await?;
        let body = object.to_string().into_bytes();
        let created =
            in_time(self.client.request(request.create(&PostParams::default(), body).map_err(unsendable)?)).await;
        match created {
            Err(error) if error.is_conflict() => {
                let patch = request
                    .patch(meta::name(object), &PatchParams::default(), &Patch::Merge(object))
                    .map_err(unsendable)?;
                in_time(self.client.request(patch)).await
            }
            done => done,
        }
    }

    /// Changes an object.
    pub async fn patch(&self, selection: &Selection, form: PatchForm, change: &Value) -> Result<Value, AskError> {
        let request = self.request(selection, true).await?;
        let name = selection.name.as_deref().unwrap_or_default();
        let parameters = PatchParams::default();
        let mut request = request.patch(name, &parameters, &Patch::Merge(change)).map_err(unsendable)?;
        // kube types JSON patches; here the tree is sent as its author wrote it.
        let media = match form {
            PatchForm::Merge => "application/merge-patch+json",
            PatchForm::Strategic => "application/strategic-merge-patch+json",
            PatchForm::Json => "application/json-patch+json",
        };
        request.headers_mut().insert("content-type", HeaderValue::from_static(media));
        in_time(self.client.request(request)).await
    }

    /// Deletes an object; fine when it is not there.
    pub async fn delete(&self, selection: &Selection) -> Result<(), AskError> {
        let request = self.request(selection, true).await?;
        let request = request
            .delete(selection.name.as_deref().unwrap_or_default(), &DeleteParams::background())
            .map_err(unsendable)?;
        match in_time(self.client.request::<Value>(request)).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Asks a review, which is stored nowhere, and gives its status.
    pub async fn review(&self, review: &Value) -> Result<Value, AskError> {
        let selection = Selection::of(review);
        let request = self.request(&selection, true).await?;
        let request = request.create(&PostParams::default(), review.to_string().into_bytes()).map_err(unsendable)?;
        let mut answer: Value = in_time(self.client.request(request)).await?;
        Ok(answer["status"].take())
    }
}

fn unsendable(error: impl std::fmt::Display) -> AskError {
    AskError::NoAnswer(error.to_string())
}

async fn in_time<T>(asking: impl Future<Output = Result<T, kube::Error>>) -> Result<T, AskError> {
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(AskError::NoAnswer(format!("nothing came within {} s", PATIENCE.as_secs()))),
    }
}
