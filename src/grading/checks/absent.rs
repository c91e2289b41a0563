//! `absent`: no such object is there.
//! An object that is terminating is still there.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::Look;
use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::{View, selection};
use crate::object::meta;
use crate::scenario::check::Absent;

impl Look for Absent {
    fn look<'a>(&'a self, view: &'a View) -> BoxFuture<'a, Result<Verdict, AskError>> {
        async move {
            let found = view.list(&selection(&self.0)).await?;
            let told = found.iter().map(|object| {
                let state =
                    if meta::is_terminating(object) { "is still terminating" } else { "is there and should not be" };
                Finding::told(format!("{} {} {state}", self.0.kind, meta::name(object)))
            });
            Ok(Verdict::of(told.collect()))
        }
        .boxed()
    }
}
