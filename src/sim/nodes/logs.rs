//! A container's log: what its process has written by now, computed again from when it started.
//! Which log may be read is the API server's. Source: `pkg/kubelet/kubelet.go`, GetKubeletContainerLogs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde_json::Value;

use super::kubelet::Kubelets;
use super::process::stream::{Line, Log, Stream};
use super::server::Kubelet;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::server::{ByteStream, LogOptions};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::Context;

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// One run of a container: what it has written, and when it ran.
struct Run {
    uid: String,
    log: Arc<Log>,
    started: Timestamp,
    finished: Option<Timestamp>,
}

pub(super) fn status<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    ["/status/containerStatuses", "/status/initContainerStatuses", "/status/ephemeralContainerStatuses"]
        .into_iter()
        .flat_map(|list| meta::list(pod, list))
        .find(|status| meta::text(status, "/name") == name)
}

/// The run asked for, or why there is none, in the kubelet's words.
fn run(kubelet: &Kubelet, pod: &Object, options: &LogOptions) -> Result<Run> {
    let name = &options.container;
    let waiting = |reason: &str| {
        let shown = meta::name(pod);
        match reason {
            "" | "ContainerCreating" | "PodInitializing" => Status::bad_request(format!(
                "container {name:?} in pod {shown:?} is waiting to start: {}",
                if reason.is_empty() { "ContainerCreating" } else { reason }
            )),
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                let why = if reason == "ImagePullBackOff" || reason == "ErrImagePull" {
                    "trying and failing to pull image"
                } else {
                    reason
                };
                Status::bad_request(format!("container {name:?} in pod {shown:?} is waiting to start: {why}"))
            }
            other => Status::bad_request(format!("container {name:?} in pod {shown:?} is waiting to start: {other}")),
        }
    };
    let state = status(pod, name).ok_or_else(|| waiting(""))?;
    let part = if options.previous { state.pointer("/lastState/terminated") } else { None };
    let part = part.or_else(|| {
        if options.previous {
            None
        } else {
            ["/state/running", "/state/terminated", "/lastState/terminated"]
                .iter()
                .find_map(|pointer| state.pointer(pointer))
        }
    });
    let Some(part) = part else {
        return Err(if options.previous {
            Status::bad_request(format!(
                "previous terminated container {name:?} in pod {:?} not found",
                meta::name(pod)
            ))
        } else {
            waiting(meta::text(state, "/state/waiting/reason"))
        });
    };
    let time = |key: &str| meta::text(part, key).parse::<Timestamp>().ok();
    let id = match meta::text(part, "/containerID") {
        "" => meta::text(state, "/containerID"),
        id => id,
    };
    let started = time("/startedAt").ok_or_else(|| waiting(""))?;
    let found = kubelet.run(pod, id);
    // What could not be started has written nothing.
    let log = found.map(|run| run.log.clone()).unwrap_or_default();
    Ok(Run { uid: meta::uid(pod).to_owned(), log, started, finished: time("/finishedAt") })
}

/// A piece of a log, and to which stream it was written.
pub type Piece = (Stream, String);

/// Lines as they are shown, those of one stream together as long as no other comes between.
fn shown(lines: &[Line], options: &LogOptions) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for line in lines {
        if pieces.last().is_none_or(|(stream, _)| *stream != line.stream) {
            pieces.push((line.stream, String::new()));
        }
        let Some((_, out)) = pieces.last_mut() else { continue };
        if options.timestamps {
            out.push_str(&line.time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string());
        }
        out.extend(line.written());
    }
    pieces
}

/// Cuts what is shown after so many bytes, whatever stream they went to.
fn limit(pieces: &mut Vec<Piece>, mut left: usize) {
    pieces.retain_mut(|(_, text)| {
        let end = (0..=left.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        left -= end;
        end > 0
    });
}

/// A container's log, its streams apart. Errors in the kubelet's words.
pub(super) fn pieces(kubelet: &Kubelet, pod: &Object, options: &LogOptions) -> Result<BoxStream<'static, Piece>> {
    let found = run(kubelet, pod, options)?;
    let (mut lines, told) = found.log.lines(0);
    if let Some(since) = options.since {
        lines.retain(|line| line.time >= since);
    }
    if let Some(tail) = options.tail_lines {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let mut first = shown(&lines, options);
    if let Some(most) = options.limit_bytes {
        limit(&mut first, most);
    }
    let first = futures::stream::iter(first);
    if !options.follow || found.finished.is_some() {
        return Ok(first.boxed());
    }
    let follow = Follow {
        context: kubelet.context.clone(),
        kubelets: kubelet.kubelets.clone(),
        pod: pod.clone(),
        options: options.clone(),
        run: found,
        told,
    };
    Ok(first.chain(futures::stream::unfold(follow, Follow::next).flat_map(futures::stream::iter)).boxed())
}

/// A container's log, as whoever asks the API server gets it: in one stream. Errors in the kubelet's words.
pub(super) fn logs(kubelet: &Kubelet, pod: &Object, options: &LogOptions) -> Result<ByteStream> {
    if meta::text(pod, "/spec/nodeName").is_empty() {
        // Nobody is there to be asked, and so there is nothing (`pkg/registry/core/pod/strategy.go`, LogLocation).
        return Ok(Box::pin(futures::stream::empty()));
    }
    Ok(Box::pin(pieces(kubelet, pod, options)?.map(|(_, text)| Ok(Bytes::from(text)))))
}

struct Follow {
    context: Context,
    kubelets: Arc<Kubelets>,
    pod: Object,
    options: LogOptions,
    run: Run,
    told: usize,
}

impl Follow {
    async fn next(mut self) -> Option<(Vec<Piece>, Self)> {
        let clock = self.context.client.clock();
        loop {
            clock.sleep(LOOK).await;
            let told = self.context.client.find(&POD, meta::namespace(&self.pod), meta::name(&self.pod));
            let pod = told.map(|told| self.kubelets.runtime.on_node(&told));
            let same = pod.filter(|pod| meta::uid(pod) == self.run.uid);
            let running = same.as_ref().and_then(|pod| status(pod, &self.options.container)).is_some_and(|status| {
                meta::text(status, "/state/running/startedAt").parse::<Timestamp>().ok() == Some(self.run.started)
            });
            if running {
                let now = clock.now();
                self.kubelets.runtime.with(&self.run.uid, (now, now), |_| ());
            }
            let (new, told) = self.run.log.lines(self.told);
            if !new.is_empty() {
                let pieces = shown(&new, &self.options);
                self.told = told;
                return Some((pieces, self));
            }
            if !running {
                return None;
            }
        }
    }
}
