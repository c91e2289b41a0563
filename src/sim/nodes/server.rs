//! The kubelet's server: what the API server asks of it about a Pod's containers.
//! Logs are `logs.rs`, commands and attaching `session.rs`, ports `dial.rs`. Source: `pkg/kubelet/server/server.go`.

use std::sync::Arc;

use futures::stream::BoxStream;
use serde_json::Value;
use tokio::io::DuplexStream;

use super::container::id;
use super::halted::Halt;
use super::kubelet::{Kubelets, Memory, Sync};
use super::process::container::Container;
use super::runtime::Runtime;
use super::{dial, logs, runs, session};
use crate::object::meta;
use crate::sim::apiserver::server::{ByteStream, Command, Connector, LogOptions, Session};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::network::{ClusterDns, Datagram, Reply, Request, Resolver, Sockets};
use crate::sim::reconciler::Context;

/// Where kubelets listen.
const PORT: u16 = 10250;

/// The API server's way to the kubelets.
pub struct Kubelet {
    pub(super) context: Context,
    pub(super) kubelets: Arc<Kubelets>,
}

impl Kubelet {
    /// Over the cluster `context` reaches, and what runs in `runtime`.
    pub fn new(context: Context, runtime: Arc<Runtime>) -> Self {
        Self { context, kubelets: Arc::new(Kubelets::new(runtime)) }
    }

    /// What runs on the nodes.
    pub fn runtime(&self) -> &Runtime {
        &self.kubelets.runtime
    }

    /// A run of one of the Pod's containers by its id, brought to now.
    pub(super) fn run(&self, pod: &Object, id: &str) -> Option<Arc<Container>> {
        let mut memory = Memory::default();
        let now = self.context.client.clock().now();
        let sync = Sync::new((&self.context, &self.context.events), pod, &mut memory, now);
        runs::with_sandbox(&self.kubelets, &sync, |sandbox| sandbox.run(id))
    }

    /// A container's log, its streams apart, as the node's runtime has it. Errors in the kubelet's words.
    pub fn lines(&self, pod: &Object, options: &LogOptions) -> Result<BoxStream<'static, logs::Piece>> {
        logs::pieces(self, pod, options)
    }

    /// Ends a run of a container, as somebody does who asks the runtime for it; the Pod's kubelet finds it ended.
    pub fn stop(&self, pod: &Object, id: &str) {
        if let Some(run) = self.run(pod, &format!("containerd://{id}")) {
            run.kill();
        }
        let key = (meta::namespace(pod).to_owned(), meta::name(pod).to_owned());
        self.kubelets.runtime.wakes.push(key);
    }

    /// Sends a signal from the node to the process a container was started for.
    pub fn signal(&self, pod: &Object, id: &str, signal: u8) {
        if let Some(run) = self.run(pod, id) {
            self.kubelets.runtime.look(meta::uid(pod), |sandbox| {
                // Nothing spares number 1 of a container from the node.
                if signal == 9 {
                    run.kill()
                } else {
                    run.signal(signal)
                }
                sandbox.settle();
            });
        }
        let key = (meta::namespace(pod).to_owned(), meta::name(pod).to_owned());
        self.kubelets.runtime.wakes.push(key);
    }

    /// Begins a Pod's containers again, where they should run and do not after a restart, and brings them to now.
    fn begin_again(&self, pod: &Object) {
        if !meta::list(pod, "/status/containerStatuses").is_empty() {
            let mut memory = Memory::default();
            let now = self.context.client.clock().now();
            let sync = Sync::new((&self.context, &self.context.events), pod, &mut memory, now);
            runs::with_sandbox(&self.kubelets, &sync, |_| ());
        }
    }

    /// The run of a container that goes on now.
    pub(super) fn running(&self, pod: &Object, container: &str) -> Option<Arc<Container>> {
        let status = logs::status(pod, container)?;
        let run = if status.pointer("/state/running").is_some() {
            self.run(pod, meta::text(status, "/containerID"))
        } else {
            self.hooked(pod, status)
        };
        run.filter(|run| run.end().is_none())
    }

    /// The last run of a container that is not told of before its hook is done: the runtime has it.
    fn hooked(&self, pod: &Object, status: &Value) -> Option<Arc<Container>> {
        let front = self.runtime().front(meta::uid(pod))?;
        let count = meta::number(status, "/restartCount").unwrap_or_default();
        let ids = [count + 1, count].map(|count| id(pod, meta::text(status, "/name"), count));
        ids.iter().find_map(|id| front.run(id))
    }
}

