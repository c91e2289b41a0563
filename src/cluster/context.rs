//! A cluster that is there already: a context of the user's kubeconfig. It is copied out into a kubeconfig of our own and never written.
//! What is laid there is labelled and taken away by the lab.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};

use super::traffic::ByExec;
use super::{Capabilities, Capability, Checkpoints, Cluster, ClusterError, Traffic, Wish};
use crate::base::clock::Clock;
use crate::base::files;

/// Words in names and hosts that mean other people's work.
const PRODUCTION: [&str; 5] = ["prod", "production", "prd", "live", "critical"];

/// What a context leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub context: String,
    /// The address of its API server.
    pub server: String,
    /// The name of its cluster in the kubeconfig.
    pub cluster: String,
}

impl Target {
    /// The word that makes it look like production, if one does.
    pub fn production_word(&self) -> Option<&'static str> {
        let words: Vec<String> = [&self.context, &self.server, &self.cluster]
            .iter()
            .flat_map(|text| text.split(|letter: char| !letter.is_ascii_alphabetic()))
            .map(str::to_ascii_lowercase)
            .collect();
        PRODUCTION.into_iter().find(|bad| words.iter().any(|word| word == bad))
    }
}

fn unusable(why: impl ToString) -> ClusterError {
    ClusterError::Refused(why.to_string())
}

/// The user's kubeconfig, with nothing in it but one context and what it names. Files it points at are taken in.
fn minified(context: &str) -> Result<(Kubeconfig, Target), ClusterError> {
    let mut all = Kubeconfig::read().map_err(|error| unusable(format!("the kubeconfig cannot be read: {error}")))?;
    let known: Vec<&str> = all.contexts.iter().map(|named| named.name.as_str()).collect();
    if !known.contains(&context) {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(unusable(format!("the kubeconfig has no context {context}; it has {known}")));
    }
    all.contexts.retain(|named| named.name == context);
    let chosen = all.contexts.first().and_then(|named| named.context.clone()).unwrap_or_default();
    all.clusters.retain(|named| named.name == chosen.cluster);
    all.auth_infos.retain(|named| Some(&named.name) == chosen.user.as_ref());
    all.current_context = Some(context.to_owned());
    let server = all.clusters.first().and_then(|named| named.cluster.as_ref()?.server.clone());
    let server = server.ok_or_else(|| unusable(format!("the context {context} names no cluster with a server")))?;
    take_files_in(&mut all)?;
    Ok((all, Target { context: context.to_owned(), server, cluster: chosen.cluster }))
}

fn take_files_in(all: &mut Kubeconfig) -> Result<(), ClusterError> {
    use base64::Engine;
    let read = |path: &str| std::fs::read(path).map_err(|source| ClusterError::File { path: path.into(), source });
    let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    for cluster in all.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        if let Some(path) = cluster.certificate_authority.take() {
            cluster.certificate_authority_data = Some(text(&read(&path)?));
        }
    }
    for user in all.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        if let Some(path) = user.client_certificate.take() {
            user.client_certificate_data = Some(text(&read(&path)?));
        }
        if let Some(path) = user.client_key.take() {
            user.client_key_data = Some(text(&read(&path)?).into());
        }
    }
    Ok(())
}

/// What a context leads to, without going there.
pub fn look(context: &str) -> Result<Target, ClusterError> {
    minified(context).map(|(_, target)| target)
}

/// A cluster that is there already.
pub struct Foreign {
    name: String,
    client: kube::Client,
    kubeconfig: PathBuf,
    capabilities: Capabilities,
    clock: Clock,
}

impl Foreign {
    /// Goes to a context's cluster.
    pub async fn open(context: &str, wish: &Wish) -> Result<Self, ClusterError> {
        let (kubeconfig, target) = minified(context)?;
        let path = wish.dir.join("kubeconfig");
        let file = |source| ClusterError::File { path: path.clone(), source };
        files::private_dir(&wish.dir).map_err(file)?;
        // The exec plugins and credentials in it go where the originals went: to this user only.
        let text = serde_yaml::to_string(&kubeconfig).map_err(unusable)?;
        files::write_atomic(&path, text.as_bytes(), 0o600).map_err(file)?;
        Self::reach(format!("context {context}"), kubeconfig, &target.server, path, wish.clock).await
    }

