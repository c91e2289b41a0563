//! A container's log: what its process has written by now, computed again from when it started.
//! Which log may be read is the API server's. Source: `pkg/kubelet/kubelet.go`, GetKubeletContainerLogs.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::container;
use super::kubelet::{Memory, Sync};
use super::process::Process;
use crate::object::meta;
use crate::sim::apiserver::recorder::Recorder;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::server::{ByteStream, Connector, LogOptions};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::Context;

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The API server's way to the kubelets.
pub struct Kubelet {
    context: Context,
}

impl Kubelet {
    /// Over the cluster `context` reaches.
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

/// One run of a container: its process, and when it ran.
struct Run {
    process: Process,
    started: Timestamp,
    finished: Option<Timestamp>,
}

impl Run {
    /// The lines written up to `now`, each with its time.
    fn lines(&self, now: Timestamp) -> Vec<(Timestamp, String)> {
        let until = self.finished.unwrap_or(now).min(now);
        let elapsed = Duration::try_from(until.duration_since(self.started)).unwrap_or_default();
        let lines = self.process.log(elapsed).into_iter();
        lines.map(|(after, line)| (self.started + SignedDuration::try_from(after).unwrap_or_default(), line)).collect()
    }
}

fn status<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    ["/status/containerStatuses", "/status/initContainerStatuses", "/status/ephemeralContainerStatuses"]
        .into_iter()
        .flat_map(|list| meta::list(pod, list))
        .find(|status| meta::text(status, "/name") == name)
}

fn spec<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    ["/spec/containers", "/spec/initContainers", "/spec/ephemeralContainers"]
        .into_iter()
        .flat_map(|list| meta::list(pod, list))
        .find(|container| meta::text(container, "/name") == name)
}

/// The run asked for, or why there is none, in the kubelet's words.
fn run(context: &Context, pod: &Object, options: &LogOptions) -> Result<Run> {
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
    if meta::text(pod, "/spec/nodeName").is_empty() {
        return Err(waiting(""));
    }
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
    let container = spec(pod, name).ok_or_else(|| waiting(""))?;
    let mut memory = Memory::default();
    let recorder: &Recorder = &context.events;
    let now = context.client.clock().now();
    let sync = Sync::new((context, recorder), pod, &mut memory, now);
    let process = container::process(&sync, container).ok_or_else(|| waiting("ImagePullBackOff"))?;
    let started = time("/startedAt").ok_or_else(|| waiting(""))?;
    Ok(Run { process, started, finished: time("/finishedAt") })
}

fn text(lines: &[(Timestamp, String)], options: &LogOptions) -> String {
    let mut out = String::new();
    for (time, line) in lines {
        if options.timestamps {
            out.push_str(&time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string());
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

impl Connector for Kubelet {
    fn logs(&self, pod: &Object, options: &LogOptions) -> Result<ByteStream> {
        let found = run(&self.context, pod, options)?;
        let now = self.context.client.clock().now();
        let mut lines = found.lines(now);
        let told = lines.len();
        if let Some(seconds) = options.since_seconds {
            let since = now - SignedDuration::from_secs(seconds);
            lines.retain(|(time, _)| *time >= since);
        }
        if let Some(tail) = options.tail_lines {
            lines.drain(..lines.len().saturating_sub(tail));
        }
        let mut first = text(&lines, options);
        if let Some(limit) = options.limit_bytes {
            let end = (0..=limit.min(first.len())).rev().find(|at| first.is_char_boundary(*at)).unwrap_or_default();
            first.truncate(end);
        }
        let first = futures::stream::once(async move { Ok(Bytes::from(first)) });
        if !options.follow || found.finished.is_some() {
            return Ok(Box::pin(first));
        }
        let follow =
            Follow { context: self.context.clone(), pod: pod.clone(), options: options.clone(), run: found, told };
        Ok(Box::pin(first.chain(futures::stream::unfold(follow, Follow::next))))
    }
}

struct Follow {
    context: Context,
    pod: Object,
    options: LogOptions,
    run: Run,
    told: usize,
}

impl Follow {
    async fn next(mut self) -> Option<(std::result::Result<Bytes, std::convert::Infallible>, Self)> {
        let clock = self.context.client.clock();
        loop {
            clock.sleep(LOOK).await;
            let pod = self.context.client.find(&POD, meta::namespace(&self.pod), meta::name(&self.pod));
            let same = pod.filter(|pod| meta::uid(pod) == meta::uid(&self.pod));
            let running = same.as_ref().and_then(|pod| status(pod, &self.options.container)).is_some_and(|status| {
                meta::text(status, "/state/running/startedAt").parse::<Timestamp>().ok() == Some(self.run.started)
            });
            let lines = self.run.lines(clock.now());
            let new = lines.get(self.told..).unwrap_or_default();
            if !new.is_empty() {
                let bytes = Bytes::from(text(new, &self.options));
                self.told = lines.len();
                return Some((Ok(bytes), self));
            }
            if !running {
                return None;
            }
        }
    }
}
