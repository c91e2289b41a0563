//! `object`: an object is there and has these fields.
//! How fields match is `object::matching`'s.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::Look;
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

impl Look for Object {
    fn look<'a>(&'a self, view: &'a View) -> BoxFuture<'a, Result<Verdict, AskError>> {
        async move {
            let expected = &self.0;
            let Some(found) = view.get(&target(&expected.target)).await? else {
                return Ok(Verdict::fail(Finding::told(format!("{} is not there", named(&expected.target)))));
            };
            let of = schema::of(&expected.target.api_version, &expected.target.kind);
            let findings = matching::find(&fields(&expected.fields), &found, of);
            Ok(Verdict::of(findings.into_iter().map(Finding::from).collect()))
        }
        .boxed()
    }
}
