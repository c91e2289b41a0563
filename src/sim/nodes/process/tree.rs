//! Trees of files: entries by their path, shared until somebody changes them, so that remembering one costs nothing.
//! What a container sees of several of them is `files.rs`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    Folder,
    #[serde(serialize_with = "write_bytes", deserialize_with = "read_bytes")]
    File(Arc<Vec<u8>>),
    /// A symbolic link, and where it leads.
    Link(String),
}

/// Bytes as they are kept: as text where they are text.
#[derive(Serialize, Deserialize)]
enum Bytes {
    #[serde(rename = "text")]
    Text(String),
    #[serde(rename = "base64")]
    Base64(String),
}

fn write_bytes<S: Serializer>(bytes: &Arc<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Bytes::Text(text.to_owned()).serialize(to),
        Err(_) => Bytes::Base64(STANDARD.encode(&**bytes)).serialize(to),
    }
}

fn read_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Vec<u8>>, D::Error> {
    match Bytes::deserialize(from)? {
        Bytes::Text(text) => Ok(Arc::new(text.into_bytes())),
        Bytes::Base64(text) => STANDARD.decode(text).map(Arc::new).map_err(serde::de::Error::custom),
    }
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub body: Body,
    pub changed: Timestamp,
    pub mode: u32,
    /// User and group it belongs to.
    pub owner: (u32, u32),
    /// How many bytes a file is longer than what is kept of it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: usize,
}

fn is_none(more: &usize) -> bool {
    *more == 0
}

impl Entry {
    /// A folder of root's.
    pub fn folder(changed: Timestamp) -> Self {
        Self { body: Body::Folder, changed, mode: 0o755, owner: (0, 0), more: 0 }
    }

    /// A file of root's.
    pub fn file(bytes: impl Into<Vec<u8>>, changed: Timestamp) -> Self {
        Self { body: Body::File(Arc::new(bytes.into())), changed, mode: 0o644, owner: (0, 0), more: 0 }
    }

    /// A link of root's.
    pub fn link(target: impl Into<String>, changed: Timestamp) -> Self {
        Self { body: Body::Link(target.into()), changed, mode: 0o777, owner: (0, 0), more: 0 }
    }

    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.body == Body::Folder
    }

    /// How large it is, bytes.
    pub fn size(&self) -> usize {
        match &self.body {
            Body::Folder => 4096,
            Body::File(bytes) => bytes.len() + self.more,
            Body::Link(target) => target.len(),
        }
    }
}

/// The bytes that a tree takes where it is kept: whole blocks.
pub fn taken(tree: &Tree) -> usize {
    tree.values().map(|entry| entry.size().next_multiple_of(4096)).sum()
}

/// A volume, or an image's layer: entries by their path below its root (without a leading slash).
pub type Tree = BTreeMap<String, Entry>;

/// What made one tree of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    #[serde(default, skip_serializing_if = "Tree::is_empty")]
    pub put: Tree,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub take: Vec<String>,
}

