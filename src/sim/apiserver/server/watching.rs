//! A watch over HTTP: one JSON line a change, bookmarks when asked, an end when the time is up.
//! Which changes are told is the endpoints'.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use serde_json::{Value, json};

use super::form::{Form, Include};
use super::handler::{Call, escaped, with_type};
use crate::base::clock::Clock;
use crate::sim::apiserver::endpoints::Request;
use crate::sim::apiserver::endpoints::watch::{Told, Watch};
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::{Change, Object};

/// How often a watch that wants bookmarks gets one.
const BOOKMARK: Duration = Duration::from_secs(60);
/// A watch without a timeout ends after this long, as the real one does between 30 and 60 minutes.
const LONGEST: Duration = Duration::from_secs(45 * 60);

struct Lines {
    resource: &'static Resource,
    form: Form,
    watch: Watch,
    clock: Clock,
    bookmarks: bool,
    server: std::sync::Arc<crate::sim::apiserver::endpoints::ApiServer>,
    ready: VecDeque<Bytes>,
    told_columns: bool,
    ends: jiff::Timestamp,
    next_bookmark: jiff::Timestamp,
    over: bool,
}

/// Answers a watch.
pub fn serve(call: &Call, request: &Request, form: Form) -> Result<Response> {
    let api = &call.server.api;
    let selection = call.query.list_options()?;
    let initial = call.query.initial_events(true)?;
    // Without a revision the watch begins with what there is.
    let (from, present) = match call.query.resource_version()? {
        Some(revision) if revision > 0 && !initial => (revision, Vec::new()),
        _ => {
            let mut whole = selection.clone();
            whole.limit = 0;
            let page = api.list(request, &whole)?;
            (page.revision, page.objects)
        }
    };
    let watch = match api.watch(request, selection, from) {
        Ok(watch) => watch,
        // A watch that is too late is told so in its stream.
        Err(status) if status.code == 410 => return Ok(stream(Body::from(line("ERROR", &status.to_value())))),
        Err(status) => return Err(status),
    };
    let now = api.clock.now();
    let timeout = call.query.timeout()?.unwrap_or(LONGEST);
    let after = |duration: Duration| now + jiff::SignedDuration::try_from(duration).unwrap_or_default();
    let mut lines = Lines {
        resource: request.resource,
        form,
        watch,
        clock: api.clock,
        bookmarks: call.query.is("allowWatchBookmarks"),
        server: api.clone(),
        ready: VecDeque::new(),
        told_columns: false,
        ends: after(timeout),
        next_bookmark: next_bookmark(now, after(timeout)),
        over: false,
    };
    for object in present {
        let shown = lines.show(&object);
        lines.ready.push_back(line("ADDED", &shown).into());
    }
    if initial && lines.bookmarks {
        lines.mark(
            json!({ "resourceVersion": from.to_string(), "annotations": { "k8s.io/initial-events-end": "true" } }),
        );
    }
    Ok(stream(Body::from_stream(lines.into_stream())))
}

fn stream(body: Body) -> Response {
    with_type(200, "application/json", body)
}

fn line(kind: &str, object: &Value) -> Vec<u8> {
    let mut text = escaped(serde_json::to_vec(&json!({ "type": kind, "object": object })).unwrap_or_default());
    text.push(b'\n');
    text
}

/// Every minute, and once more shortly before the end (`cacher/cache_watcher.go`, nextBookmarkTime).
fn next_bookmark(now: jiff::Timestamp, ends: jiff::Timestamp) -> jiff::Timestamp {
    let regular = now + jiff::SignedDuration::try_from(BOOKMARK).unwrap_or_default();
    let last = ends - jiff::SignedDuration::from_secs(2);
    if last > now && last < regular { last } else { regular }
}

impl Lines {
    fn show(&mut self, object: &Object) -> Value {
        let mut shown = self.form.object(self.resource, object, self.clock.now());
        if let Form::Table(Include::Nothing | Include::Metadata | Include::Object) = self.form {
            if self.told_columns {
                shown["columnDefinitions"] = Value::Null;
            }
            self.told_columns = true;
        }
        shown
    }

    fn into_stream(self) -> impl Stream<Item = std::result::Result<Bytes, std::convert::Infallible>> {
        futures::stream::unfold(self, |mut lines| async move {
            let bytes = lines.next().await?;
            Some((Ok(bytes), lines))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            if self.over {
                return None;
            }
            let wake = if self.bookmarks { self.next_bookmark.min(self.ends) } else { self.ends };
            let clock = self.clock;
            tokio::select! {
                told = self.watch.next() => self.tell(told),
                () = clock.sleep_until(wake) => self.pause(),
            }
        }
    }

    /// Tells a bookmark, an object with metadata only, in the form in which all objects are told.
    fn mark(&mut self, metadata: Value) {
        let (kind, version) = (self.resource.kind, self.resource.api_version());
        let bookmark = Object::new(json!({ "kind": kind, "apiVersion": version, "metadata": metadata }));
        let shown = self.show(&bookmark);
        self.ready.push_back(line("BOOKMARK", &shown).into());
    }

    fn tell(&mut self, told: Result<Told>) {
        match told {
            Ok(told) => {
                let kind = match told.change {
                    Change::Added => "ADDED",
                    Change::Modified => "MODIFIED",
                    Change::Deleted => "DELETED",
                };
                let shown = self.show(&told.object);
                self.ready.push_back(line(kind, &shown).into());
            }
            Err(status) => {
                self.ready.push_back(line("ERROR", &status.to_value()).into());
                self.over = true;
            }
        }
    }

    fn pause(&mut self) {
        let now = self.clock.now();
        self.over = now >= self.ends;
        if !self.bookmarks || self.over {
            return;
        }
        self.next_bookmark = next_bookmark(now, self.ends);
        self.mark(json!({ "resourceVersion": self.server.storage.revision().to_string() }));
    }
}
