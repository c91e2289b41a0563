//! `absent`: no such object is there.
//! An object that is terminating is still there.

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::{View, selection};
use crate::object::meta;
use crate::scenario::check::Absent;

/// The verdict over a view. An error is what the cluster could not be asked.
pub async fn look(check: &Absent, view: &View) -> Result<Verdict, AskError> {
    let found = view.list(&selection(&check.0)).await?;
    let told = found.iter().map(|object| {
        let state = if meta::is_terminating(object) { "is still terminating" } else { "is there and should not be" };
        Finding::told(format!("{} {} {state}", check.0.kind, meta::name(object)))
    });
    Ok(Verdict::of(told.collect()))
}
