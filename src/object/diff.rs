//! Findings as a small diff of only what the author asked about: `-` what is there, `+` what should be, as `kubectl diff` puts it,
//! under the place where they stand.
//! Colours and widths are the screens' business; a [`Line`] says what it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::matching::Finding;
use super::path::{Path, Segment};

/// What a line of a diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sign {
    /// Where the lines below stand: `spec.template.spec.containers[web]`.
    Place,
    /// The same on both sides, shown for orientation.
    Same,
    /// What was expected.
    Expected,
    /// What is there instead.
    Found,
}

/// One line of a diff, without its sign; indented by two spaces a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is.
    pub sign: Sign,
    /// Its text.
    pub text: String,
}

/// Lines of unchanged text kept around a change.
const CONTEXT: usize = 2;

/// The diff of findings, in their order; neighbours at the same place share its line.
pub fn lines(findings: &[Finding]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut place = String::new();
    for finding in findings {
        let (parent, last) = split(&finding.path);
        if parent != place {
            place = parent;
            lines.extend((!place.is_empty()).then(|| Line { sign: Sign::Place, text: place.clone() }));
        }
        let depth = usize::from(!place.is_empty());
        lines.extend(
            entry(last.as_ref(), finding).into_iter().map(|(sign, text)| Line { sign, text: indented(depth, &text) }),
        );
    }
    lines
}

/// The diff as text, with a sign before each line and a head that says which is which; empty when there is nothing to tell.
pub fn text(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut text = String::from("--- found\n+++ expected\n");
    for line in lines(findings) {
        let sign = match line.sign {
            Sign::Place | Sign::Same => ' ',
            Sign::Found => '-',
            Sign::Expected => '+',
        };
        text.push_str(format!("{sign} {}", line.text).trim_end());
        text.push('\n');
    }
    text
}

/// A path's parent, and its last step. A path that cannot be read is a name.
fn split(path: &str) -> (String, Option<Segment>) {
    let Ok(read) = path.parse::<Path>() else { return (String::new(), Some(Segment::Field(path.to_owned()))) };
    let Some((last, parents)) = read.segments().split_last() else { return (String::new(), None) };
    let parent = parents.iter().fold(Path::root(), |path, segment| path.then(segment.clone()));
    (parent.to_string(), Some(last.clone()))
}

fn entry(last: Option<&Segment>, finding: &Finding) -> Vec<(Sign, String)> {
    if let (Value::String(expected), Some(Value::String(found))) = (&finding.expected, &finding.found)
        && (expected.contains('\n') || found.contains('\n'))
    {
        return text_entry(last, expected, found);
    }
    let side = |sign: Sign, value: Option<&Value>| {
        let written = value.filter(|value| !value.is_null()).map(|value| write(last, value)).unwrap_or_default();
        written.into_iter().map(move |line| (sign, line))
    };
    side(Sign::Found, finding.found.as_ref()).chain(side(Sign::Expected, Some(&finding.expected))).collect()
}

/// Texts of many lines are compared line by line.
fn text_entry(last: Option<&Segment>, expected: &str, found: &str) -> Vec<(Sign, String)> {
    let head = match last {
        Some(Segment::Field(name)) => format!("{}: |", scalar(&Value::from(name.as_str()))),
        _ => "- |".to_owned(),
    };
    let mut lines = vec![(Sign::Same, head)];
    let diff = TextDiff::from_lines(found, expected);
    for group in diff.grouped_ops(CONTEXT) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => Sign::Same,
                ChangeTag::Delete => Sign::Found,
                ChangeTag::Insert => Sign::Expected,
            };
            let missing = if change.missing_newline() { " (no line end)" } else { "" };
            lines.push((sign, indented(1, &format!("{}{missing}", change.value().trim_end_matches('\n')))));
        }
    }
    lines
}

fn indented(depth: usize, text: &str) -> String {
    format!("{:width$}{text}", "", width = depth * 2)
}

/// The value under its name, or as an element of a list, as YAML.
fn write(last: Option<&Segment>, value: &Value) -> Vec<String> {
    match last {
        Some(Segment::Field(name)) => named(name, value),
        Some(_) => element(value),
        None => block(value),
    }
}

fn named(name: &str, value: &Value) -> Vec<String> {
    let name = scalar(&Value::from(name));
    match flow(value) {
        Some(text) => vec![format!("{name}: {text}")],
        None => {
            let head = if value.is_string() { format!("{name}: |") } else { format!("{name}:") };
            std::iter::once(head).chain(block(value).iter().map(|line| indented(1, line))).collect()
        }
    }
}

