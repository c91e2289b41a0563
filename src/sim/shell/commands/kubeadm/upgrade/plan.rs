//! `kubeadm upgrade plan`: the versions there are, and what an upgrade to them would change.
//! Source: `cmd/kubeadm/app/cmd/upgrade/plan.go`, `phases/upgrade/compute.go`.

use std::collections::BTreeMap;

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
    typed.say("[preflight] Running pre-flight checks.");
    let config = cluster::configuration(typed, &client, "upgrade/config");
    config.map_err(|why| format!("[upgrade/init config] FATAL: {why}"))?;
    health::check(typed, &client, &flags).await.map_err(|why| format!("[upgrade/health] FATAL: {why}"))?;
    typed.say("[upgrade] Fetching available versions to upgrade to");
    let read = |text: &str| {
        Release::read(text).ok_or_else(|| format!("[upgrade/versions] FATAL: Couldn't parse version {text:?}"))
    };
    let (cluster, kubeadm) = (read(&running(client.server()))?, read(&typed.version()?)?);
    typed.say(format_args!("[upgrade/versions] Cluster version: {}", cluster.to_string().trim_start_matches('v')));
    typed.say(format_args!("[upgrade/versions] kubeadm version: {kubeadm}"));
    let asked = flags.rest.first().map(|text| read(text)).transpose()?;
    let newest = offers::newest();
    let stable = match asked {
        Some(asked) => asked,
        None => read(&newest)?,
    };
    // A kubeadm knows nothing of a newer minor version: what it offers is of its own.
    let stable = match offers::release(&format!("1.{}", kubeadm.minor)).and_then(|text| Release::read(&text)) {
        Some(own) if asked.is_none() && stable.minor > kubeadm.minor => {
            let told = format!("remote version is much newer: {stable}; falling back to: stable-1.{}", kubeadm.minor);
            typed.call.complain(klog('I', (typed.now(), std::process::id()), "version.go:260", &told));
            own
        }
        _ => stable,
    };
    typed.say(format_args!("[upgrade/versions] Target version: {stable}"));
    let series = format!("version in the v1.{} series", cluster.minor);
    let patch = asked.or_else(|| Release::read(&offers::release(&format!("1.{}", cluster.minor))?)).unwrap_or(cluster);
    typed.say(format_args!("[upgrade/versions] Latest {series}: {patch}\n"));
    let mut offered = Vec::new();
    if cluster < patch {
        offered.push((series, patch, kubeadm.max(patch)));
    }
    if patch < stable {
        offered.push(("stable version".to_owned(), stable, stable));
    }
    for (description, to, with) in &offered {
        offer(typed, &client, (description, *to), (kubeadm, *with));
    }
    if !offered.is_empty() {
        states(typed);
    }
    Ok(())
}

/// Versions of something, and the nodes that have them.
fn versions(found: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    found.for_each(|(version, node)| all.entry(version).or_default().push(node));
    all
}

fn tag(image: &str) -> String {
    image.rsplit_once(':').map_or("", |(_, tag)| tag).to_owned()
}

fn component(client: &Client, name: &str) -> Vec<(String, String)> {
    let pods = client.list(&POD, "kube-system");
    let of = pods.iter().filter(|pod| meta::label(pod, "component") == Some(name));
    of.map(|pod| (tag(meta::text(pod, "/spec/containers/0/image")), meta::text(pod, "/spec/nodeName").to_owned()))
        .collect()
}

fn offer(typed: &Typed, client: &Client, (description, to): (&str, Release), (kubeadm, with): (Release, Release)) {
    let target = to.to_string();
    let kubelets = client.list(&NODE, "");
    let kubelets = versions(
        kubelets
            .iter()
            .map(|node| (meta::text(node, "/status/nodeInfo/kubeletVersion").to_owned(), meta::name(node).to_owned())),
    );
    typed.say("Components that must be upgraded manually after you have upgraded the control plane with 'kubeadm upgrade apply':");
    let mut rows = vec![row(["COMPONENT", "NODE", "CURRENT", "TARGET"])];
    if kubelets.len() > 1 || !kubelets.contains_key(&target) {
        for (version, node) in
            kubelets.iter().flat_map(|(version, nodes)| nodes.iter().map(move |node| (version, node)))
        {
            rows.push(row(["kubelet", node, version, &target]));
        }
    }
    lines(&rows).iter().for_each(|line| typed.say(line));
    typed.say(format_args!("\nUpgrade to the latest {description}:\n"));
    let mut rows = vec![row(["COMPONENT", "NODE", "CURRENT", "TARGET"])];
    for name in &manifests::COMPONENTS[1..] {
        component(client, name).iter().for_each(|(version, node)| rows.push(row([name, node, version, &target])));
    }
    let cluster = running(client.server());
    let cluster = cluster.trim_start_matches('v');
    rows.push(row(["kube-proxy", "", cluster, &target]));
    let parts = offers::parts(&with.to_string());
    let dns = client.find(&DEPLOYMENT, "kube-system", "coredns");
    if let Some(dns) = dns {
        rows.push(row([
            "CoreDNS",
            "",
            &tag(meta::text(&dns, "/spec/template/spec/containers/0/image")),
            &parts.coredns,
        ]));
    }
    component(client, "etcd").iter().for_each(|(version, node)| rows.push(row(["etcd", node, version, &parts.etcd])));
    lines(&rows).iter().for_each(|line| typed.say(line));
    typed.say(format_args!(
        "\nYou can now apply the upgrade by executing the following command:\n\n\tkubeadm upgrade apply {target}\n"
    ));
    if kubeadm != with {
        typed.say(format_args!("Note: Before you can perform this upgrade, you have to update kubeadm to {with}.\n"));
    }
    typed.say(LINE);
}

fn states(typed: &Typed) {
    typed.say("\nThe table below shows the current state of component configs as understood by this version of kubeadm.\nConfigs that have a \"yes\" mark in the \"MANUAL UPGRADE REQUIRED\" column require manual config upgrade or\nresetting to kubeadm defaults before a successful upgrade can be performed. The version to manually\nupgrade to is denoted in the \"PREFERRED VERSION\" column.\n");
    let rows = vec![
        row(["API GROUP", "CURRENT VERSION", "PREFERRED VERSION", "MANUAL UPGRADE REQUIRED"]),
        row(["kubeproxy.config.k8s.io", "v1alpha1", "v1alpha1", "no"]),
        row(["kubelet.config.k8s.io", "v1beta1", "v1beta1", "no"]),
    ];
    lines(&rows).iter().for_each(|line| typed.say(line));
    typed.say(LINE);
}
