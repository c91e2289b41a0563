//! `event`: something was said about an object.
//! Events are read, never written, by grading.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::Look;
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

impl Look for Event {
    fn look<'a>(&'a self, view: &'a View) -> BoxFuture<'a, Result<Verdict, AskError>> {
        async move {
            let namespace = self.namespace.clone().unwrap_or_else(|| "default".to_owned());
            let events = Selection {
                api_version: "v1".to_owned(),
                kind: "Event".to_owned(),
                namespace: Some(namespace),
                ..Selection::default()
            };
            let all = view.list(&events).await?;
            if all.iter().any(|event| self.fits(event)) {
                return Ok(Verdict::Pass);
            }
            let reason = self.reason.as_ref().map_or(String::new(), |reason| format!(" with reason {reason}"));
            Ok(Verdict::fail(Finding::told(format!("no event{reason} about {} {}", self.kind, self.name))))
        }
        .boxed()
    }
}
