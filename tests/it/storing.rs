//! Properties of the store: a watch replays to the same state from any revision, and nothing is lost by checkpoints, restores
//! and kills, wherever the journal is torn. Random stories, told in memory and to a model.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use kubedrill::object::meta;
use kubedrill::sim::apiserver::storage::{Change, Checkpoint, Journal, Object, Storage};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

const RESOURCES: [&str; 2] = ["pods", "deployments.apps"];

type Key = (String, String);
/// What a store holds, by resource and key, revisions left out.
type Model = BTreeMap<(usize, Key), Value>;

/// Something done to a store.
#[derive(Clone, Debug)]
enum Deed {
    /// Written: inserted, or replaced when it is there.
    Put(usize, usize, u32),
    Take(usize, usize),
    /// All that is stored is remembered.
    Checkpoint,
    /// The store becomes what was remembered last.
    Restore,
    /// The process is killed while it writes one more line, of which so much reached the disk.
    Kill(Index),
}

fn deed() -> impl Strategy<Value = Deed> {
    let name = 0usize..6;
    prop_oneof![
        12 => (0usize..2, name.clone(), any::<u32>()).prop_map(|(resource, name, content)| Deed::Put(resource, name, content)),
        5 => (0usize..2, name).prop_map(|(resource, name)| Deed::Take(resource, name)),
    ]
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        60 => deed(),
        1 => Just(Deed::Checkpoint),
        1 => Just(Deed::Restore),
        1 => any::<Index>().prop_map(Deed::Kill),
    ]
}

fn key(name: usize) -> Key {
    let namespace = if name.is_multiple_of(2) { "default" } else { "other" };
    (namespace.to_owned(), format!("object-{name}"))
}

fn content(key: &Key, content: u32) -> Value {
    // Letters of several bytes, so that a line can be torn within one.
    json!({ "metadata": { "namespace": key.0, "name": key.1 }, "content": format!("Größe {content} 大") })
}

fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    meta::remove(&mut object["metadata"], "resourceVersion");
    object
}

fn held(storage: &Storage) -> Model {
    let mut held = Model::new();
    for (index, resource) in RESOURCES.iter().enumerate() {
        for object in storage.list(resource, None).0 {
            let key = (meta::namespace(&object).to_owned(), meta::name(&object).to_owned());
            held.insert((index, key), bare(&object));
        }
    }
    held
}

/// Does it to the store and to the model, which must agree whether it can be done.
fn act(storage: &Storage, model: &mut Model, deed: &Deed) {
    match deed {
        Deed::Put(resource, name, written) => {
            let (key, plural) = (key(*name), RESOURCES[*resource]);
            let object = content(&key, *written);
            let done = match storage.get(plural, &key.0, &key.1) {
                Some(found) => storage.replace(plural, key.clone(), meta::revision(&found), object.clone()),
                None => storage.insert(plural, key.clone(), object.clone()),
            };
            assert!(done.is_ok());
            model.insert((*resource, key), object);
        }
        Deed::Take(resource, name) => {
            let key = key(*name);
            let taken = storage.remove(RESOURCES[*resource], key.clone(), None).is_ok();
            assert_eq!(taken, model.remove(&(*resource, key)).is_some());
        }
        _ => {}
    }
}

/// Every state a store was in, by its revision, for one resource.
fn replay(resource: &str, from: (u64, &Model), storage: &Storage) -> Model {
    let mut state = from.1.clone();
    let index = RESOURCES.iter().position(|known| *known == resource).expect("one of both");
    let mut watch = storage.watch(resource, from.0).expect("history is whole");
    let mut last = from.0;
    while let Some(event) = watch.try_next().expect("history is whole") {
        assert!(event.revision > last, "revisions grow");
        last = event.revision;
        let key = (index, (meta::namespace(&event.object).to_owned(), meta::name(&event.object).to_owned()));
        let previous = event.previous.as_deref().map(bare);
        assert_eq!(previous, state.get(&key).cloned(), "what stood there before");
        assert_eq!(meta::revision(&event.object), event.revision);
        match event.change {
            Change::Deleted => drop(state.remove(&key)),
            Change::Added => assert!(state.insert(key, bare(&event.object)).is_none()),
            Change::Modified => assert!(state.insert(key, bare(&event.object)).is_some()),
        }
    }
    state
}

