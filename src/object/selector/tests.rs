//! Selectors against tables taken from upstream's own parsers, and by property.
//! How the tables were taken stands in `tests/golden/README.md`.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn golden(kind: &str) -> Vec<(String, Result<String, String>)> {
    let table: Value = serde_json::from_str(include_str!("../../../tests/golden/selector.json")).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let result = |row: &Value| match row.get("error") {
        Some(_) => Err(text(row, "error")),
        None => Ok(text(row, "out")),
    };
    table[kind].as_array().unwrap().iter().map(|row| (text(row, "in"), result(row))).collect()
}

#[test]
fn label_queries_read_as_upstream_reads_them() {
    for (text, expected) in golden("label") {
        let ours = LabelSelector::parse(&text).map(|found| found.to_string()).map_err(|why| why.to_string());
        assert_eq!(ours, expected, "{text:?}");
    }
}

#[test]
fn field_queries_read_as_upstream_reads_them() {
    for (text, expected) in golden("field") {
        let ours = FieldSelector::parse(&text).map(|found| found.to_string()).map_err(|why| why.to_string());
        assert_eq!(ours, expected, "{text:?}");
    }
}

#[test]
fn labels_match() {
    let labels = json!({"app": "web", "tier": "front", "size": "10", "none": ""});
    let matches = |text: &str| LabelSelector::parse(text).unwrap().matches(labels.as_object());
    for text in [
        "",
        "app",
        "app=web",
        "app==web,tier!=back",
        "x!=y",
        "x notin (a)",
        "!x",
        "tier in (front,back)",
        "size>9",
        "none=",
    ] {
        assert!(matches(text), "{text}");
    }
    for text in ["!app", "x", "app!=web", "app=web,x", "tier notin (front)", "size<10", "app>1", "x="] {
        assert!(!matches(text), "{text}");
    }
}

#[test]
fn absent_selectors_select_nothing_and_empty_ones_everything() {
    let object = json!({"metadata": {"labels": {"app": "web"}}});
    assert!(!LabelSelector::from_object(None).unwrap().selects(&object));
    assert!(!LabelSelector::from_object(Some(&Value::Null)).unwrap().selects(&object));
    assert!(LabelSelector::from_object(Some(&json!({}))).unwrap().selects(&json!({})));
    assert!(!LabelSelector::from_map(json!({}).as_object()).unwrap().selects(&object));
    assert!(LabelSelector::from_map(json!({"app": "web"}).as_object()).unwrap().selects(&object));
}

#[test]
fn the_object_form_has_its_own_operators() {
    let selector = |operator: &str| json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": operator, "values": ["b", "a"]}]});
    let found = LabelSelector::from_object(Some(&selector("In"))).unwrap();
    assert_eq!(found.to_string(), "app=web,tier in (a,b)");
    let refused = LabelSelector::from_object(Some(&selector("Gt"))).unwrap_err();
    assert_eq!(refused.to_string(), "\"Gt\" is not a valid label selector operator");
    let refused = LabelSelector::from_object(Some(&selector("Exists"))).unwrap_err();
    assert!(refused.to_string().ends_with("values set must be empty for exists and does not exist"), "{refused}");
}

#[test]
fn node_expressions_compare_numbers() {
    let term = json!({"key": "cores", "operator": "Gt", "values": ["4"]});
    let requirement = Requirement::from_expression(&term).unwrap();
    assert!(requirement.matches_value(Some("8")));
    assert!(
        !requirement.matches_value(Some("4"))
            && !requirement.matches_value(Some("x"))
            && !requirement.matches_value(None)
    );
}

#[test]
fn fields_match_by_text() {
    let selector = FieldSelector::parse("status.phase!=Running,spec.nodeName=").unwrap();
    assert_eq!(selector.fields().collect::<Vec<_>>(), ["spec.nodeName", "status.phase"]);
    let read =
        |phase: &'static str| move |field: &str| if field == "status.phase" { phase.to_owned() } else { String::new() };
    assert!(selector.matches(read("Pending")));
    assert!(!selector.matches(read("Running")));
}

proptest! {
    #[test]
    fn what_is_printed_reads_the_same(text in "[a-c!=<>(), in]{0,16}") {
        if let Ok(selector) = LabelSelector::parse(&text) {
            prop_assert_eq!(LabelSelector::parse(&selector.to_string()).unwrap(), selector);
        }
        if let Ok(selector) = FieldSelector::parse(&text) {
            prop_assert_eq!(FieldSelector::parse(&selector.to_string()).unwrap(), selector);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,16}") {
        let _ = (LabelSelector::parse(&text), FieldSelector::parse(&text));
    }
}
