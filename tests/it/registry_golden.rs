//! What a real Kubernetes v1.35.4 stored of an object, and how it showed one in a table, against what this cluster does with the same.
//! The answers were recorded by `tools/record_golden.py`; only what differs each time is left out.

use std::sync::Arc;

use kubedrill::base::clock::Clock;
use kubedrill::object::meta;
use kubedrill::sim::apiserver::auth::{Authenticator, TokenKey, User};
use kubedrill::sim::apiserver::decoding::decode;
use kubedrill::sim::apiserver::endpoints::{ApiServer, FieldValidation, Request};
use kubedrill::sim::apiserver::pki::{Authority, KeyPair};
use kubedrill::sim::apiserver::registry::{Resource, of_kind};
use kubedrill::sim::apiserver::storage::Storage;
use serde_json::{Value, json};

const UID: &str = "00000000-0000-4000-8000-000000000000";

/// The files of a folder of golden files, as their names and cases.
fn golden(folder: &str) -> Vec<(String, Vec<Value>)> {
    let folder = format!("{}/tests/golden/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<(String, Vec<Value>)> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the golden files are there") {
        let path = entry.expect("the folder can be read").path();
        let text = std::fs::read_to_string(&path).expect("a golden file can be read");
        let mut golden: Value = serde_json::from_str(&text).expect("a golden file is JSON");
        assert_eq!(golden["server"], "v1.35.4", "{path:?}");
        let Value::Array(cases) = golden["cases"].take() else { panic!("{path:?} has cases") };
        files.push((path.file_stem().unwrap_or_default().display().to_string(), cases));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

fn row(object: &Value) -> &'static Resource {
    let (version, kind) = (meta::text(object, "/apiVersion"), meta::text(object, "/kind"));
    of_kind(version, kind).unwrap_or_else(|| panic!("{version} {kind} is served"))
}

/// A server with what the recorded objects need: their namespace, its account, the class they name.
fn server() -> Arc<ApiServer> {
    let clock = Clock::system();
    let authority = Authority::generate("kubernetes", clock.now()).expect("a key can be made");
    let tokens = TokenKey::new(&KeyPair::generate().expect("a key can be made")).expect("a key is a token's");
    let server = ApiServer::new(Storage::new(), clock, Authenticator::new(authority.certificate(), tokens));
    for object in [
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "kinds" } }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } }),
    ] {
        create(&server, &object, false).expect("it can be made");
    }
    server
}

/// The object as it is stored, and what is told beside it.
fn create(server: &ApiServer, object: &Value, dry_run: bool) -> Result<(Value, Vec<String>), String> {
    let row = row(object);
    let user =
        User { name: "kubernetes-admin".to_owned(), groups: vec!["system:masters".to_owned()], ..User::default() };
    let namespace = if row.namespaced { "kinds" } else { "" };
    let mut request = Request::new(Arc::new(user), row, namespace, "");
    request.dry_run = dry_run;
    let expected = (meta::text(object, "/apiVersion"), meta::text(object, "/kind"));
    let bytes = object.to_string();
    let (read, _) =
        decode(bytes.as_bytes(), "", Some(expected), FieldValidation::Strict).map_err(|error| error.to_string())?;
    let stored = server.create(&request, read).map_err(|status| status.message)?;
    let told = row.deprecation().map(str::to_owned).into_iter().chain(request.warnings.take());
    Ok(((*stored).clone(), told.collect()))
}

/// Without what differs each time, as the recorder leaves it out.
fn same(mut object: Value) -> Value {
    let uid = meta::uid(&object).to_owned();
    for key in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
        meta::remove(&mut object["metadata"], key);
    }
    for time in ["/status/lastPhaseTransitionTime", "/status/conditions/0/lastTransitionTime"] {
        if let Some(time) = object.pointer_mut(time) {
            *time = Value::Null;
        }
    }
    without_protection(&mut object);
    let mut text = object.to_string().replace(&uid, UID);
    while let Some(at) = text.find("kube-api-access-").map(|at| at + "kube-api-access-".len())
        && !text[at..].starts_with("XXXXX")
    {
        let letters = text[at..at + 5].to_owned();
        text = text.replace(&format!("kube-api-access-{letters}"), "kube-api-access-XXXXX");
    }
    serde_json::from_str(&text.replace("XXXXX", "xxxxx")).expect("it was JSON")
}

/// Takes out what admission adds to volumes and claims; its own tests ask for that.
fn without_protection(object: &mut Value) {
    let kept: Vec<&str> = meta::finalizers(object).filter(|name| !name.ends_with("-protection")).collect();
    if kept.is_empty() {
        meta::remove(&mut object["metadata"], "finalizers");
    }
}

/// Where two values differ, as lines.
fn differences(path: &str, expected: &Value, found: &Value, lines: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let (left, right) = (left.get(key), right.get(key));
                let below = format!("{path}.{key}");
                match (left, right) {
                    (Some(left), Some(right)) => differences(&below, left, right, lines),
                    (left, right) => lines.push(format!("{below}: expected {left:?}, found {right:?}")),
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differences(&format!("{path}[{index}]"), left, right, lines);
            }
        }
        _ if expected == found => {}
        _ => lines.push(format!("{path}: expected {expected}, found {found}")),
    }
}

#[test]
fn objects_are_stored_as_a_real_server_stores_them() {
    let server = server();
    let (mut count, mut wrong) = (0, Vec::new());
    for (file, cases) in golden("stored") {
        for case in cases {
            count += 1;
            let mut lines = Vec::new();
            match create(&server, &case["input"], true) {
                Ok((found, told)) => {
                    differences("warnings", &case["warnings"], &json!(told), &mut lines);
                    let mut expected = case["stored"].clone();
                    without_protection(&mut expected);
                    differences("", &expected, &same(found), &mut lines);
                }
                Err(message) => lines.push(message),
            }
            if !lines.is_empty() {
                wrong.push(format!("{file}, {}\n  {}", meta::text(&case, "/name"), lines.join("\n  ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn tables_show_what_a_real_server_shows() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (file, cases) in golden("tables") {
        for case in cases {
            count += 1;
            let object = &case["object"];
            let now = meta::text(&case, "/now").parse().expect("it is a time");
            let found = Value::Array((row(object).table.row)(object, now));
            if found != case["cells"] {
                let name = meta::text(&case, "/name");
                wrong.push(format!("{file}, {name}\n  expected {}\n     found {found}", case["cells"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ\n{}", wrong.len(), wrong.join("\n"));
}
