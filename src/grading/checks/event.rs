//! `event`: something was said about an object.
//! Events are read, never written, by grading.

use serde_json::Value;

use crate::cluster::{AskError, Selection};
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::View;
use crate::object::meta;
use crate::scenario::check::Event;

impl Event {
    fn fits(&self, event: &Value) -> bool {
        let is = |pointer: &str, wanted: Option<&str>| wanted.is_none_or(|wanted| meta::text(event, pointer) == wanted);
        is("/involvedObject/kind", Some(&self.kind))
            && is("/involvedObject/name", Some(&self.name))
            && is("/reason", self.reason.as_deref())
            && is("/type", self.kind_of_event.map(|kind| kind.word()))
            && self.message.as_ref().is_none_or(|part| meta::text(event, "/message").contains(part.as_str()))
    }
}

/// The verdict over a view. An error is what the cluster could not be asked.
pub async fn look(check: &Event, view: &View) -> Result<Verdict, AskError> {
    let namespace = check.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let events = Selection {
        api_version: "v1".to_owned(),
        kind: "Event".to_owned(),
        namespace: Some(namespace),
        ..Selection::default()
    };
    let all = view.list(&events).await?;
    if all.iter().any(|event| check.fits(event)) {
        return Ok(Verdict::Pass);
    }
    let reason = check.reason.as_ref().map_or(String::new(), |reason| format!(" with reason {reason}"));
    Ok(Verdict::fail(Finding::told(format!("no event{reason} about {} {}", check.kind, check.name))))
}
