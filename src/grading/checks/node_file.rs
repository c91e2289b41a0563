//! `nodeFile`: a file of a node is there, and holds what it should.
//! What must stand there is the scenario's; how texts are judged, the answer file's.

use serde_json::json;

use super::answer_file::judge;
use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::scenario::check::NodeFile;

/// The verdict over a view. An error is what the node could not be asked.
pub async fn look(check: &NodeFile, view: &View) -> Result<Verdict, AskError> {
    let (node, path) = (&check.node, &check.path);
    let Some(file) = view.file(node, path).await? else {
        let missing = || Finding::told(format!("the file {path} is not there on {node}"));
        return Ok(if check.absent { Verdict::of(Vec::new()) } else { Verdict::fail(missing()) });
    };
    if check.absent {
        return Ok(Verdict::fail(Finding::told(format!("the file {path} is there on {node} and should not be"))));
    }
    let text = String::from_utf8_lossy(&file.bytes);
    let mut findings = check.expected.as_ref().map(|expected| judge(expected, &text)).unwrap_or_default();
    for finding in &mut findings {
        finding.text = format!("{path} on {node}: {}", finding.text.replace("the answer", "the file"));
    }
    if let Some(found) = check.lacks.as_ref().and_then(|lacks| lacks.find(&text)) {
        findings.push(Finding::told(format!("{path} on {node} still contains {:?}", found.as_str())));
    }
    if let Some(mode) = check.mode.filter(|mode| file.mode != *mode) {
        let octal = |mode: u32| json!(format!("{mode:04o}"));
        let mut finding = Finding::at("mode", Some(octal(mode)), Some(octal(file.mode)));
        finding.text = format!("{path} on {node} has the permissions {:04o}, not {mode:04o}", file.mode);
        findings.push(finding);
    }
    Ok(Verdict::of(findings))
}