/// What listens in Pods, those included that have to be begun again after a restart.
impl Sockets for Kubelet {
    fn turn(&self) -> usize {
        self.kubelets.runtime.turn()
    }

    fn open(&self, pod: &Object) -> Vec<u16> {
        self.begin_again(pod);
        self.kubelets.runtime.open(pod)
    }

    fn get(&self, pod: &Object, port: u16, request: &Request) -> std::result::Result<Reply, String> {
        self.kubelets.runtime.get(pod, port, request)
    }

    fn is_idle(&self, pod: &Object) -> bool {
        self.begin_again(pod);
        self.kubelets.runtime.is_idle(meta::uid(pod))
    }

    fn corefile(&self, pod: &Object) -> Option<String> {
        self.begin_again(pod);
        self.kubelets.runtime.corefile(pod)
    }

    fn resolver(&self, pod: &Object) -> Option<Arc<Resolver>> {
        self.begin_again(pod);
        self.kubelets.runtime.resolver(pod)
    }

    fn log(&self, pod: &Object, line: &str) {
        self.kubelets.runtime.log(pod, line);
    }

    fn datagram(&self, pod: &Object, port: u16, sent: &Datagram) -> Option<String> {
        self.kubelets.runtime.datagram(pod, port, sent)
    }

    fn cluster_dns(&self, node: &str) -> ClusterDns {
        self.kubelets.runtime.cluster_dns(node)
    }

    fn has_kubelet(&self, node: &str) -> bool {
        self.kubelets.runtime.has_kubelet(node)
    }
}

impl Kubelet {
    /// Why nobody answers at the kubelet of a Pod's node, as who connects there is told.
    fn refuses(&self, pod: &Object) -> Option<String> {
        let node = meta::text(pod, "/spec/nodeName");
        let runtime = &self.kubelets.runtime;
        let machine = runtime.laid(node).filter(|_| runtime.halt(node) == Some(Halt::Stopped))?;
        Some(format!("dial tcp {}:{PORT}: connect: connection refused", machine.address))
    }

    /// Where the API server asks for logs (`pkg/registry/core/pod/strategy.go`, LogLocation).
    fn log_url(pod: &Object, options: &LogOptions) -> String {
        let (address, container) = (meta::text(pod, "/status/hostIP"), &options.container);
        let asked = [
            options.follow.then(|| "follow=true".to_owned()),
            options.limit_bytes.map(|bytes| format!("limitBytes={bytes}")),
            options.previous.then(|| "previous=true".to_owned()),
            options.tail_lines.map(|lines| format!("tailLines={lines}")),
            options.timestamps.then(|| "timestamps=true".to_owned()),
        ];
        let asked = asked.into_iter().flatten().collect::<Vec<_>>().join("&");
        let (mark, pod) =
            (if asked.is_empty() { "" } else { "?" }, format!("{}/{}", meta::namespace(pod), meta::name(pod)));
        format!("https://{address}:{PORT}/containerLogs/{pod}/{container}{mark}{asked}")
    }
}

impl Connector for Kubelet {
    fn logs(&self, pod: &Object, options: &LogOptions) -> Result<ByteStream> {
        if let Some(why) = self.refuses(pod) {
            return Err(Status::unclassified(500, format!("Get {:?}: {why}", Self::log_url(pod, options))));
        }
        logs::logs(self, &self.runtime().on_node(pod), options)
    }

    fn session(&self, pod: &Object, command: Command) -> Result<Session> {
        if let Some(why) = self.refuses(pod) {
            return Err(Status::unclassified(500, format!("error dialing backend: {why}")));
        }
        session::begin(self, &self.runtime().on_node(pod), command)
    }

    fn dial(&self, pod: &Object, port: u16) -> std::result::Result<DuplexStream, String> {
        dial::dial(self, pod, port)
    }
}
