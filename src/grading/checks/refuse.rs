//! `refuse`: Pods do not reach somebody.
//! Who asks, and how, is as in `connect`.

use super::connect::{Told, ask};
use crate::cluster::AskError;
use crate::cluster::traffic::Answer;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::scenario::check::Refuse;

/// The verdict over a view. An error is what the cluster could not be asked.
pub async fn look(check: &Refuse, view: &View) -> Result<Verdict, AskError> {
    let told = match ask(&check.question(), view).await? {
        Ok(told) => told,
        Err(finding) => return Ok(Verdict::fail(finding)),
    };
    let findings = told.iter().filter_map(|Told { pod, answer }| match answer {
        Answer::Not(_) => None,
        Answer::Reached(_) => Some(Finding::told(format!("{pod} reaches {}", check.to))),
        Answer::Partly(_) => Some(Finding::told(format!("{pod} still reaches some of {}", check.to))),
    });
    Ok(Verdict::of(findings.collect()))
}
