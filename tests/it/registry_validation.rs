//! Validation against what a real Kubernetes v1.35.4 answered to the same objects: every cause, in its words and its order.
//! The answers were recorded by `tools/record_golden.py`. What admission says is not asked here.

use kubedrill::object::meta;
use kubedrill::sim::apiserver::field::ErrorList;
use kubedrill::sim::apiserver::registry::strategy::Giving;
use kubedrill::sim::apiserver::registry::{Resource, names, of_kind};
use kubedrill::sim::apiserver::status::Status;
use kubedrill::sim::apiserver::storage::Storage;
use serde_json::{Value, json};

const UID: &str = "00000000-0000-4000-8000-000000000000";

/// Fields whose values messages show in Go's own types; of these only the words after the value are compared.
const IN_GO: [&str; 1] = ["spec.template"];

fn row(object: &Value) -> &'static Resource {
    let (version, kind) = (meta::text(object, "/apiVersion"), meta::text(object, "/kind"));
    of_kind(version, kind).unwrap_or_else(|| panic!("{version} {kind} is served"))
}

/// What the endpoints do before validation, without admission.
fn begin(row: &Resource, object: &mut Value) {
    (row.strategy.defaults)(object);
    let metadata = meta::child(object, "metadata");
    metadata["uid"] = json!(UID);
    if row.namespaced {
        metadata["namespace"] = json!("kinds");
    }
    (row.strategy.prepare_create)(object);
}

/// The object as it would be stored; fails when it is refused.
fn stored(storage: &Storage, row: &Resource, object: &Value, status: Option<&Value>) -> Value {
    let mut object = object.clone();
    begin(row, &mut object);
    (row.strategy.allocate)(&Giving { storage, dry_run: false }, &mut object, None)
        .unwrap_or_else(|status| panic!("{status}"));
    if let Some(status) = status {
        object["status"] = status.clone();
    }
    object
}

fn from_status(result: Result<(), Status>) -> Value {
    match result {
        Ok(()) => json!([]),
        Err(status) => status.details.map(|details| details["causes"].clone()).unwrap_or_default(),
    }
}

fn created(storage: &Storage, input: &Value) -> Value {
    let row = row(input);
    let mut object = input.clone();
    begin(row, &mut object);
    let mut errors = ErrorList::default();
    names::metadata(row, &object, &mut errors);
    (row.strategy.validate)(&object, &mut errors);
    if errors.is_empty() {
        return from_status((row.strategy.allocate)(&Giving { storage, dry_run: false }, &mut object, None));
    }
    errors.causes()
}

fn updated(storage: &Storage, case: &Value) -> Value {
    let row = row(&case["old"]);
    let old = stored(storage, row, &case["old"], case.get("status"));
    let mut new = old.clone();
    let patch: json_patch::Patch = serde_json::from_value(case["patch"].clone()).expect("the case has a JSON patch");
    json_patch::patch(&mut new, &patch).expect("the patch fits the stored object");
    (row.strategy.defaults)(&mut new);
    (row.strategy.prepare_update)(&mut new, &old);
    let mut errors = ErrorList::default();
    names::metadata(row, &new, &mut errors);
    (row.strategy.validate)(&new, &mut errors);
    (row.strategy.validate_update)(&new, &old, &mut errors);
    if errors.is_empty() {
        return from_status((row.strategy.allocate)(&Giving { storage, dry_run: false }, &mut new, Some(&old)));
    }
    errors.causes()
}

/// A cause as one line to compare.
fn line(cause: &Value) -> String {
    let (field, message) = (meta::text(cause, "/field"), meta::text(cause, "/message"));
    let message = message.lines().next().unwrap_or_default();
    let message = match IN_GO.contains(&field).then(|| message.rsplit_once("}: ")).flatten() {
        Some((_, words)) => words,
        None => message,
    };
    format!("{} {field}: {message}", meta::text(cause, "/reason"))
}

fn lines(causes: &Value) -> Vec<String> {
    causes.as_array().into_iter().flatten().map(line).collect()
}

#[test]
fn objects_are_refused_in_kubernetes_words() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/validation");
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("the golden files are there") {
        let path = entry.expect("the folder can be read").path();
        let text = std::fs::read_to_string(&path).expect("a golden file can be read");
        let golden: Value = serde_json::from_str(&text).expect("a golden file is JSON");
        assert_eq!(golden["server"], "v1.35.4", "{path:?}");
        for case in golden["cases"].as_array().into_iter().flatten() {
            if case["causes"].as_array().into_iter().flatten().any(|cause| cause.get("code").is_some()) {
                // Admission refused it before validation.
                continue;
            }
            count += 1;
            let storage = Storage::new();
            let found =
                if case.get("old").is_some() { updated(&storage, case) } else { created(&storage, &case["input"]) };
            let (found, expected) = (lines(&found), lines(&case["causes"]));
            if found != expected {
                let file = path.file_stem().unwrap_or_default().display();
                let name = meta::text(case, "/name");
                wrong.push(format!(
                    "{file}, {name}\n  expected {}\n     found {}",
                    expected.join("\n           "),
                    found.join("\n           ")
                ));
            }
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {count} differ\n{}", wrong.len(), wrong.join("\n"));
}
