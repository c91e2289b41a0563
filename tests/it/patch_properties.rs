//! Strategic merges against kubectl's own: whatever the object and the patch, ours comes to what `kubectl patch --local` prints.
//! Needs `kubectl` on the PATH: without it this fails in CI (`CI` set), and says so elsewhere.

use std::process::Command;

use kubedrill::object::patch;
use kubedrill::object::schema;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn some<T: std::fmt::Debug + Clone>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(of)
}

fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&NAMES[..])
}

/// A map of strings; in a patch some of the values are null.
fn words(patch: bool) -> impl Strategy<Value = Value> {
    let value = if patch {
        prop_oneof![Just(json!("x")), Just(json!("y")), Just(Value::Null)].boxed()
    } else {
        prop_oneof![Just(json!("x")), Just(json!("z"))].boxed()
    };
    proptest::collection::btree_map(name(), value, 0..4)
        .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

/// Puts the fields that are there into an object.
fn object(fields: Vec<(&str, Option<Value>)>) -> Value {
    let there = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(there.collect::<Map<String, Value>>())
}

/// A list merged by `key`, each of its elements once; in a patch some are to be deleted.
fn keyed(key: &'static str, patch: bool, inner: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let element = (name(), inner, 0..if patch { 4 } else { 1 });
    proptest::collection::vec(element, 0..4)
        .prop_map(move |found| {
            let mut list: Vec<Value> = Vec::new();
            for (name, mut element, fate) in found {
                if list.iter().any(|other| other[key] == name) {
                    continue;
                }
                if fate == 3 {
                    element = json!({ "$patch": "delete" });
                }
                element[key] = json!(name);
                list.push(element);
            }
            Value::Array(list)
        })
        .boxed()
}

fn container(patch: bool) -> BoxedStrategy<Value> {
    let env = keyed("name", patch, some(Just(json!("1"))).prop_map(|value| object(vec![("value", value)])).boxed());
    let args = proptest::collection::vec(name(), 1..3).prop_map(|list| json!(list));
    (some(name()), some(env), some(args), some(words(false)))
        .prop_map(|(image, env, args, limits)| {
            let limits = limits.map(|limits| json!({ "requests": limits.as_object().map(|map| map.keys().map(|key| (key.clone(), json!("1"))).collect::<Map<_, _>>()) }));
            object(vec![("image", image.map(|name| json!(name))), ("env", env), ("args", args), ("resources", limits)])
        })
        .boxed()
}

fn volume(patch: bool) -> BoxedStrategy<Value> {
    let source = prop_oneof![
        Just(("emptyDir", json!({}))),
        Just(("configMap", json!({ "name": "m" }))),
        Just(("hostPath", json!({ "path": "/p", "type": "" }))),
    ];
    source
        .prop_map(move |(kind, source)| {
            let mut volume = json!({ kind: source });
            if patch {
                volume["$retainKeys"] = json!(["name", kind]);
            }
            volume
        })
        .boxed()
}

/// A Deployment, or a patch of one.
fn deployment(patch: bool) -> impl Strategy<Value = Value> {
    let containers = keyed("name", patch, container(patch));
    let volumes = keyed("name", patch, volume(patch));
    let strategy = prop_oneof![
        Just(json!({ "type": "Recreate", "rollingUpdate": null })),
        Just(json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1 } })),
    ];
    let replicas = some(0..3i32).prop_map(|count| count.map(|count| json!(count)));
    (some(words(patch)), some(words(patch)), some(containers), some(volumes), some(strategy), replicas).prop_map(
        move |(labels, selector, containers, volumes, strategy, replicas)| {
            let pod = object(vec![("containers", containers), ("volumes", volumes), ("nodeSelector", selector)]);
            let strategy = strategy.map(|mut strategy| {
                if !patch && strategy["rollingUpdate"].is_null() {
                    strategy = json!({ "type": "Recreate" });
                }
                strategy
            });
            let template = json!({ "spec": pod });
            let spec = object(vec![("replicas", replicas), ("strategy", strategy), ("template", Some(template))]);
            let metadata = object(vec![("labels", labels), ("name", (!patch).then(|| json!("web")))]);
            let mut deployment = json!({ "metadata": metadata, "spec": spec });
            if !patch {
                deployment["apiVersion"] = json!("apps/v1");
                deployment["kind"] = json!("Deployment");
            }
            deployment
        },
    )
}

fn kubectl(folder: &std::path::Path, object: &Value, change: &Value) -> Value {
    let file = folder.join("object.json");
    std::fs::write(&file, object.to_string()).expect("the folder is ours");
    let mut command = Command::new("kubectl");
    command.args(["patch", "--local", "--type=strategic", "-o", "json", "-p", &change.to_string(), "-f"]).arg(&file);
    let ended = command.env("HOME", folder).output().expect("kubectl runs");
    assert!(ended.status.success(), "{object}\n{change}\n{}", String::from_utf8_lossy(&ended.stderr));
    serde_json::from_slice(&ended.stdout).expect("it prints JSON")
}

fn normal(mut object: Value) -> Value {
    let of = schema::of("apps/v1", "Deployment").expect("it is built in");
    schema::normalise(&mut object, of);
    object
}

#[test]
fn merges_come_to_what_kubectl_prints() {
    if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "kubectl is not on the PATH, and in CI it has to be");
        return eprintln!("kubectl is not on the PATH: nothing was tried");
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let of = schema::of("apps/v1", "Deployment");
    let mut runner = TestRunner::new(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() });
    let cases = (deployment(false), deployment(true));
    let outcome = runner.run(&cases, |(object, change)| {
        let mut merged = object.clone();
        patch::strategic(&mut merged, &change, of).expect("the patch fits");
        prop_assert_eq!(normal(merged), normal(kubectl(folder.path(), &object, &change)), "{} {}", object, change);
        Ok(())
    });
    outcome.expect("ours and kubectl's are the same");
}
