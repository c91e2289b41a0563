//! A selector in an object as Go prints it, for the messages that upstream makes with `%v`.
//! Source: `k8s.io/apimachinery/pkg/apis/meta/v1/generated.pb.go`.

use serde_json::Value;

use crate::object::meta;

/// A selector as Go prints it (LabelSelector's String).
pub fn worded(selector: Option<&Value>) -> String {
    let Some(selector) = selector else { return "nil".to_owned() };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let mut labels: Vec<String> = labels.map(|(key, value)| format!("{key}: {},", text(value))).collect();
    labels.sort();
    let expressions = meta::list(selector, "/matchExpressions").iter().map(|expression| {
        let (key, operator) = (meta::text(expression, "/key"), meta::text(expression, "/operator"));
        let values: Vec<String> = meta::list(expression, "/values").iter().map(text).collect();
        format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{}],}},", values.join(" "))
    });
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{{}}},}}",
        labels.concat(),
        expressions.collect::<Vec<_>>().concat()
    )
}
