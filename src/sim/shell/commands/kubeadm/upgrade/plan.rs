//! `kubeadm upgrade plan`: the versions there are, and what an upgrade to them would change.
//! Source: `cmd/kubeadm/app/cmd/upgrade/plan.go`, `phases/upgrade/compute.go`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::release::Release;
use super::{Done, KNOWN, Typed, cluster, connect, health, manifests};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::deployment::DEPLOYMENT;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::server::discovery::running;
use crate::sim::machine::packages::offers;
use crate::sim::nodes::startup::klog;
use crate::sim::shell::commands::kubeadm::table::{lines, row};

const LINE: &str = "_____________________________________________________________________\n";

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    let flags = typed.flags(KNOWN)?;
    let client = connect(typed, flags.get("kubeconfig").unwrap_or(cluster::ADMIN)).await?;
    // Who wants the plan as an object gets nothing else.
    let as_text = flags.get("output").is_none_or(|form| form == "text");
    let say = |typed: &Typed, line: String| {
        if as_text {
            typed.say(line)
        }
    };
    say(typed, "[preflight] Running pre-flight checks.".to_owned());
    let config =
        if as_text { cluster::configuration(typed, &client, "upgrade/config") } else { cluster::stored(&client) };
    config.map_err(|why| format!("[upgrade/init config] FATAL: {why}"))?;
    say(typed, "[upgrade] Running cluster health checks".to_owned());
    health::check(typed, &client, &flags).await.map_err(|why| format!("[upgrade/health] FATAL: {why}"))?;
    say(typed, "[upgrade] Fetching available versions to upgrade to".to_owned());
    let read = |text: &str| {
        Release::read(text).ok_or_else(|| format!("[upgrade/versions] FATAL: Couldn't parse version {text:?}"))
    };
    let (cluster, kubeadm) = (read(&running(client.server()))?, read(&typed.version()?)?);
    say(typed, format!("[upgrade/versions] Cluster version: {}", cluster.to_string().trim_start_matches('v')));
    say(typed, format!("[upgrade/versions] kubeadm version: {kubeadm}"));
    let asked = flags.rest.first().map(|text| read(text)).transpose()?;
    let stable = match asked {
        Some(asked) => asked,
        None => stable(typed, read(&offers::newest())?, kubeadm),
    };
    say(typed, format!("[upgrade/versions] Target version: {stable}"));
    let series = format!("version in the v1.{} series", cluster.minor);
    let patch = asked.or_else(|| Release::read(&offers::release(&format!("1.{}", cluster.minor))?)).unwrap_or(cluster);
    say(typed, format!("[upgrade/versions] Latest {series}: {patch}\n"));
    let mut offered = Vec::new();
    if cluster < patch {
        offered.push(offer(&client, (series, patch), (kubeadm, kubeadm.max(patch))));
    }
    if patch < stable {
        offered.push(offer(&client, ("stable version".to_owned(), stable), (kubeadm, stable)));
    }
    if offered.is_empty() {
        return Ok(());
    }
    let plan = json!({
        "kind": "UpgradePlan",
        "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
        "availableUpgrades": offered.iter().map(Upgrade::tree).collect::<Vec<_>>(),
        "configVersions": CONFIGURATIONS.map(|(group, version)| json!({
            "group": group, "currentVersion": version, "preferredVersion": version, "manualUpgradeRequired": false,
        })),
    });
    typed.output(&flags, &plan, || offered.iter().map(Upgrade::text).collect::<String>() + &states())
}

/// The release to go to where nobody names one. A kubeadm knows nothing of a newer minor version: what it offers is of its own.
fn stable(typed: &Typed, newest: Release, kubeadm: Release) -> Release {
    match offers::release(&format!("1.{}", kubeadm.minor)).and_then(|text| Release::read(&text)) {
        Some(own) if newest.minor > kubeadm.minor => {
            let told = format!("remote version is much newer: {newest}; falling back to: stable-1.{}", kubeadm.minor);
            typed.call.complain(klog('I', (typed.now(), std::process::id()), "version.go:260", &told));
            own
        }
        _ => newest,
    }
}

/// The groups of the components' configurations, and their version.
const CONFIGURATIONS: [(&str, &str); 2] =
    [("kubeproxy.config.k8s.io", "v1alpha1"), ("kubelet.config.k8s.io", "v1beta1")];

/// Versions of something, and the nodes that have them.
fn versions(found: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    found.for_each(|(version, node)| all.entry(version).or_default().push(node));
    all
}

fn tag(image: &str) -> String {
    image.rsplit_once(':').map_or("", |(_, tag)| tag).to_owned()
}

/// A part of the cluster, from what it goes to what; of a node, where there is one of each.
struct Step {
    name: String,
    node: String,
    from: String,
    to: String,
}

/// What can be upgraded to.
struct Upgrade {
    description: String,
    to: Release,
    steps: Vec<Step>,
}

