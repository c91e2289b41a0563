//! `connect`: Pods reach somebody, and are answered as expected.
//! Also who asks and what came of it, which `refuse` shares. Whether traffic gets through is the cluster's to say.

use serde_json::{Value, json};

use crate::cluster::traffic::{Answer, Ask, Call, Reply};
use crate::cluster::{AskError, Selection};
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::object::meta;
use crate::scenario::check::{Caller, Callers, Connect, Destination};

/// One Pod that asked, and what came of it.
pub struct Told {
    /// `Pod shop/web-1`.
    pub pod: String,
    pub answer: Answer,
}

/// The running Pods that are to ask.
async fn pods(from: &Caller, view: &View) -> Result<Vec<Value>, AskError> {
    let mut selection = Selection {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        namespace: Some(from.namespace.clone()),
        ..Selection::default()
    };
    match &from.which {
        Callers::Pod(name) => selection.name = Some(name.clone()),
        Callers::Labels(labels) => {
            let each: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            selection.labels = Some(each.join(","));
        }
    }
    let all = view.list(&selection).await?;
    let runs = |pod: &&Value| meta::text(pod, "/status/phase") == "Running" && !meta::is_terminating(pod);
    Ok(all.iter().filter(runs).cloned().collect())
}

/// Lets every Pod ask; or a finding that there is none.
pub async fn ask(check: &Connect, view: &View) -> Result<Result<Vec<Told>, Finding>, AskError> {
    let pods = pods(&check.from, view).await?;
    if pods.is_empty() {
        let which = match &check.from.which {
            Callers::Pod(name) => format!("Pod {name} does not run"),
            Callers::Labels(labels) => {
                let each: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("no Pod with the labels {} runs", each.join(", "))
            }
        };
        return Ok(Err(Finding::told(format!("{which} in namespace {}", check.from.namespace))));
    }
    let mut told = Vec::new();
    for pod in pods {
        let node = meta::text(&pod, "/status/hostIP");
        let host = if check.to.host == Destination::NODE { node.to_owned() } else { check.to.host.clone() };
        let http = check.to.path.as_ref();
        let call = Call {
            namespace: check.from.namespace.clone(),
            pod: meta::name(&pod).to_owned(),
            host,
            port: check.to.port,
            http: http.map(|path| Ask { path: path.clone(), tls: check.to.tls, host: check.host.clone() }),
        };
        let answer = view.call(&call).await?;
        told.push(Told { pod: format!("Pod {}/{}", call.namespace, call.pod), answer });
    }
    Ok(Ok(told))
}

/// What is wrong with an answer over HTTP.
fn wrong(check: &Connect, reply: &Reply) -> Option<Finding> {
    let asked = format!("the answer of {}", check.to);
    let status = u64::from(reply.status);
    let fits = check.status.map_or((200..400).contains(&status), |wanted| wanted == status);
    if !fits {
        let expected = check.status.map_or(json!("a status from 200 to 399"), |status| json!(status));
        let mut finding = Finding::at("status", Some(expected.clone()), Some(json!(status)));
        finding.text = format!("{asked} has status {status}, not {}", expected.to_string().trim_matches('"'));
        return Some(finding);
    }
    let text = check.body.as_ref()?;
    (!reply.body.contains(text.as_str())).then(|| {
        let shown: String = reply.body.chars().take(200).collect();
        let mut finding = Finding::at("body", Some(json!(text)), Some(json!(shown)));
        finding.text = format!("{asked} does not contain {text:?}");
        finding
    })
}

/// The verdict over a view. An error is what the cluster could not be asked.
pub async fn look(check: &Connect, view: &View) -> Result<Verdict, AskError> {
    let told = match ask(check, view).await? {
        Ok(told) => told,
        Err(finding) => return Ok(Verdict::fail(finding)),
    };
    let to = &check.to;
    let findings = told.iter().filter_map(|Told { pod, answer }| match answer {
        Answer::Reached(replies) => replies.iter().find_map(|reply| wrong(check, reply)),
        Answer::Partly(why) => Some(Finding::told(format!("{pod} does not always reach {to}: {why}"))),
        Answer::Not(why) => Some(Finding::told(format!("{pod} does not reach {to}: {why}"))),
    });
    Ok(Verdict::of(findings.collect()))
}
