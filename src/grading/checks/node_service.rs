//! `nodeService`: a systemd unit of a node runs, or starts by itself; systemd is asked.
//! What it should be is the scenario's.

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::scenario::check::NodeService;

/// What `systemctl` answers to a question of one word. Where it says nothing, nobody was asked: `is-active` always answers, and `is-enabled`
/// unless there is no such unit.
async fn ask(question: &str, check: &NodeService, view: &View) -> Result<String, AskError> {
    let words = ["systemctl", question, &check.service].map(str::to_owned);
    let said = view.run(&check.node, &words).await?;
    match said.stdout.trim() {
        "" if question == "is-active" => Err(AskError::NoAnswer(said.stderr.trim().to_owned())),
        word => Ok(word.to_owned()),
    }
}

/// The verdict over a view. An error is what the node could not be asked.
pub async fn look(check: &NodeService, view: &View) -> Result<Verdict, AskError> {
    let (node, service) = (&check.node, &check.service);
    let mut findings = Vec::new();
    let state = ask("is-active", check, view).await?;
    if (state == "active") != check.active {
        findings.push(Finding::told(format!("{service} is {state} on {node}")));
    }
    if let Some(enabled) = check.enabled {
        let state = ask("is-enabled", check, view).await?;
        if (state == "enabled") != enabled {
            findings.push(Finding::told(format!("{service} is {state} on {node}")));
        }
    }
    Ok(Verdict::of(findings))
}
