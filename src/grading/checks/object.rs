//! `object`: an object is there and has these fields.
//! How fields match is `object::matching`'s.

use serde_json::Value;

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::{View, target};
use crate::object::{matching, schema};
use crate::scenario::check::Object;
use crate::scenario::query::Target;

/// An object in a learner's words: `Deployment web in namespace shop`.
pub fn named(target: &Target) -> String {
    match &target.namespace {
        Some(namespace) => format!("{} {} in namespace {namespace}", target.kind, target.name),
        None => format!("{} {}", target.kind, target.name),
    }
}

/// The fields to compare: what names the object is known to fit.
fn fields(expected: &Value) -> Value {
    let mut fields = expected.clone();
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| key != "name" && key != "namespace");
    }
    fields
}

/// The verdict over a view. An error is what the cluster could not be asked.
pub async fn look(check: &Object, view: &View) -> Result<Verdict, AskError> {
    let expected = &check.0;
    let Some(found) = view.get(&target(&expected.target)).await? else {
        return Ok(Verdict::fail(Finding::told(format!("{} is not there", named(&expected.target)))));
    };
    let of = schema::of(&expected.target.api_version, &expected.target.kind);
    let findings = matching::find(&fields(&expected.fields), &found, of);
    Ok(Verdict::of(findings.into_iter().map(Finding::from).collect()))
}
