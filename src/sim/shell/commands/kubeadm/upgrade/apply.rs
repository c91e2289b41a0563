//! `kubeadm upgrade apply`: the first control-plane node, and what belongs to the whole cluster.
//! Source: `cmd/kubeadm/app/cmd/upgrade/apply.go`, `cmd/phases/upgrade/apply`.

use super::policy::{self, Versions};
use super::release::Release;
use super::static_pods::{self, Upgrade};
use super::{Done, KNOWN, Typed, addons, cluster, connect, health, manifests};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::server::discovery::running;
use crate::sim::shell::flags::Flags;

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    let flags = typed.flags(KNOWN)?;
    let Some(asked) = flags.rest.first().cloned() else {
        return Err("missing one or more required arguments. Required arguments: [version]".to_owned());
    };
    let path = flags.get("kubeconfig").unwrap_or(cluster::ADMIN).to_owned();
    let client = connect(typed, &path).await?;
    let config = cluster::configuration(typed, &client, "upgrade");
    config.map_err(|why| format!("[upgrade/init config] FATAL: {why}"))?;
    let wanted = preflight(typed, &client, (&flags, &asked))
        .await
        .map_err(|why| format!("error execution phase preflight: {why}"))?;
    let version = wanted.to_string();
    if flags.on("dry-run") {
        return rehearse(typed, &client, &version);
    }
    typed.say(format_args!("[upgrade/control-plane] Upgrading your static Pod-hosted control plane to version {version:?} (timeout: 5m0s)..."));
    let on = |name: &str| !flags.has(name) || flags.on(name);
    let upgrade = Upgrade { version: &version, renew: on("certificate-renewal"), etcd: on("etcd-upgrade") };
    static_pods::run(typed, &client, &upgrade)
        .await
        .map_err(|why| format!("error execution phase control-plane: {why}"))?;
    typed.say("[upgrade/control-plane] The control plane instance for this node was successfully upgraded!");
    addons::upload(typed, &client, &version).map_err(|why| format!("error execution phase upload-config: {why}"))?;
    typed.say("[upgrade/kubeconfig] The kubeconfig files for this node were successfully upgraded!");
    addons::kubelet(typed, &client, &flags).map_err(|why| format!("error execution phase kubelet-config: {why}"))?;
    typed.say("[upgrade/bootstrap-token] Configuring bootstrap token and cluster-info RBAC rules");
    typed.say("[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to get nodes");
    typed.say("[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to post CSRs in order for nodes to get long term certificate credentials");
    typed.say("[bootstrap-token] Configured RBAC rules to allow the csrapprover controller automatically approve CSRs from a Node Bootstrap Token");
    typed.say("[bootstrap-token] Configured RBAC rules to allow certificate rotation for all node client certificates in the cluster");
    addons::addons(typed, &client).map_err(|why| format!("error execution phase addon: {why}"))?;
    typed.say(format_args!("\n[upgrade] SUCCESS! A control plane node of your cluster was upgraded to {version:?}.\n"));
    typed.say("[upgrade] Now please proceed with upgrading the rest of the nodes by following the right order.");
    Ok(())
}

/// Says what would be done.
fn rehearse(typed: &Typed, client: &Client, version: &str) -> Done {
    let config = cluster::stored(client)?;
    typed
        .call
        .print(format_args!("[dryrun] Would upgrade your static Pod-hosted control plane to version {version:?}"));
    for component in &manifests::COMPONENTS[1..] {
        typed.say(format_args!("[dryrun] Would write file {:?} with content:", manifests::path(component)));
        typed.call.print(manifests::text(typed, component, (&config, version))?);
    }
    for line in [
        "[dryrun] Would upload the kubeadm ClusterConfiguration to a ConfigMap",
        "[dryrun] Would upload the kubelet configuration to a ConfigMap",
        "[dryrun] Would write the CRISocket annotation for the control-plane node",
        "[upgrade/kubeconfig] The kubeconfig files for this node were successfully upgraded!",
    ] {
        typed.say(line);
    }
    addons::rehearse_kubelet(typed, client)?;
    typed.say("[dryrun] Would configure bootstrap token and cluster-info RBAC rules");
    addons::print(typed, client, version)?;
    typed.say("[upgrade/successful] Finished dryrunning successfully!");
    Ok(())
}

async fn preflight(typed: &mut Typed, client: &Client, (flags, asked): (&Flags, &str)) -> Result<Release, String> {
    typed.say("[upgrade/preflight] Running preflight checks");
    typed.say("[upgrade] Running cluster health checks");
    health::check(typed, client, flags).await?;
    let wanted = Release::read(asked).ok_or_else(|| {
        format!(
            "version {asked:?} doesn't match patterns for neither semantic version nor labels (stable, latest, ...)"
        )
    })?;
    typed.say(format_args!("[upgrade/preflight] You have chosen to upgrade the cluster version to \"{wanted}\""));
    let read = |text: &str| Release::read(text).ok_or_else(|| format!("Couldn't parse version {text:?}"));
    let (cluster, kubeadm) = (read(&running(client.server()))?, read(&typed.version()?)?);
    typed.say(format_args!(
        "[upgrade/versions] Cluster version: {cluster}\n[upgrade/versions] kubeadm version: {kubeadm}"
    ));
    let nodes = client.list(&NODE, "");
    let kubelets: Vec<Release> =
        nodes.iter().filter_map(|node| Release::read(meta::text(node, "/status/nodeInfo/kubeletVersion"))).collect();
    policy::check(&Versions { wanted, cluster, kubeadm, kubelets: &kubelets }).fatal(flags.on("force"))?;
    // A release that nobody made has no images.
    let exists = crate::sim::machine::packages::offers::release(&wanted.to_string()).is_some();
    if !flags.on("yes") && !flags.on("force") && !flags.on("dry-run") {
        typed.call.print("[upgrade] Are you sure you want to proceed? [y/N]: ");
        if !matches!(typed.call.line().await.as_deref().map(str::trim), Some("y" | "Y" | "yes")) {
            return Err("won't proceed; the user didn't answer (Y|y) in order to continue".to_owned());
        }
    }
    typed.say(match flags.on("dry-run") {
        true => "[dryrun] Would pull the required images (like 'kubeadm config images pull')",
        false => "[upgrade/preflight] Pulling images required for setting up a Kubernetes cluster\n[upgrade/preflight] This might take a minute or two, depending on the speed of your internet connection\n[upgrade/preflight] You can also perform this action beforehand using 'kubeadm config images pull'",
    });
    if !exists {
        let mut findings = super::preflight::Findings::default();
        let image = manifests::image("kube-apiserver", &wanted.to_string());
        findings.error("ImagePull", format!("failed to pull image {image}: failed to pull image {image}: rpc error: code = NotFound desc = failed to pull and unpack image {image:?}: failed to resolve reference {image:?}: {image}: not found"));
        findings.tell(typed, &flags.texts("ignore-preflight-errors"))?;
    }
    Ok(wanted)
}
