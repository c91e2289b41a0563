//! `certificate`: a certificate in a file of a node is valid, for whom and for how long it should.
//! What it must be is the scenario's; how it is read, the cluster's.

use jiff::SignedDuration;
use serde_json::json;

use crate::cluster::AskError;
use crate::cluster::certificates::{self, Inspected};
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::scenario::check::Certificate;

/// The verdict over a view. An error is what the node could not be asked.
pub async fn look(check: &Certificate, view: &View) -> Result<Verdict, AskError> {
    let (node, path) = (&check.node, &check.path);
    let Some(file) = view.file(node, path).await? else {
        return Ok(Verdict::fail(Finding::told(format!("the file {path} is not there on {node}"))));
    };
    let Some(found) = certificates::inspect(&file) else {
        return Ok(Verdict::fail(Finding::told(format!("{path} on {node} holds no certificate"))));
    };
    let mut findings = validity(check, view, &found);
    if let Some(subject) = check.subject.as_ref().filter(|subject| **subject != found.subject.common_name) {
        let mut finding = Finding::at("subject", Some(json!(subject)), Some(json!(found.subject.common_name)));
        finding.text = format!("{path} on {node} is for {:?}, not {subject:?}", found.subject.common_name);
        findings.push(finding);
    }
    for name in &check.names {
        let has = found.names.dns.contains(name) || found.names.ips.iter().any(|ip| ip.to_string() == *name);
        if !has {
            findings.push(Finding::told(format!("{path} on {node} is not valid for {name}")));
        }
    }
    if let Some(authority) = &check.authority {
        let pem = view.file(node, authority).await?.map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        if !pem.is_some_and(|pem| found.issued_by(&pem)) {
            findings.push(Finding::told(format!("{path} on {node} was not signed by {authority}")));
        }
    }
    Ok(Verdict::of(findings))
}

fn validity(check: &Certificate, view: &View, found: &Inspected) -> Vec<Finding> {
    let (node, path, now) = (&check.node, &check.path, view.clock.now());
    let until = found.not_after.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let told = if now < found.not_before {
        Some(format!("{path} on {node} is not valid before {}", found.not_before))
    } else if found.not_after < now {
        Some(format!("{path} on {node} has expired: it was valid until {until}"))
    } else if found.not_after < now + SignedDuration::from_hours(24 * check.days) {
        Some(format!("{path} on {node} is valid until {until}, not for another {} days", check.days))
    } else {
        None
    };
    told.map(Finding::told).into_iter().collect()
}
