//! What the scheduler knows of Pods and nodes, kept up to date by watches instead of being read for every Pod.
//! What waits to be scheduled is the queue's. Source: `pkg/scheduler/backend/cache`, `pkg/scheduler/eventhandlers.go`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::happened::{
    About, CLAIM, CLASS, Happened, Happenings, NAMESPACES, NODE_ADDED, NODE_ALLOCATABLE, NODE_GONE, NODE_LABELS,
    NODE_TAINTS, POD_ADDED, POD_GONE, POD_LABELS, POD_SCALED_DOWN, VOLUME,
};
use super::node::NodeInfo;
use super::pod::PodInfo;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::endpoints::watch::{Change, Told, Watch};
use crate::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::storageclass::STORAGECLASS;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Key, key};

/// What the queue has to know of a change.
pub enum News {
    /// A Pod that waits for a node; whether it asks for something else than before.
    Pending(PodInfo, bool),
    /// A Pod waits no longer: assigned, ended, deleted.
    Settled(Key),
    Happened(Happened),
}

/// Pods by what selectors can tell of them: namespace, labels, and whether they are on their way out.
type Group = (String, Option<Map<String, Value>>, bool);

/// Pods, nodes and the watches they come from.
pub struct Cache {
    client: Client,
    /// The scheduler's.
    name: &'static str,
    pods: HashMap<Key, PodInfo>,
    nodes: BTreeMap<String, NodeInfo>,
    groups: Vec<Group>,
    known_groups: HashMap<String, u32>,
    /// Where Pods will be whose volumes are still being bound.
    assumed: HashMap<Key, String>,
    pod_watch: Watch,
    node_watch: Watch,
    others: Vec<(Watch, Happenings)>,
}

impl Cache {
    /// Reads everything, and what is to be scheduled of it.
    pub fn open(client: &Client, name: &'static str) -> Result<(Self, Vec<News>)> {
        let (nodes, node_watch) = client.follow(&NODE)?;
        let (mut pods, pod_watch) = client.follow(&POD)?;
        let mut others = Vec::new();
        for (resource, happening) in [
            (&PERSISTENTVOLUMECLAIM, CLAIM),
            (&PERSISTENTVOLUME, VOLUME),
            (&STORAGECLASS, CLASS),
            (&NAMESPACE, NAMESPACES),
        ] {
            others.push((client.follow(resource)?.1, happening));
        }
        let mut cache = Self {
            client: client.clone(),
            name,
            pods: HashMap::new(),
            nodes: BTreeMap::new(),
            groups: Vec::new(),
            known_groups: HashMap::new(),
            assumed: HashMap::new(),
            pod_watch,
            node_watch,
            others,
        };
        for node in nodes {
            cache.nodes.entry(meta::name(&node).to_owned()).or_default().set(Some(node));
        }
        let age = |pod: &Object| meta::text(pod, "/metadata/creationTimestamp").to_owned();
        pods.sort_by_key(age);
        let mut news = Vec::new();
        for pod in pods {
            cache.take_pod(key(&pod), Some(pod), &mut news);
        }
        Ok((cache, news))
    }

    /// Takes over everything that changed since.
    pub fn catch_up(&mut self) -> Result<Vec<News>> {
        let mut news = Vec::new();
        while let Some(told) = self.node_watch.try_next()? {
            news.extend(self.take_node(told).map(News::Happened));
        }
        while let Some(told) = self.pod_watch.try_next()? {
            let present = (told.change != Change::Deleted).then(|| told.object.clone());
            self.take_pod(key(&told.object), present, &mut news);
        }
        for (watch, happening) in &mut self.others {
            while let Some(told) = watch.try_next()? {
                let about = if *happening == CLAIM { About::Claim(told.object) } else { About::Other };
                news.push(News::Happened(Happened { what: *happening, about }));
            }
        }
        Ok(news)
    }

    fn take_node(&mut self, told: Told) -> Option<Happened> {
        let name = meta::name(&told.object).to_owned();
        let node = self.nodes.entry(name.clone()).or_default();
        let before = node.object.clone().map(|before| Box::new(NodeInfo::of(before)));
        if told.change == Change::Deleted {
            node.set(None);
            if node.pods.is_empty() {
                self.nodes.remove(&name);
            }
            let about = About::Node(Box::new(NodeInfo::of(told.object)), None);
            return Some(Happened { what: NODE_GONE, about });
        }
        let differs = |pointer: &str| meta::at(node.node(), pointer) != meta::at(&told.object, pointer);
        let what = match before {
            None => NODE_ADDED,
            Some(_) => [
                (differs("/status/allocatable"), NODE_ALLOCATABLE),
                (differs("/metadata/labels"), NODE_LABELS),
                (differs("/spec/taints") || differs("/spec/unschedulable"), NODE_TAINTS),
            ]
            .into_iter()
            .fold(0, |what, (differs, bit)| if differs { what | bit } else { what }),
        };
        node.set(Some(told.object.clone()));
        (what != 0).then(|| Happened { what, about: About::Node(Box::new(NodeInfo::of(told.object)), before) })
    }

