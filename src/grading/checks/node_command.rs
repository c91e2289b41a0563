//! `nodeCommand`: a command of a node ends and says what it should.
//! Which commands may be asked is the scenario's.

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::scenario::check::NodeCommand;

/// How much of what a command printed a finding shows.
const SHOWN: usize = 300;

/// The verdict over a view. An error is what the node could not be asked.
pub async fn look(check: &NodeCommand, view: &View) -> Result<Verdict, AskError> {
    let ended = view.run(&check.node, &check.run).await?;
    let line = format!("`{}` on {}", check.run.join(" "), check.node);
    let shown: String = format!("{}{}", ended.stdout, ended.stderr).chars().take(SHOWN).collect();
    let mut findings = Vec::new();
    if ended.code != check.exit {
        findings.push(Finding::told(format!("{line} ends with {}: {}", ended.code, shown.trim())));
    }
    if let Some(prints) = check.prints.as_ref().filter(|prints| !prints.is_match(&ended.stdout)) {
        findings.push(Finding::told(format!("{line} prints nothing that fits {prints}: {}", shown.trim())));
    }
    if let Some(found) = check.lacks.as_ref().and_then(|lacks| lacks.find(&ended.stdout)) {
        findings.push(Finding::told(format!("{line} still prints {:?}", found.as_str())));
    }
    Ok(Verdict::of(findings))
}