fn offer(client: &Client, (description, to): (String, Release), (kubeadm, with): (Release, Release)) -> Upgrade {
    let target = to.to_string();
    let mut steps = Vec::new();
    let mut step = |name: &str, (node, from): (&str, &str), to: &str| {
        steps.push(Step { name: name.to_owned(), node: node.to_owned(), from: from.to_owned(), to: to.to_owned() });
    };
    let nodes = client.list(&NODE, "");
    let version = |node: &Value| meta::text(node, "/status/nodeInfo/kubeletVersion").to_owned();
    let kubelets = versions(nodes.iter().map(|node| (version(node), meta::name(node).to_owned())));
    if kubelets.len() > 1 || !kubelets.contains_key(&target) {
        let all = kubelets.iter().flat_map(|(version, nodes)| nodes.iter().map(move |node| (version, node)));
        all.for_each(|(version, node)| step("kubelet", (node, version), &target));
    }
    let pods = client.list(&POD, "kube-system");
    let mut component = |name: &str, to: &str| {
        for pod in pods.iter().filter(|pod| meta::label(pod, "component") == Some(name)) {
            let from = tag(meta::text(pod, "/spec/containers/0/image"));
            step(name, (meta::text(pod, "/spec/nodeName"), &from), to);
        }
    };
    manifests::COMPONENTS[1..].iter().for_each(|name| component(name, &target));
    let cluster = running(client.server());
    step("kube-proxy", ("", cluster.trim_start_matches('v')), &target);
    // CoreDNS is the one this kubeadm installs.
    if let Some(dns) = client.find(&DEPLOYMENT, "kube-system", "coredns") {
        let from = tag(meta::text(&dns, "/spec/template/spec/containers/0/image"));
        step("CoreDNS", ("", &from), &offers::parts(&kubeadm.to_string()).coredns);
    }
    step("kubeadm", ("", &kubeadm.to_string()), &with.to_string());
    let etcd = offers::parts(&target).etcd;
    for pod in pods.iter().filter(|pod| meta::label(pod, "component") == Some("etcd")) {
        let from = tag(meta::text(pod, "/spec/containers/0/image"));
        step("etcd", (meta::text(pod, "/spec/nodeName"), &from), &etcd);
    }
    Upgrade { description, to, steps }
}

impl Upgrade {
    /// As kubeadm's `AvailableUpgrade` has it.
    fn tree(&self) -> Value {
        let step = |step: &Step| {
            let mut tree = json!({ "name": step.name, "currentVersion": step.from, "newVersion": step.to });
            if !step.node.is_empty() {
                tree["nodeName"] = json!(step.node);
            }
            tree
        };
        json!({ "description": self.description, "components": self.steps.iter().map(step).collect::<Vec<_>>() })
    }

    fn text(&self) -> String {
        let table = |wanted: &dyn Fn(&Step) -> bool| {
            let mut rows = vec![row(["COMPONENT", "NODE", "CURRENT", "TARGET"])];
            let steps = self.steps.iter().filter(|step| wanted(step));
            rows.extend(steps.map(|step| row([&step.name, &step.node, &step.from, &step.to])));
            lines(&rows).join("\n")
        };
        let by_hand = table(&|step| step.name == "kubelet");
        let by_kubeadm = table(&|step| step.name != "kubelet" && step.name != "kubeadm");
        let Self { description, to, .. } = self;
        let newer = self.steps.iter().find(|step| step.name == "kubeadm" && step.from != step.to);
        let note = newer.map_or_else(String::new, |step| {
            format!("Note: Before you can perform this upgrade, you have to update kubeadm to {}.\n\n", step.to)
        });
        format!(
            "Components that must be upgraded manually after you have upgraded the control plane with 'kubeadm upgrade apply':\n{by_hand}\n\nUpgrade to the latest {description}:\n\n{by_kubeadm}\n\nYou can now apply the upgrade by executing the following command:\n\n\tkubeadm upgrade apply {to}\n\n{note}{LINE}\n"
        )
    }
}

/// The versions of the components' configurations.
fn states() -> String {
    let mut rows = vec![row(["API GROUP", "CURRENT VERSION", "PREFERRED VERSION", "MANUAL UPGRADE REQUIRED"])];
    rows.extend(CONFIGURATIONS.map(|(group, version)| row([group, version, version, "no"])));
    format!(
        "\nThe table below shows the current state of component configs as understood by this version of kubeadm.\nConfigs that have a \"yes\" mark in the \"MANUAL UPGRADE REQUIRED\" column require manual config upgrade or\nresetting to kubeadm defaults before a successful upgrade can be performed. The version to manually\nupgrade to is denoted in the \"PREFERRED VERSION\" column.\n\n{}\n{LINE}\n",
        lines(&rows).join("\n")
    )
}
