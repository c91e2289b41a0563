//! `can` and `cannot`: whether somebody may do something, asked of the cluster's own authorizer.
//! Asking stores nothing. A ServiceAccount's own groups are added, as its token would have them.

use serde_json::{Value, json};

use crate::cluster::AskError;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::scenario::check::{Access, Can, Cannot};

/// The groups that the user has beside those the author gives.
fn groups(access: &Access) -> Vec<String> {
    let mut groups = access.groups.clone();
    if let Some((namespace, _)) =
        access.user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
    {
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    let known = if access.user == "system:anonymous" { "system:unauthenticated" } else { "system:authenticated" };
    groups.push(known.to_owned());
    groups
}

fn review(access: &Access) -> Value {
    let mut asked =
        json!({ "verb": access.verb, "group": access.resource.group, "resource": access.resource.resource });
    for (key, value) in [
        ("subresource", Some(&access.resource.subresource)),
        ("namespace", access.namespace.as_ref()),
        ("name", access.name.as_ref()),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            asked[key] = json!(value);
        }
    }
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": { "user": access.user, "groups": groups(access), "resourceAttributes": asked },
    })
}

fn sentence(access: &Access, word: &str) -> String {
    let place = match (&access.namespace, &access.name) {
        (Some(namespace), Some(name)) => format!(" {name} in namespace {namespace}"),
        (Some(namespace), None) => format!(" in namespace {namespace}"),
        (None, Some(name)) => format!(" {name}"),
        (None, None) => " in the whole cluster".to_owned(),
    };
    format!("{} {word} {} {}{place}", access.user, access.verb, access.resource)
}

async fn decide(view: &View, access: &Access, wanted: bool) -> Result<Verdict, AskError> {
    let status = view.review(&review(access)).await?;
    let allowed = status["allowed"].as_bool().unwrap_or_default();
    if allowed == wanted {
        return Ok(Verdict::Pass);
    }
    let reason = status["reason"]
        .as_str()
        .filter(|reason| allowed && !reason.is_empty())
        .map_or(String::new(), |reason| format!(" ({reason})"));
    let word = if allowed { "may" } else { "may not" };
    Ok(Verdict::fail(Finding::told(format!("{}{reason}", sentence(access, word)))))
}

/// `can`.
pub async fn can(check: &Can, view: &View) -> Result<Verdict, AskError> {
    decide(view, &check.0, true).await
}

/// `cannot`.
pub async fn cannot(check: &Cannot, view: &View) -> Result<Verdict, AskError> {
    decide(view, &check.0, false).await
}