    fn take_pod(&mut self, key: Key, present: Option<Object>, news: &mut Vec<News>) {
        let before = self.pods.remove(&key);
        let present = present.filter(|pod| !matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed"));
        let was_on = before.as_ref().map(|pod| self.place(pod));
        let Some(pod) = present else {
            if let Some(before) = &before {
                self.leave(&was_on.clone().unwrap_or_default(), before);
            }
            self.assumed.remove(&key);
            news.push(News::Settled(key));
            if let Some(before) = before.filter(|_| was_on.is_some_and(|node| !node.is_empty())) {
                news.push(News::Happened(Happened { what: POD_GONE, about: About::Pod(before, None) }));
            }
            return;
        };
        let group = self.group(&pod);
        let info = PodInfo::of(pod, before.as_ref(), group);
        let assigned = !info.node().is_empty();
        if assigned {
            self.assumed.remove(&key);
        }
        let is_on = self.place(&info);
        if let Some(before) = &before {
            self.leave(&was_on.clone().unwrap_or_default(), before);
        }
        if !is_on.is_empty() {
            self.nodes.entry(is_on.clone()).or_default().add(info.clone());
        }
        if assigned {
            let labels = |pod: &PodInfo| pod.labels().cloned();
            if before.as_ref().is_none_or(|before| before.node().is_empty()) {
                news.push(News::Settled(key.clone()));
                news.push(News::Happened(Happened { what: POD_ADDED, about: About::Pod(info.clone(), None) }));
            } else if let Some(before) = before {
                let relabelled = labels(&before) != labels(&info);
                let scaled_down = info.wants.requests.has_less_than(&before.wants.requests);
                for (what, _) in
                    [(POD_LABELS, relabelled), (POD_SCALED_DOWN, scaled_down)].into_iter().filter(|one| one.1)
                {
                    let about = About::Pod(info.clone(), Some(before.clone()));
                    news.push(News::Happened(Happened { what, about }));
                }
            }
        } else if is_of(&info.object, self.name) && !self.assumed.contains_key(&key) {
            let other = before.is_none_or(|before| !before.asks_as(&info));
            news.push(News::Pending(info.clone(), other));
        } else {
            news.push(News::Settled(key.clone()));
        }
        self.pods.insert(key, info);
    }

    /// The node a Pod counts for: its own, or the one it is about to be bound to.
    fn place(&self, pod: &PodInfo) -> String {
        match pod.node() {
            "" => self.assumed.get(&pod.key()).cloned().unwrap_or_default(),
            node => node.to_owned(),
        }
    }

    fn leave(&mut self, node: &str, pod: &PodInfo) {
        let Some(info) = self.nodes.get_mut(node) else { return };
        info.remove(meta::uid(&pod.object));
        if info.object.is_none() && info.pods.is_empty() {
            self.nodes.remove(node);
        }
    }

    fn group(&mut self, pod: &Value) -> u32 {
        let labels = meta::map(pod, "/metadata/labels");
        let terminating = meta::is_terminating(pod);
        let written = labels.and_then(|labels| serde_json::to_string(labels).ok()).unwrap_or_default();
        let name = format!("{}/{terminating}/{written}", meta::namespace(pod));
        if let Some(known) = self.known_groups.get(&name) {
            return *known;
        }
        let group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push((meta::namespace(pod).to_owned(), labels.cloned(), terminating));
        self.known_groups.insert(name, group);
        group
    }

    /// A Pod will be on a node as soon as its volumes are bound.
    pub fn assume(&mut self, pod: &PodInfo, node: &str) {
        self.assumed.insert(pod.key(), node.to_owned());
        self.nodes.entry(node.to_owned()).or_default().add(pod.clone());
    }

    /// It will not after all.
    pub fn forget(&mut self, pod: &PodInfo) {
        if let Some(node) = self.assumed.remove(&pod.key()) {
            self.leave(&node, pod);
        }
    }

    /// A Pod as it is now, if it has not ended.
    pub fn pod(&self, key: &Key) -> Option<&PodInfo> {
        self.pods.get(key)
    }

    /// The nodes there are, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeInfo> {
        self.nodes.values().filter(|node| node.object.is_some())
    }

    /// Whether the Pods of a group are in a namespace, are not on their way out, and are wanted.
    pub fn counts(
        &self,
        group: u32,
        namespace: &str,
        wanted: impl FnOnce(Option<&Map<String, Value>>) -> bool,
    ) -> bool {
        let found = usize::try_from(group).ok().and_then(|group| self.groups.get(group));
        found.is_some_and(|(of, labels, terminating)| !terminating && of == namespace && wanted(labels.as_ref()))
    }

    /// The namespace and the labels of a group's Pods.
    pub fn group_labels(&self, group: u32) -> (&str, Option<&Map<String, Value>>) {
        let found = usize::try_from(group).ok().and_then(|group| self.groups.get(group));
        found.map_or(("", None), |(namespace, labels, _)| (namespace, labels.as_ref()))
    }

    /// The way to what is not cached.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A namespace's object.
    pub fn namespace(&self, name: &str) -> Arc<Value> {
        self.client.find(&NAMESPACE, "", name).unwrap_or_default()
    }
}

/// Whether the scheduler of a name has to find a node for a Pod.
fn is_of(pod: &Value, name: &str) -> bool {
    let scheduler = meta::text(pod, "/spec/schedulerName");
    (scheduler == name || scheduler.is_empty() && name == super::DEFAULT)
        && meta::text(pod, "/spec/nodeName").is_empty()
        && !meta::is_terminating(pod)
}
