//! The registry's table against what a real Kubernetes v1.35.4 says in its aggregated discovery and Tables,
//! and what must hold for every row: defaults change nothing the second time, rows are as long as their columns.

use std::collections::BTreeSet;

use kubedrill::sim::apiserver::field::ErrorList;
use kubedrill::sim::apiserver::registry::strategy::Giving;
use kubedrill::sim::apiserver::registry::{RESOURCES, Resource, of_kind};
use kubedrill::sim::apiserver::storage::Storage;
use serde_json::{Value, json};

fn real() -> Vec<Value> {
    let text = include_str!("../golden/discovery-v1.35.4.json");
    serde_json::from_str(text).expect("the golden file is JSON")
}

fn shown(row: &Resource) -> Value {
    let subresources: Vec<Value> = row
        .subresources
        .iter()
        .map(|sub| {
            let kind = if sub.kind.is_empty() { row.kind } else { sub.kind };
            json!([sub.name, sub.group, sub.version, kind, sub.verbs])
        })
        .collect();
    let columns: Vec<Value> = row
        .table
        .columns
        .iter()
        .map(|column| json!([column.name, column.kind, column.format, column.priority]))
        .collect();
    json!({
        "group": row.group,
        "version": row.version,
        "resource": row.plural,
        "kind": row.kind,
        "namespaced": row.namespaced,
        "singular": row.singular,
        "shortNames": row.short_names,
        "categories": row.categories,
        "verbs": row.verbs,
        "subresources": subresources,
        "columns": if row.verbs.contains(&"list") { json!(columns) } else { json!([]) },
    })
}

#[test]
fn every_row_is_as_the_real_server_says() {
    let mut left: BTreeSet<String> = BTreeSet::new();
    for expected in real() {
        let (group, plural) = (expected["group"].as_str().unwrap_or_default(), &expected["resource"]);
        let found = RESOURCES
            .iter()
            .find(|row| row.group == group && row.plural == plural && row.version == expected["version"]);
        match found {
            Some(row) => assert_eq!(shown(row), expected),
            None => {
                left.insert(format!("{}.{group}", plural.as_str().unwrap_or_default()));
            }
        }
    }
    assert!(left.is_empty(), "not served here: {left:?}");
    // The recorded server has no metrics server behind it.
    let served = RESOURCES.iter().filter(|row| row.group != "metrics.k8s.io").count();
    assert_eq!(real().len(), served, "a row nobody else serves");
}

#[test]
fn defaults_change_nothing_the_second_time() {
    let container = json!({
        "name": "c",
        "image": "nginx",
        "ports": [{ "containerPort": 80 }],
        "resources": { "limits": { "cpu": "1" } },
        "livenessProbe": { "httpGet": { "port": 80 } },
    });
    let pod = json!({ "containers": [container], "volumes": [{ "name": "v" }, { "name": "s", "secret": { "secretName": "s" } }] });
    let template = json!({ "metadata": { "labels": { "a": "b" } }, "spec": pod });
    for row in RESOURCES {
        let spec = match row.kind {
            "Pod" => pod.clone(),
            "Service" => json!({ "ports": [{ "port": 80 }], "sessionAffinity": "ClientIP" }),
            "CronJob" => json!({ "schedule": "* * * * *", "jobTemplate": { "spec": { "template": template } } }),
            _ => json!({ "template": template, "limits": [{ "type": "Container", "max": { "cpu": "1" } }] }),
        };
        for given in [json!({}), json!({ "spec": spec, "stringData": { "k": "v" }, "template": template })] {
            let mut object = given;
            object["metadata"] = json!({ "name": "x" });
            (row.strategy.defaults)(&mut object);
            let once = object.clone();
            (row.strategy.defaults)(&mut object);
            assert_eq!(object, once, "{row:?}");
        }
    }
}

#[test]
fn every_row_has_a_cell_for_each_column() {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    for row in RESOURCES {
        for object in [json!({}), json!({ "metadata": { "name": "x" }, "spec": {}, "status": {} })] {
            assert_eq!((row.table.row)(&object, now).len(), row.table.columns.len(), "{row:?}");
        }
    }
}

/// An object with `odd` put in the place of each of its parts, one at a time.
fn bent(object: &Value, odd: &Value, found: &mut Vec<Value>) {
    let keys: Vec<String> = match object {
        Value::Object(map) => map.keys().map(|key| format!("/{key}")).collect(),
        Value::Array(items) => (0..items.len()).map(|index| format!("/{index}")).collect(),
        _ => Vec::new(),
    };
    for key in keys {
        let mut whole = object.clone();
        if let Some(place) = whole.pointer_mut(&key) {
            *place = odd.clone();
        }
        found.push(whole);
        let mut inner = Vec::new();
        bent(object.pointer(&key).unwrap_or(&Value::Null), odd, &mut inner);
        for part in inner {
            let mut whole = object.clone();
            if let Some(place) = whole.pointer_mut(&key) {
                *place = part;
            }
            found.push(whole);
        }
    }
}

#[test]
fn no_shape_of_an_object_stops_the_server() {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let mut objects: Vec<Value> = Vec::new();
    for file in ["workload", "pod", "service", "rest"] {
        let path = format!("{}/tests/golden/stored/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let golden: Value =
            serde_json::from_str(&std::fs::read_to_string(path).expect("it is there")).expect("it is JSON");
        objects.extend(golden["cases"].as_array().into_iter().flatten().map(|case| case["stored"].clone()));
    }
    let storage = Storage::new();
    // Two of a kind bend in as many ways as ten.
    let kinds: Vec<String> = objects.iter().map(|object| object["kind"].to_string()).collect();
    let few = |index: usize| kinds[..index].iter().filter(|kind| **kind == kinds[index]).count() < 2;
    for (_, object) in objects.into_iter().enumerate().filter(|(index, _)| few(*index)) {
        let (version, kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
        let row = of_kind(version.unwrap_or_default(), kind.unwrap_or_default());
        let strategy = &row.expect("it is served").strategy;
        for odd in [json!(null), json!("x"), json!([null])] {
            let mut shapes = Vec::new();
            bent(&object, &odd, &mut shapes);
            for mut shape in shapes {
                let old = shape.clone();
                (strategy.defaults)(&mut shape);
                let mut created = shape.clone();
                (strategy.prepare_create)(&mut created);
                let mut updated = shape.clone();
                (strategy.prepare_update)(&mut updated, &object);
                (strategy.prepare_status)(&mut updated, &object);
                let mut errors = ErrorList::default();
                (strategy.validate)(&shape, &mut errors);
                (strategy.validate_update)(&shape, &object, &mut errors);
                (strategy.validate_update)(&object, &old, &mut errors);
                (strategy.warnings)(&shape);
                (row.expect("it is served").table.row)(&shape, now);
                let _ = (strategy.allocate)(&Giving { storage: &storage, dry_run: false }, &mut created, None);
            }
        }
    }
}
