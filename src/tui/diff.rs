//! Findings as lines: where, what was found and what was expected, with marks that read without colour.
//! `-` is what is there, `+` what should be. What the lines are, `object::diff` says; here they get colours and a width.

use ratatui::text::{Line, Span};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use crate::grading::report::{Finding, Verdict};
use crate::object::diff::{self, Sign};
use crate::object::matching;

/// Why a check failed or could not be told, in lines of at most `width` columns.
pub fn of_verdict(verdict: &Verdict, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    match verdict {
        Verdict::Pass => Vec::new(),
        Verdict::Fail { findings } => {
            let (told, valued): (Vec<&Finding>, Vec<&Finding>) =
                findings.iter().partition(|finding| finding.path.is_empty() || valueless(finding));
            let mut blocks: Vec<_> = told.into_iter().map(|finding| of_sentence(finding, width, theme)).collect();
            if !valued.is_empty() {
                blocks.push(of_values(valued, width, theme));
            }
            blocks.join(&Line::default())
        }
        Verdict::Broken { why } => {
            let mut lines = wrapped("The cluster could not be asked, so this costs nothing:", width, "", theme.warn);
            lines.extend(wrapped(why, width, "  ", theme.text));
            lines
        }
    }
}

fn valueless(finding: &Finding) -> bool {
    finding.expected.is_none() && finding.found.is_none()
}

/// Which sign is which, above a diff.
fn legend(theme: &Theme) -> Line<'static> {
    Line::from(vec![Span::styled("- found", theme.removed), Span::styled("  + expected", theme.added)])
}

/// What is about no field: in words, and texts of many lines as a diff, too.
fn of_sentence(finding: &Finding, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let long = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).is_some_and(|text| text.contains('\n'));
    if long(&finding.expected) || long(&finding.found) {
        return of_values(vec![finding], width, theme);
    }
    wrapped(&finding.text, width, "", theme.text)
}

/// Fields with what was found there and what was expected.
fn of_values(findings: Vec<&Finding>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let matched = findings.into_iter().map(|finding| matching::Finding {
        path: finding.path.clone(),
        expected: finding.expected.clone().unwrap_or_default(),
        found: finding.found.clone(),
    });
    let mut lines = vec![legend(theme)];
    for line in diff::lines(&matched.collect::<Vec<_>>()) {
        let (mark, style) = match line.sign {
            Sign::Place => ("", theme.strong),
            Sign::Same => ("  ", theme.dim),
            Sign::Found => ("- ", theme.removed),
            Sign::Expected => ("+ ", theme.added),
        };
        lines.extend(wrapped(&line.text, width, mark, style));
    }
    lines
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
    fn values_stand_under_their_place() {
        let finding = Finding::at("spec.replicas", Some(json!(3)), Some(json!(1)));
        assert_eq!(text(finding), "- found  + expected\nspec\n-   replicas: 1\n+   replicas: 3");
        let nothing = Finding::at("spec.replicas", Some(json!(3)), None);
        assert_eq!(text(nothing), "- found  + expected\nspec\n+   replicas: 3");
    }

    #[test]
    fn texts_of_many_lines_are_compared_line_by_line() {
        let finding = Finding::at("", Some(json!("a 1\nb 2\n")), Some(json!("a 1\nb 3\n")));
        assert_eq!(text(finding), "- found  + expected\n  - |\n    a 1\n-   b 3\n+   b 2");
    }

    #[test]
    fn what_only_a_sentence_can_say_is_wrapped() {
        let told = Finding::told("the ServiceAccount may still delete Deployments in vega");
        assert_eq!(text(told), "the ServiceAccount may still delete\nDeployments in vega");
    }
}