fn only(model: &Model, resource: usize) -> Model {
    model.iter().filter(|((index, _), _)| *index == resource).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn reopen(path: &Path) -> Storage {
    let storage = Storage::from_checkpoint(Journal::load(path).expect("readable").unwrap_or_default());
    storage.keep(Journal::at(path.to_owned())).expect("writable");
    storage
}

/// Adds the beginning of one more line, as a kill in the middle of a write leaves it.
fn tear(path: &Path, how_much: &Index) {
    use std::io::Write;
    let line = r#"{"revision":999999,"resource":"pods","put":{"metadata":{"name":"Größe"}}}"#.as_bytes();
    let torn = &line[..how_much.index(line.len())];
    File::options().append(true).open(path).and_then(|mut file| file.write_all(torn)).expect("writable");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_watch_from_any_revision_replays_to_the_same_state(
        deeds in prop::collection::vec(deed(), 1..160),
        from in any::<Index>(),
        idle in any::<bool>(),
    ) {
        let storage = Storage::new();
        // A watcher that has read all lets former states become text.
        let mut reader = idle.then(|| storage.watch(RESOURCES[0], 0).expect("nothing is gone"));
        let (mut model, mut states) = (Model::new(), vec![(0, Model::new())]);
        for deed in &deeds {
            act(&storage, &mut model, deed);
            states.push((storage.revision(), model.clone()));
            while let Some(Ok(Some(_))) = reader.as_mut().map(|reader| reader.try_next()) {}
        }
        let (revision, state) = &states[from.index(states.len())];
        for (index, resource) in RESOURCES.iter().enumerate() {
            let seen = replay(resource, (*revision, &only(state, index)), &storage);
            prop_assert_eq!(seen, only(&model, index));
        }
    }

    #[test]
    fn a_journal_torn_at_any_byte_holds_every_change_before_it(
        deeds in prop::collection::vec(deed(), 1..60),
        at in any::<Index>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cluster.jsonl");
        let storage = reopen(&path);
        let length = || std::fs::metadata(&path).expect("there").len();
        let (mut model, mut states) = (Model::new(), vec![(length(), Model::new())]);
        for deed in &deeds {
            act(&storage, &mut model, deed);
            states.push((length(), model.clone()));
        }
        let (first, last) = (states[0].0, length());
        let cut = first + at.index(usize::try_from(last - first).expect("small") + 1) as u64;
        File::options().write(true).open(&path).and_then(|file| file.set_len(cut)).expect("writable");
        // A line without its newline is whole already.
        let expected = states.iter().rev().find(|(end, _)| *end <= cut + 1).map(|(_, model)| model);
        prop_assert_eq!(Some(&held(&reopen(&path))), expected);
        // And what was begun anew over it is whole again.
        prop_assert_eq!(Some(&held(&reopen(&path))), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn a_thousand_deeds_with_checkpoints_restores_and_kills_lose_nothing(
        deeds in prop::collection::vec(any_deed(), 1000),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cluster.jsonl");
        let kept = folder.path().join("checkpoint.jsonl");
        let mut storage = reopen(&path);
        let mut model = Model::new();
        let mut remembered: (Checkpoint, Model) = (storage.checkpoint(), Model::new());
        for deed in &deeds {
            let revision = storage.revision();
            match deed {
                Deed::Checkpoint => {
                    remembered = (storage.checkpoint(), model.clone());
                    remembered.0.save(&kept).expect("writable");
                }
                Deed::Restore => {
                    storage.restore(&remembered.0);
                    model.clone_from(&remembered.1);
                }
                Deed::Kill(how_much) => {
                    drop(storage);
                    tear(&path, how_much);
                    storage = reopen(&path);
                    if kept.exists() {
                        remembered.0 = Journal::load(&kept).expect("readable").expect("there");
                    }
                }
                deed => act(&storage, &mut model, deed),
            }
            prop_assert!(storage.revision() >= revision, "revisions never go back");
        }
        prop_assert_eq!(held(&storage), model.clone());
        drop(storage);
        prop_assert_eq!(held(&reopen(&path)), model);
    }
}

#[test]
fn a_journal_that_grew_long_begins_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cluster.jsonl");
    let storage = reopen(&path);
    let lease = |content: &str| json!({ "metadata": { "namespace": "default", "name": "lease" }, "content": content });
    let key = || ("default".to_owned(), "lease".to_owned());
    let mut stored: Object = storage.insert("leases", key(), lease("")).expect("new");
    let content = "x".repeat(64 << 10);
    for _ in 0..200 {
        stored = storage.replace("leases", key(), meta::revision(&stored), lease(&content)).expect("fresh");
    }
    let length = std::fs::metadata(&path).expect("there").len();
    assert!(length < 10 << 20, "{length} bytes");
    let back = reopen(&path);
    assert_eq!(back.revision(), storage.revision());
    assert_eq!(back.get("leases", "default", "lease"), Some(stored));
}
