//! `nodePackage`: a package of a node has a version, and is held or not; dpkg and apt-mark are asked.
//! What it should be is the scenario's.

use serde_json::json;

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::scenario::check::NodePackage;

/// The verdict over a view. An error is what the node could not be asked.
pub async fn look(check: &NodePackage, view: &View) -> Result<Verdict, AskError> {
    let (node, package) = (&check.node, &check.package);
    let mut findings = Vec::new();
    if let Some(version) = &check.version {
        let words = ["dpkg", "-s", package].map(str::to_owned);
        let said = view.run(node, &words).await?.stdout;
        let found = said.lines().find_map(|line| line.strip_prefix("Version: ")).unwrap_or_default();
        // 1.35.4 is not 1.35.40.
        let rest = found.strip_prefix(version.as_str());
        if rest.is_none_or(|rest| rest.starts_with(|next: char| next.is_ascii_digit())) {
            let mut finding = Finding::at("version", Some(json!(version)), Some(json!(found)));
            finding.text = match found {
                "" => format!("{package} is not installed on {node}"),
                found => format!("{package} is {found} on {node}, not {version}"),
            };
            findings.push(finding);
        }
    }
    if let Some(held) = check.held {
        let words = ["apt-mark", "showhold"].map(str::to_owned);
        let said = view.run(node, &words).await?;
        if said.code != 0 {
            return Err(AskError::NoAnswer(said.stderr.trim().to_owned()));
        }
        if said.stdout.lines().any(|line| line.trim() == package) != held {
            let is = if held { "is not held" } else { "is held, and should not be," };
            findings.push(Finding::told(format!("{package} {is} on {node}")));
        }
    }
    Ok(Verdict::of(findings))
}
