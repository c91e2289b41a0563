//! `count`: so many objects are there.
//! Which fields they must have is matched as in `object`.

use serde_json::json;

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::{View, selection};
use crate::object::{matching, schema};
use crate::scenario::check::Count;

/// The verdict over a view. An error is what the cluster could not be asked.
pub async fn look(check: &Count, view: &View) -> Result<Verdict, AskError> {
    let all = view.list(&selection(&check.query)).await?;
    let of = schema::of(&check.query.api_version, &check.query.kind);
    let fits = |object: &&serde_json::Value| {
        check.matching.as_ref().is_none_or(|fields| matching::matches(fields, object, of))
    };
    let count = all.iter().filter(fits).count();
    if check.bounds.contain(u64::try_from(count).unwrap_or(u64::MAX)) {
        return Ok(Verdict::Pass);
    }
    let kind = &check.query.kind;
    let place = check.query.namespace.as_ref().map_or(String::new(), |namespace| format!(" in namespace {namespace}"));
    let mut finding = Finding::at("", Some(json!(check.bounds.to_string())), Some(json!(count)));
    let such = if check.matching.is_some() { " with the fields asked for" } else { "" };
    finding.text = format!("{kind} objects{place}{such}: expected {}, found {count}", check.bounds);
    // One object that nearly fits says more than a number.
    let mut findings = vec![finding];
    if let (Some(fields), [only]) = (&check.matching, all.as_slice()) {
        findings.extend(matching::find(fields, only, of).into_iter().map(Finding::from));
    }
    Ok(Verdict::Fail { findings })
}
