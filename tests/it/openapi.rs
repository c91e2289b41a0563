//! The OpenAPI documents: what kubectl looks for in them is there, for every resource served.
//! That the words are a real server's was seen with `kubectl explain --recursive` on both; here is what must never break.

use kubedrill::sim::apiserver::openapi::{document, index};
use kubedrill::sim::apiserver::registry::RESOURCES;
use serde_json::Value;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn of(path: &str) -> Result<Value, Box<dyn std::error::Error>> {
    Ok(serde_json::from_slice(&document(RESOURCES, path).ok_or("no document")?)?)
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_document_of_the_index_is_whole() -> Outcome {
    let index = index(RESOURCES);
    let paths = index["paths"].as_object().ok_or("no paths")?;
    assert!(paths.contains_key("api/v1") && paths.contains_key("apis/apps/v1"));
    for (path, entry) in paths {
        let url = entry["serverRelativeURL"].as_str().unwrap_or_default();
        assert!(url.starts_with(&format!("/openapi/v3/{path}?hash=")), "{url}");
        let document = of(path)?;
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty(), "{path}");
        for reference in found {
            let pointer = reference.strip_prefix("#").unwrap_or_default();
            assert!(document.pointer(pointer).is_some(), "{path}: {reference}");
        }
    }
    assert!(document(RESOURCES, "apis/apps/v9").is_none());
    Ok(())
}

#[test]
fn every_patch_names_its_kind_validates_fields_and_takes_strategic_merges() -> Outcome {
    let mut seen = 0;
    for resource in RESOURCES.iter().filter(|resource| resource.verbs.contains(&"patch")) {
        let base = match resource.group {
            "" => format!("api/{}", resource.version),
            group => format!("apis/{group}/{}", resource.version),
        };
        let document = of(&base)?;
        let space = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let patch = &document["paths"][format!("/{base}{space}/{}/{{name}}", resource.plural)]["patch"];
        assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], resource.kind);
        let parameters = patch["parameters"].as_array().ok_or("no parameters")?;
        assert!(parameters.iter().any(|parameter| parameter["name"] == "fieldValidation"), "{}", resource.kind);
        assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_object());
        seen += 1;
    }
    assert!(seen > 20);
    Ok(())
}

#[test]
fn schemas_carry_what_three_way_merges_need() -> Outcome {
    let document = of("api/v1")?;
    let spec = &document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"];
    let containers = &spec["properties"]["containers"];
    assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
    assert_eq!(containers["x-kubernetes-patch-strategy"], "merge");
    assert_eq!(containers["x-kubernetes-list-map-keys"], serde_json::json!(["name"]));
    assert_eq!(spec["required"], serde_json::json!(["containers"]));
    let pull = &document["components"]["schemas"]["io.k8s.api.core.v1.Container"]["properties"]["imagePullPolicy"];
    assert_eq!(pull["enum"], serde_json::json!(["Always", "IfNotPresent", "Never"]));
    assert!(pull["description"].as_str().unwrap_or_default().starts_with("Image pull policy."));
    Ok(())
}
