//! A view of a cluster: every object or list is fetched once, however many checks look at it.
//! What the checks make of it stands in `checks/`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::select_all;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use crate::base::clock::Clock;
use crate::cluster::nodes::{Ended, NodeFile};
use crate::cluster::traffic::{Answer, Call};
use crate::cluster::{AskError, Objects, Selection};
use crate::scenario::query::{Query, Target, Which};

/// How long after a watch that nobody answered a cluster is looked at again, and nodes, of which nobody tells.
const AGAIN: Duration = Duration::from_millis(200);

/// An answer that is asked for once.
type Once<T> = Arc<OnceCell<Result<T, AskError>>>;

/// A node and what is asked there.
type OnNode<T> = (String, T);

/// A list and the revision it was read at.
type Listed = (Arc<Vec<Value>>, String);

/// What a cluster holds, as of when it was first asked.
pub struct View {
    objects: Arc<Objects>,
    lists: Mutex<HashMap<Selection, Once<Listed>>>,
    reviews: Mutex<HashMap<String, Once<Value>>>,
    files: Mutex<HashMap<OnNode<String>, Once<Option<NodeFile>>>>,
    commands: Mutex<HashMap<OnNode<Vec<String>>, Once<Ended>>>,
    /// The clock the cluster's objects live by.
    pub clock: Clock,
    /// The task's working directory, where answers are written.
    pub answers: PathBuf,
}

/// The selection a pack's query means.
pub fn selection(query: &Query) -> Selection {
    let mut selection = Selection {
        api_version: query.api_version.clone(),
        kind: query.kind.clone(),
        namespace: query.namespace.clone(),
        ..Selection::default()
    };
    match &query.which {
        Which::Name(name) => selection.name = Some(name.clone()),
        Which::Labels(labels) if labels.is_empty() => {}
        Which::Labels(labels) => {
            let each: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            selection.labels = Some(each.join(","));
        }
    }
    selection
}

/// The selection a pack's target means.
pub fn target(target: &Target) -> Selection {
    Selection::named(&target.api_version, &target.kind, target.namespace.as_deref(), &target.name)
}

impl View {
    /// A fresh view.
    pub fn new(objects: Arc<Objects>, clock: Clock, answers: PathBuf) -> Self {
        Self {
            objects,
            lists: Mutex::default(),
            reviews: Mutex::default(),
            files: Mutex::default(),
            commands: Mutex::default(),
            clock,
            answers,
        }
    }

    /// The objects of a selection. A kind or a namespace that is not there holds none.
    pub async fn list(&self, selection: &Selection) -> Result<Arc<Vec<Value>>, AskError> {
        let cell = self.lists.lock().await.entry(selection.clone()).or_default().clone();
        let listed = cell
            .get_or_init(|| async {
                match self.objects.list(selection).await {
                    Ok((objects, revision)) => Ok((Arc::new(objects), revision)),
                    Err(error) if error.is_not_found() => Ok((Arc::default(), String::new())),
                    Err(error) => Err(error),
                }
            })
            .await;
        listed.as_ref().map(|(objects, _)| objects.clone()).map_err(Clone::clone)
    }

    /// One object, if it is there.
    pub async fn get(&self, selection: &Selection) -> Result<Option<Value>, AskError> {
        Ok(self.list(selection).await?.first().cloned())
    }

    /// The status of a review.
    pub async fn review(&self, review: &Value) -> Result<Value, AskError> {
        let cell = self.reviews.lock().await.entry(review.to_string()).or_default().clone();
        cell.get_or_init(|| self.objects.review(review)).await.clone()
    }

    /// Lets a Pod ask somebody. What decides about traffic counts as looked at.
    pub async fn call(&self, call: &Call) -> Result<Answer, AskError> {
        for (api_version, kind) in [
            ("v1", "Service"),
            ("v1", "Pod"),
            ("discovery.k8s.io/v1", "EndpointSlice"),
            ("networking.k8s.io/v1", "NetworkPolicy"),
        ] {
            let all = Selection { api_version: api_version.to_owned(), kind: kind.to_owned(), ..Selection::default() };
            self.list(&all).await?;
        }
        self.objects.call(call).await
    }

    /// A file of a node, if it is there.
    pub async fn file(&self, node: &str, path: &str) -> Result<Option<NodeFile>, AskError> {
        let cell = self.files.lock().await.entry((node.to_owned(), path.to_owned())).or_default().clone();
        cell.get_or_init(|| self.objects.nodes().read(node, path)).await.clone()
    }

    /// What a command of a node says. Checks run only such as change nothing.
    pub async fn run(&self, node: &str, words: &[String]) -> Result<Ended, AskError> {
        let cell = self.commands.lock().await.entry((node.to_owned(), words.to_vec())).or_default().clone();
        cell.get_or_init(|| self.objects.nodes().run(node, words)).await.clone()
    }

    /// Waits until something of what was looked at changes. Nobody tells of nodes: they are looked at again after a moment.
    pub async fn changed(&self) {
        let nodes = !self.files.lock().await.is_empty() || !self.commands.lock().await.is_empty();
        let again = async {
            if nodes {
                Clock::system().sleep(AGAIN).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.objects_changed() => {}
            () = again => {}
        }
    }

    async fn objects_changed(&self) {
        let looked: Vec<(Selection, String)> = self
            .lists
            .lock()
            .await
            .iter()
            .filter_map(|(selection, cell)| {
                let (_, revision) = cell.get()?.as_ref().ok()?;
                (!revision.is_empty()).then(|| (selection.clone(), revision.clone()))
            })
            .collect();
        let mut watches = Vec::new();
        for (selection, revision) in &looked {
            match self.objects.changes(selection, revision).await {
                Ok(changes) => watches.push(changes),
                // Nobody answers any more: looking again, a moment later, tells whether the cluster can still be asked at all.
                Err(AskError::NoAnswer(_)) => return Clock::system().sleep(AGAIN).await,
                // A watch that cannot be had says nothing; the others or the deadline will.
                Err(error) => tracing::debug!(%error, kind = selection.kind, "no watch"),
            }
        }
        if watches.is_empty() {
            return std::future::pending().await;
        }
        select_all(watches.iter_mut().map(|changes| changes.next())).await;
    }

    /// The same places, to be looked at anew.
    pub fn fresh(&self) -> Self {
        Self::new(self.objects.clone(), self.clock, self.answers.clone())
    }
}
