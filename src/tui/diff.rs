//! Findings as lines: where, what was found and what was expected, with marks that read without colour.
//! `-` is what is there, `+` what should be.

use ratatui::text::{Line, Span};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use crate::grading::report::{Finding, Verdict};

/// Why a check failed or could not be told, in lines of at most `width` columns.
pub fn of_verdict(verdict: &Verdict, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    match verdict {
        Verdict::Pass => Vec::new(),
        Verdict::Fail { findings } => {
            let blocks = findings.iter().map(|finding| of_finding(finding, width, theme));
            blocks.collect::<Vec<_>>().join(&Line::default())
        }
        Verdict::Broken { why } => {
            let mut lines = wrapped("The cluster could not be asked, so this costs nothing:", width, "", theme.warn);
            lines.extend(wrapped(why, width, "  ", theme.text));
            lines
        }
    }
}

fn of_finding(finding: &Finding, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if finding.expected.is_none() && finding.found.is_none() {
        return wrapped(&finding.text, width, "", theme.text);
    }
    let mut lines = Vec::new();
    if !finding.path.is_empty() {
        lines.push(Line::styled(finding.path.clone(), theme.strong));
    }
    let found = finding.found.as_ref().map(plain);
    let expected = finding.expected.as_ref().map(plain);
    let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('\n'));
    if long(&found) || long(&expected) {
        lines.extend(both(found.as_deref().unwrap_or(""), expected.as_deref().unwrap_or(""), theme));
    } else {
        let shown = |text: Option<String>| text.unwrap_or_else(|| "nothing".to_owned());
        lines.extend(wrapped(&shown(found), width, "- found     ", theme.removed));
        lines.extend(wrapped(&shown(expected), width, "+ expected  ", theme.added));
    }
    lines
}

/// Long values line by line: what is only there, what only should be, and what both have.
fn both(found: &str, expected: &str, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines =
        vec![Line::from(vec![Span::styled("- found", theme.removed), Span::styled("  + expected", theme.added)])];
    let (found, expected) = (format!("{found}\n"), format!("{expected}\n"));
    for change in TextDiff::from_lines(&found, &expected).iter_all_changes() {
        let (mark, style) = match change.tag() {
            ChangeTag::Delete => ("- ", theme.removed),
            ChangeTag::Insert => ("+ ", theme.added),
            ChangeTag::Equal => ("  ", theme.dim),
        };
        let text = change.value().trim_end_matches('\n').to_owned();
        lines.push(Line::styled(format!("{mark}{text}"), style));
    }
    lines
}

/// A value as one would write it in YAML.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => match serde_yaml::to_string(value) {
            Ok(text) => text.trim_end().to_owned(),
            Err(_) => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// Text in lines of `width` columns, the first after `mark`, the others indented as far.
pub fn wrapped(text: &str, width: usize, mark: &'static str, style: ratatui::style::Style) -> Vec<Line<'static>> {
    let indent = " ".repeat(mark.width());
    let options = textwrap::Options::new(width.max(mark.width() + 8)).initial_indent(mark).subsequent_indent(&indent);
    textwrap::wrap(text, options).into_iter().map(|line| Line::styled(line.into_owned(), style)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(finding: Finding) -> String {
        let verdict = Verdict::fail(finding);
        let lines = of_verdict(&verdict, 40, &Theme::default());
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_value_is_told_in_two_lines() {
        let finding = Finding::at("spec.replicas", Some(json!(3)), None);
        assert_eq!(text(finding), "spec.replicas\n- found     nothing\n+ expected  3");
    }

    #[test]
    fn a_long_value_is_told_as_a_diff() {
        let finding =
            Finding::at("spec.selector", Some(json!({"app": "web", "tier": "a"})), Some(json!({"app": "web"})));
        assert_eq!(text(finding), "spec.selector\n- found  + expected\n  app: web\n+ tier: a");
    }

    #[test]
    fn what_only_a_sentence_can_say_is_wrapped() {
        let told = Finding::told("the ServiceAccount may still delete Deployments in vega");
        assert_eq!(text(told), "the ServiceAccount may still delete\nDeployments in vega");
    }
}
