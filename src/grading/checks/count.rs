//! `count`: so many objects are there.
//! Which fields they must have is matched as in `object`.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;

use super::Look;
use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::{View, selection};
use crate::object::{matching, schema};
use crate::scenario::check::Count;

impl Look for Count {
    fn look<'a>(&'a self, view: &'a View) -> BoxFuture<'a, Result<Verdict, AskError>> {
        async move {
            let all = view.list(&selection(&self.query)).await?;
            let of = schema::of(&self.query.api_version, &self.query.kind);
            let fits = |object: &&serde_json::Value| {
                self.matching.as_ref().is_none_or(|fields| matching::matches(fields, object, of))
            };
            let count = all.iter().filter(fits).count();
            if self.bounds.contain(u64::try_from(count).unwrap_or(u64::MAX)) {
                return Ok(Verdict::Pass);
            }
            let kind = &self.query.kind;
            let place =
                self.query.namespace.as_ref().map_or(String::new(), |namespace| format!(" in namespace {namespace}"));
            let mut finding = Finding::at("", Some(json!(self.bounds.to_string())), Some(json!(count)));
            let such = if self.matching.is_some() { "that fit " } else { "" };
            finding.text = format!("expected {} objects of kind {kind} {such}{place}, found {count}", self.bounds)
                .replace("  ", " ");
            // One object that nearly fits says more than a number.
            let mut findings = vec![finding];
            if let (Some(fields), [only]) = (&self.matching, all.as_slice()) {
                findings.extend(matching::find(fields, only, of).into_iter().map(Finding::from));
            }
            Ok(Verdict::Fail { findings })
        }
        .boxed()
    }
}