    /// The cluster a kubeconfig leads to, and what it can do.
    pub async fn reach(
        name: String,
        kubeconfig: Kubeconfig,
        server: &str,
        path: PathBuf,
        clock: Clock,
    ) -> Result<Self, ClusterError> {
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .map_err(|error| unusable(format!("the kubeconfig cannot be used: {error}")))?;
        let client = kube::Client::try_from(config).map_err(unusable)?;
        let asked = tokio::time::timeout(std::time::Duration::from_secs(15), probe(&client)).await;
        let unreachable = |why: String| ClusterError::Unreachable(format!("{server}: {why}"));
        let capabilities = match asked {
            Ok(found) => found.map_err(|error| unreachable(error.to_string()))?,
            Err(_) => return Err(unreachable("nothing came within 15 s".to_owned())),
        };
        Ok(Self { name, client, kubeconfig: path, capabilities, clock })
    }
}

/// Finds out what a cluster can do by looking: its nodes, whether they take Pods, whether Pods run there.
async fn probe(client: &kube::Client) -> Result<Capabilities, kube::Error> {
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await?.items;
    let pods = Api::<Pod>::all(client.clone()).list(&ListParams::default().limit(500)).await?.items;
    let takes_pods = |node: &&Node| {
        let spec = node.spec.as_ref();
        let closed = spec.is_some_and(|spec| spec.unschedulable.unwrap_or(false));
        let tainted = spec
            .and_then(|spec| spec.taints.as_ref())
            .is_some_and(|taints| taints.iter().any(|t| t.effect != "PreferNoSchedule"));
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
        let ready = conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"));
        ready && !closed && !tainted
    };
    let schedulable = nodes.iter().filter(takes_pods).count();
    let running = pods.iter().any(|pod| pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running"));
    let mut found = Vec::new();
    if !nodes.is_empty() {
        found.push(Capability::Nodes);
    }
    let called = |name: &str| nodes.iter().any(|node| node.metadata.name.as_deref() == Some(name));
    if called("node01") && (nodes.len() < 3 || called("node02")) {
        found.push(Capability::NodeNames);
    }
    if schedulable > 0 && running {
        found.push(Capability::Pods);
    }
    if schedulable > 1 {
        found.push(Capability::SeveralNodes);
    }
    if has_metrics(client).await {
        found.push(Capability::Metrics);
    }
    let dns = Api::<Service>::namespaced(client.clone(), "kube-system").get_opt("kube-dns").await;
    if found.contains(&Capability::Pods) && matches!(dns, Ok(Some(_))) {
        found.push(Capability::Network);
        let agents = Api::<DaemonSet>::all(client.clone()).list(&ListParams::default()).await;
        if agents.into_iter().flatten().any(|agent| enforces(agent.metadata.name.as_deref().unwrap_or_default())) {
            found.push(Capability::NetworkPolicy);
        }
    }
    Ok(found.into_iter().collect())
}

/// Whether a metrics server answers. That nobody may ask is as good as that it does not.
async fn has_metrics(client: &kube::Client) -> bool {
    let services = Api::<APIService>::all(client.clone());
    let found = services.get_opt("v1beta1.metrics.k8s.io").await.ok().flatten();
    let conditions = found.and_then(|service| service.status).and_then(|status| status.conditions).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Available" && condition.status == "True")
}

/// Whether the DaemonSet of this name is the agent of a network that is known to enforce NetworkPolicies. Others may; nobody can ask them.
fn enforces(agent: &str) -> bool {
    ["calico-node", "canal", "cilium", "antrea-agent", "kube-router", "weave-net", "ovnkube-node"].contains(&agent)
}

impl Cluster for Foreign {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn client(&self) -> kube::Client {
        self.client.clone()
    }

    fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn checkpoints(&self) -> Option<&dyn Checkpoints> {
        None
    }

    fn traffic(&self) -> Arc<dyn Traffic> {
        Arc::new(ByExec(self.client.clone()))
    }

    fn stays(&self) -> bool {
        true
    }

    fn close(&self) -> BoxFuture<'_, Result<(), ClusterError>> {
        async { Ok(()) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_told_by_whole_words() {
        let target = |context: &str, server: &str| Target {
            context: context.to_owned(),
            server: server.to_owned(),
            cluster: "c".to_owned(),
        };
        assert_eq!(target("eu-prod-1", "https://10.0.0.1").production_word(), Some("prod"));
        assert_eq!(target("shop", "https://api.live.example.org:6443").production_word(), Some("live"));
        assert_eq!(target("product-team", "https://delivery.example.org").production_word(), None);
    }
}