impl Difference {
    /// What has to be done to `before` so that it is `after`.
    pub fn between(before: &Arc<Tree>, after: &Arc<Tree>) -> Self {
        if Arc::ptr_eq(before, after) {
            return Self::default();
        }
        let is_new = |(path, entry): &(&String, &Entry)| before.get(*path) != Some(*entry);
        let put = after.iter().filter(is_new).map(|(path, entry)| (path.clone(), entry.clone()));
        let gone = before.keys().filter(|path| !after.contains_key(*path));
        Self { put: put.collect(), take: gone.cloned().collect() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.take.is_empty()
    }

    /// Does it to a tree.
    pub fn apply(&self, tree: &mut Arc<Tree>) {
        if self.is_empty() {
            return;
        }
        let tree = Arc::make_mut(tree);
        self.take.iter().for_each(|path| drop(tree.remove(path)));
        tree.extend(self.put.iter().map(|(path, entry)| (path.clone(), entry.clone())));
    }
}

enum Content {
    Own(Arc<Tree>),
    Of(Arc<Kept>),
}

/// A tree that is kept and may be changed; whoever holds it sees what others do to it.
pub struct Kept(Mutex<Content>);

impl Default for Kept {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Kept {
    /// One that begins as `tree`.
    pub fn new(tree: Arc<Tree>) -> Self {
        Self(Mutex::new(Content::Own(tree)))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree as it is now.
    pub fn tree(&self) -> Arc<Tree> {
        match &*self.content() {
            Content::Own(tree) => tree.clone(),
            Content::Of(other) => other.tree(),
        }
    }

    /// Looks at it. `look` must not touch it in another way.
    pub fn look<T>(&self, look: impl FnOnce(&Tree) -> T) -> T {
        match &*self.content() {
            Content::Own(tree) => look(tree),
            Content::Of(other) => other.look(look),
        }
    }

    /// Changes it. `change` must not touch it in another way.
    pub fn change<T>(&self, change: impl FnOnce(&mut Tree) -> T) -> T {
        match &mut *self.content() {
            Content::Own(tree) => change(Arc::make_mut(tree)),
            Content::Of(other) => other.change(change),
        }
    }

    /// Makes it another tree.
    pub fn set(&self, other: Arc<Tree>) {
        match &mut *self.content() {
            Content::Own(tree) => *tree = other,
            Content::Of(kept) => kept.set(other),
        }
    }

    /// From now on this is `other`.
    pub fn becomes(&self, other: Arc<Self>) {
        *self.content() = Content::Of(other);
    }
}

/// Files made when they are looked at, such as those of a ConfigMap.
pub struct Made {
    make: Box<dyn Fn() -> Arc<Tree> + Send + Sync>,
    /// As they were when they were first looked at.
    first: OnceLock<Arc<Tree>>,
    /// What is shown instead of what would be made.
    held: Mutex<Option<Arc<Tree>>>,
}

impl Made {
    /// Files that `make` makes.
    pub fn new(make: impl Fn() -> Arc<Tree> + Send + Sync + 'static) -> Self {
        Self { make: Box::new(make), first: OnceLock::new(), held: Mutex::default() }
    }

    /// The files as they are now.
    pub fn tree(&self) -> Arc<Tree> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let tree = held.unwrap_or_else(|| (self.make)());
        self.first.get_or_init(|| tree.clone());
        tree
    }

    /// The files as they were when somebody first looked, if anybody did.
    pub fn first(&self) -> Option<Arc<Tree>> {
        self.first.get().cloned()
    }

    /// Shows `tree` until it is let go with `None`.
    pub fn hold(&self, tree: Option<Arc<Tree>>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = tree;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_makes_the_one_tree_of_the_other_on_paper_too() {
        let now = Timestamp::UNIX_EPOCH;
        let before = Arc::new(Tree::from([
            ("gone".to_owned(), Entry::file("x", now)),
            ("kept".to_owned(), Entry::folder(now)),
            ("changed".to_owned(), Entry::file("old", now)),
        ]));
        let mut after = (*before).clone();
        after.remove("gone");
        after.insert("changed".to_owned(), Entry::file([0xff, 0, b'a'], now));
        after.insert("link".to_owned(), Entry::link("kept", now));
        let after = Arc::new(after);
        let difference = Difference::between(&before, &after);
        assert_eq!((difference.put.len(), difference.take.len()), (2, 1));
        let text = serde_json::to_string(&difference).expect("plain");
        let read: Difference = serde_json::from_str(&text).expect("as written");
        let mut tree = before;
        read.apply(&mut tree);
        assert_eq!(tree, after);
    }

    #[test]
    fn what_is_remembered_of_a_tree_does_not_change_with_it() {
        let (kept, other) = (Kept::default(), Arc::new(Kept::default()));
        let remembered = kept.tree();
        kept.change(|tree| tree.insert("new".to_owned(), Entry::folder(Timestamp::UNIX_EPOCH)));
        assert!(remembered.is_empty() && kept.look(Tree::len) == 1);
        kept.becomes(other.clone());
        kept.change(|tree| tree.insert("there".to_owned(), Entry::folder(Timestamp::UNIX_EPOCH)));
        assert!(other.look(|tree| tree.contains_key("there")));
    }
}