fn element(value: &Value) -> Vec<String> {
    let lines = flow(value).map_or_else(|| block(value), |text| vec![text]);
    lines
        .iter()
        .enumerate()
        .map(|(place, line)| if place == 0 { format!("- {line}") } else { indented(1, line) })
        .collect()
}

fn block(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields.iter().flat_map(|(name, value)| named(name, value)).collect(),
        Value::Array(items) => items.iter().flat_map(element).collect(),
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        other => vec![scalar(other)],
    }
}

/// What fits on one line: scalars, lists of scalars, and what is empty.
fn flow(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields.is_empty().then(|| "{}".to_owned()),
        Value::Array(items) => {
            let all: Option<Vec<String>> =
                items.iter().map(|item| flow(item).filter(|_| !item.is_object() && !item.is_array())).collect();
            Some(format!("[{}]", all?.join(", ")))
        }
        Value::String(text) if text.trim_end_matches('\n').contains('\n') => None,
        other => Some(scalar(other)),
    }
}

/// A scalar as YAML writes it: plain where nothing else could be meant, quoted otherwise.
fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let safe = |symbol: char| symbol.is_alphanumeric() || "_-./:@%+*()<>$~^;?!= ".contains(symbol);
    let starts = text.starts_with(|first: char| first.is_alphanumeric() || "_/.$<(".contains(first));
    let word =
        matches!(text.to_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    let plain = starts && text.chars().all(safe) && !text.ends_with([' ', ':']) && !text.contains(": ");
    if plain && !word && text.parse::<f64>().is_err() { text.clone() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn finding(path: &str, expected: Value, found: impl Into<Option<Value>>) -> Finding {
        Finding { path: path.to_owned(), expected, found: found.into() }
    }

    #[test]
    fn neighbours_share_their_place() {
        let shown = text(&[
            finding("spec.replicas", json!(3), json!(2)),
            finding("spec.paused", Value::Null, json!(true)),
            finding("spec.template.spec.containers[web].image", json!("nginx:1.27"), json!("nginx:1.25")),
            finding("spec.template.spec.containers[web].command", json!(["sleep", "10"]), json!(["sleep"])),
            finding("metadata.labels[app.kubernetes.io/name]", json!("web"), None),
        ]);
        let expected = "\
--- found
+++ expected
  spec
-   replicas: 2
+   replicas: 3
-   paused: true
  spec.template.spec.containers[web]
-   image: nginx:1.25
+   image: nginx:1.27
-   command: [sleep]
+   command: [sleep, \"10\"]
  metadata.labels
+   app.kubernetes.io/name: web
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_missing_is_written_out() {
        let port =
            json!({"name": "dns", "ports": [{"containerPort": 53, "protocol": "UDP"}], "args": [], "env": {"a": {}}});
        let shown = text(&[finding("spec.containers[dns]", port, None), finding("kind", json!("Pod"), json!("Job"))]);
        let expected = "\
--- found
+++ expected
  spec.containers
+   - name: dns
+     ports:
+       - containerPort: 53
+         protocol: UDP
+     args: []
+     env:
+       a: {}
";
        assert!(shown.starts_with(expected), "{shown}");
    }

    #[test]
    fn texts_are_compared_line_by_line() {
        let found = "a\nb\nc\nd\ne\nf\n";
        let shown = lines(&[finding("data[app.conf]", json!(found.replace("e\n", "E\n")), json!(found))]);
        let signs: Vec<(Sign, &str)> = shown.iter().map(|line| (line.sign, line.text.as_str())).collect();
        let expected = [
            (Sign::Place, "data"),
            (Sign::Same, "  app.conf: |"),
            (Sign::Same, "    c"),
            (Sign::Same, "    d"),
            (Sign::Found, "    e"),
            (Sign::Expected, "    E"),
            (Sign::Same, "    f"),
        ];
        assert_eq!(signs, expected);
    }

    #[test]
    fn texts_that_could_mean_something_else_are_quoted() {
        for (value, written) in [
            (json!("1"), "\"1\""),
            (json!("true"), "\"true\""),
            (json!(""), "\"\""),
            (json!("a: b"), "\"a: b\""),
            (json!("nginx:1.27"), "nginx:1.27"),
            (json!("25%"), "25%"),
            (json!("-x"), "\"-x\""),
            (json!("a#b"), "\"a#b\""),
            (json!(1.5), "1.5"),
        ] {
            assert_eq!(scalar(&value), written);
        }
    }

    #[test]
    fn nothing_to_tell_is_nothing() {
        assert_eq!(text(&[]), "");
        assert_eq!(lines(&[finding("", json!("a"), json!("b"))]).len(), 2);
    }
}
