//! The cluster's storage as the etcd it stands for: keys for those who ask etcd itself, and what its files hold.
//! Where an object's key is, and what a data directory is, stand in `machine/etcd`; who asks, in `shell`.

pub mod real;

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::apiserver::endpoints::ApiServer;
use super::apiserver::storage::{Checkpoint, JournalError, Key};
use super::machine::etcd::keys::{self, FOREIGN};
use super::machine::etcd::{Pair, Saved, Store};
use crate::object::meta;

/// What stands before a value that the API server wrote in protobuf
/// (`apimachinery/pkg/runtime/serializer/protobuf`). Here JSON follows it.
const PREFIX: &[u8] = b"k8s\0";

/// What an etcd holds, as the storage takes it.
pub type Held = Checkpoint;

/// The storage, by etcd's keys.
pub struct Keys(pub Arc<ApiServer>);

impl Keys {
    fn find(&self, key: &str) -> Option<(String, Key)> {
        let checkpoint = self.0.storage.checkpoint();
        let found = checkpoint.each().find(|(resource, (namespace, name), ..)| {
            keys::key(resource, (namespace, name)).is_some_and(|known| known == key)
        });
        found.map(|(resource, key, ..)| (resource.to_owned(), key.clone()))
    }
}

fn value(resource: &str, text: &[u8]) -> Vec<u8> {
    if resource == FOREIGN {
        let object: Value = serde_json::from_slice(text).unwrap_or_default();
        return BASE64.decode(meta::text(&object, "/value")).unwrap_or_default();
    }
    let prefix: &[u8] = if keys::is_json(resource) { b"" } else { PREFIX };
    [prefix, text].concat()
}

/// The object a key holds, and the resource it is of: what [`value`] made, or a value Kubernetes knows nothing of.
fn object(key: &str, value: &[u8]) -> (String, Value) {
    let text = value.strip_prefix(PREFIX).unwrap_or(value);
    let resource = keys::resource(key);
    let lies = |resource: &str, object: &Value| keys::key(resource, (meta::namespace(object), meta::name(object)));
    match (resource, serde_json::from_slice::<Value>(text)) {
        (Some(resource), Ok(object)) if lies(&resource, &object).as_deref() == Some(key) => (resource, object),
        _ => (FOREIGN.to_owned(), json!({ "metadata": { "name": key }, "value": BASE64.encode(value) })),
    }
}

impl Store for Keys {
    fn pairs(&self) -> (u64, Vec<Pair>) {
        let checkpoint = self.0.storage.checkpoint();
        let pairs = checkpoint.each().filter_map(|(resource, (namespace, name), revision, text)| {
            let key = keys::key(resource, (namespace, name))?;
            Some(Pair { key, value: value(resource, text), revision })
        });
        let mut pairs: Vec<Pair> = pairs.collect();
        pairs.sort_by(|one, other| one.key.cmp(&other.key));
        (checkpoint.revision(), pairs)
    }

    fn put(&self, key: &str, value: &[u8]) -> u64 {
        // Whoever writes here writes past every check: what was there is gone.
        self.delete(key);
        let (resource, object) = object(key, value);
        let at = (meta::namespace(&object).to_owned(), meta::name(&object).to_owned());
        // It cannot be there: it was taken away above, and nobody else has this key.
        let _ = self.0.storage.insert(&resource, at, object);
        self.0.storage.revision()
    }

    fn delete(&self, key: &str) {
        if let Some((resource, at)) = self.find(key) {
            let _ = self.0.storage.remove(&resource, at, None);
        }
    }

    fn clear(&self) {
        for (resource, at, ..) in self.0.storage.checkpoint().each() {
            // What is gone already is what was wanted.
            let _ = self.0.storage.remove(resource, at.clone(), None);
        }
    }

    fn save(&self) -> Saved {
        saved(&self.0.storage.checkpoint())
    }
}

/// What a database holds of a checkpoint.
pub fn saved(checkpoint: &Checkpoint) -> Saved {
    let held =
        checkpoint.each().filter(|(resource, (namespace, name), ..)| keys::key(resource, (namespace, name)).is_some());
    Saved { revision: checkpoint.revision(), keys: held.count() as u64, lines: checkpoint.to_lines() }
}

/// The checkpoint a database holds.
pub fn checkpoint(saved: &Saved) -> Result<Checkpoint, JournalError> {
    Checkpoint::from_lines(saved.lines.as_slice(), Path::new("db"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::apiserver::storage::Storage;

    #[test]
    fn a_checkpoint_survives_a_database() -> Result<(), Box<dyn std::error::Error>> {
        let storage = Storage::new();
        let object = json!({ "metadata": { "name": "a", "namespace": "ns" } });
        storage.insert("pods", ("ns".to_owned(), "a".to_owned()), object).expect("new");
        let before = saved(&storage.checkpoint());
        assert_eq!((before.keys, before.revision), (1, storage.revision()));
        let back = checkpoint(&Saved::check(&before.to_snapshot())?)?;
        assert_eq!(saved(&back), before);
        Ok(())
    }
}
