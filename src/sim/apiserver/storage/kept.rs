//! One state of an object as the store keeps it: a tree while somebody works with it, JSON text when nobody does for a while.
//! Text takes a sixth of a tree's room. A state is shared by the shelf, the history and every checkpoint, so it is held once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::Object;
use crate::object::meta;

/// A state. It never changes; only the form it is held in does.
pub(super) struct Kept {
    pub(super) revision: u64,
    tree: Mutex<Option<Object>>,
    /// Made when it is wanted first; the journal and the checkpoints on disk take it as it is.
    text: OnceLock<Box<[u8]>>,
    /// Whether somebody wanted the tree since the last [`Kept::settle`].
    wanted: AtomicBool,
}

impl Kept {
    pub(super) fn new(object: Object) -> Arc<Self> {
        let revision = meta::revision(&object);
        let (tree, wanted) = (Mutex::new(Some(object)), AtomicBool::new(true));
        Arc::new(Self { revision, tree, text: OnceLock::new(), wanted })
    }

    fn tree(&self) -> MutexGuard<'_, Option<Object>> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Object {
        // It was written by ourselves.
        self.text.get().and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default()
    }

    fn write(&self, tree: Option<&Object>) -> &[u8] {
        // Serialising a tree of JSON values into memory cannot fail.
        self.text.get_or_init(|| tree.and_then(|tree| serde_json::to_vec(tree).ok()).unwrap_or_default().into())
    }

    /// The object, to work with: it stays a tree for a while.
    pub(super) fn object(&self) -> Object {
        self.wanted.store(true, Ordering::Relaxed);
        self.tree().get_or_insert_with(|| self.read()).clone()
    }

    /// The object, for one who wants it once.
    pub(super) fn once(&self) -> Object {
        self.tree().clone().unwrap_or_else(|| self.read())
    }

    /// The object as JSON.
    pub(super) fn text(&self) -> &[u8] {
        match self.text.get() {
            Some(text) => text,
            None => self.write(self.tree().as_ref()),
        }
    }

    /// From now on it is text.
    pub(super) fn fold(&self) {
        let mut tree = self.tree();
        self.write(tree.as_ref());
        *tree = None;
    }

    /// Becomes text when nobody has the tree, or wanted it since this was called last.
    pub(super) fn settle(&self) {
        let held = self.tree().as_ref().is_none_or(|tree| Arc::strong_count(tree) > 1);
        if !self.wanted.swap(false, Ordering::Relaxed) && !held {
            self.fold();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn is_tree(kept: &Kept) -> bool {
        kept.tree().is_some()
    }

    #[test]
    fn what_nobody_wants_becomes_text_and_comes_back_as_it_was() {
        let object = Object::new(json!({ "metadata": { "resourceVersion": "7" }, "b": [1, 2.5, null], "a": {} }));
        let kept = Kept::new(object.clone());
        kept.settle();
        assert!(is_tree(&kept), "it was just made");
        kept.settle();
        assert!(is_tree(&kept), "we have it");
        let as_it_was = (*object).clone();
        drop(object);
        kept.settle();
        assert!(!is_tree(&kept));
        assert_eq!((&*kept.once(), kept.revision), (&as_it_was, 7));
        assert!(!is_tree(&kept), "wanted once");
        assert_eq!(*kept.object(), as_it_was);
        assert!(is_tree(&kept));
    }
}
