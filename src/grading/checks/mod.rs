//! One file a kind of check: what is looked at, and what is found.
//! The forms of the checks are the scenario's; points are the report's.

mod absent;
mod access;
mod answer_file;
mod cel;
mod count;
mod event;
mod object;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::report::Verdict;
use super::view::View;
use crate::cluster::AskError;
use crate::scenario::check::CheckKind;

/// What every kind of check does: look, and say what holds.
pub trait Look: Sync {
    /// The verdict over this view. An error is what the cluster could not be asked.
    fn look<'a>(&'a self, view: &'a View) -> BoxFuture<'a, Result<Verdict, AskError>>;
}

/// The row of a kind of check.
fn row(kind: &CheckKind) -> &dyn Look {
    match kind {
        CheckKind::Object(check) => check,
        CheckKind::Absent(check) => check,
        CheckKind::Count(check) => check,
        CheckKind::Cel(check) => check,
        CheckKind::Can(check) => check,
        CheckKind::Cannot(check) => check,
        CheckKind::Event(check) => check,
        CheckKind::AnswerFile(check) => check,
    }
}

/// Looks at one check; what the cluster could not be asked is broken.
pub fn look<'a>(kind: &'a CheckKind, view: &'a View) -> BoxFuture<'a, Verdict> {
    row(kind).look(view).map(|verdict| verdict.unwrap_or_else(|error| Verdict::broken(error.to_string()))).boxed()
}
