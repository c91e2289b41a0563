//! `certificate`: a certificate in a file of a node is valid, for whom and for how long it should.
//! What it must be is the scenario's; how it is read, the cluster's.

use jiff::{SignedDuration, Timestamp};
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
    let mut findings = judge(check, &found, view.clock.now());
    if let Some(authority) = &check.authority {
        let pem = view.file(node, authority).await?.map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        if !pem.is_some_and(|pem| found.issued_by(&pem)) {
            findings.push(Finding::told(format!("{path} on {node} was not signed by {authority}")));
        }
    }
    Ok(Verdict::of(findings))
}

/// What does not hold of a certificate at a moment.
fn judge(check: &Certificate, found: &Inspected, now: Timestamp) -> Vec<Finding> {
    let (node, path) = (&check.node, &check.path);
    let mut findings: Vec<Finding> = validity(check, found, now).map(Finding::told).into_iter().collect();
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
    findings
}

fn validity(check: &Certificate, found: &Inspected, now: Timestamp) -> Option<String> {
    let (node, path) = (&check.node, &check.path);
    let day = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let until = day(found.not_after);
    if now < found.not_before {
        Some(format!("{path} on {node} is not valid before {}", day(found.not_before)))
    } else if found.not_after < now {
        Some(format!("{path} on {node} has expired: it was valid until {until}"))
    } else if found.not_after < now + SignedDuration::from_hours(24 * check.days) {
        Some(format!("{path} on {node} is valid until {until}, not for another {} days", check.days))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::nodes::NodeFile;

    /// Of `kube-apiserver`, for `kubernetes` and 10.96.0.1, valid a hundred days.
    const PEM: &[u8] = include_bytes!("../../../tests/fixtures/certificate.pem");

    fn said(days: i64, subject: &str, names: &[&str], later: i64) -> Vec<String> {
        let found = certificates::inspect(&NodeFile { bytes: PEM.to_vec(), mode: 0o644 }).expect("a certificate");
        let now = found.not_before + SignedDuration::from_hours(24 * later);
        let (node, path) = ("controlplane".to_owned(), "/a.crt".to_owned());
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let check = Certificate { node, path, days, subject: Some(subject.to_owned()), names, authority: None };
        judge(&check, &found, now).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_certificate_is_judged_by_its_time_and_its_names() {
        assert!(said(30, "kube-apiserver", &["kubernetes", "10.96.0.1"], 1).is_empty());
        let short = said(30, "kube-apiserver", &[], 80);
        assert!(short.len() == 1 && short[0].ends_with("not for another 30 days"), "{short:?}");
        assert!(
            said(0, "kube-apiserver", &[], 101)[0]
                .starts_with("/a.crt on controlplane has expired: it was valid until 20")
        );
        assert!(said(0, "kube-apiserver", &[], -1)[0].starts_with("/a.crt on controlplane is not valid before 20"));
        assert_eq!(
            said(0, "kubelet", &["controlplane"], 1),
            [
                "/a.crt on controlplane is for \"kube-apiserver\", not \"kubelet\"",
                "/a.crt on controlplane is not valid for controlplane"
            ]
        );
    }
}
