//! The cluster as kubeadm on a node reaches it: by a kubeconfig on the node, which must lead to an API server that answers.
//! What is read there is the ConfigMap `kubeadm-config`. Source: `cmd/kubeadm/app/util/{kubeconfig,config}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Typed;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::pki;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;

/// The kubeconfig kubeadm uses where none is named.
pub const ADMIN: &str = "/etc/kubernetes/admin.conf";

fn missing(path: &str) -> String {
    format!("failed to load admin kubeconfig: open {path}: no such file or directory")
}

/// Reads a kubeconfig: its server and the client certificate's PEM.
fn kubeconfig(text: &str) -> Option<(String, String)> {
    let config: Value = serde_yaml::from_str(text).ok()?;
    let data = config["users"][0]["user"]["client-certificate-data"].as_str().unwrap_or_default();
    let certificate = String::from_utf8(STANDARD.decode(data).ok()?).ok()?;
    Some((config["clusters"][0]["cluster"]["server"].as_str()?.to_owned(), certificate))
}

/// A client for the API server a kubeconfig on the node leads to; or why there is none.
pub async fn connect(typed: &Typed, path: &str) -> Result<Client, String> {
    let text = typed.root()?.text(path).map_err(|_| missing(path))?;
    let (server, certificate) = kubeconfig(&text)
        .ok_or_else(|| format!("failed to load admin kubeconfig: error loading config file {path:?}"))?;
    answers(typed, &server).await?;
    let birth = typed.call.inside.machines.birth();
    let now = typed.now();
    let believed = pki::inspect(&certificate).is_ok_and(|found| {
        found.issued_by(&birth.authority.certificate_pem()) && found.not_before <= now && now <= found.not_after
    });
    if !believed {
        return Err("Unauthorized".to_owned());
    }
    Ok(typed.call.inside.client.clone())
}

/// Whether an API server answers at an address (`https://HOST:PORT`).
pub async fn answers(typed: &Typed, server: &str) -> Result<(), String> {
    let machines = &typed.call.inside.machines;
    let api = machines.birth().api;
    let place = server.trim_start_matches("https://").trim_end_matches('/');
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "443"));
    let control_plane = |name: &str| {
        machines.all().iter().any(|machine| machine.control_plane && (machine.name == name || machine.address == name))
    };
    let there = control_plane(host) || host == "localhost" || host == api.ip().to_string();
    let address = machines.all().iter().find(|machine| machine.name == host).map(|machine| machine.address.clone());
    let shown = address.unwrap_or_else(|| host.to_owned());
    let port_fits = port == api.port().to_string() || (port == "6443" && host != "127.0.0.1");
    if !there || !port_fits || tokio::net::TcpStream::connect(api).await.is_err() {
        return Err(format!("Get \"{server}/api/v1\": dial tcp {shown}:{port}: connect: connection refused"));
    }
    Ok(())
}

/// Reads what kubeadm keeps about the cluster, telling where from.
pub fn configuration(typed: &Typed, client: &Client, prefix: &str) -> Result<Value, String> {
    typed.say(format_args!(
        "[{prefix}] Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"..."
    ));
    typed.say(format_args!(
        "[{prefix}] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it."
    ));
    stored(client)
}

/// The cluster's configuration.
pub fn stored(client: &Client) -> Result<Value, String> {
    let map = client.get(&CONFIGMAP, "kube-system", "kubeadm-config");
    let map = map.map_err(|status| format!("failed to get config map: {status}"))?;
    let text = map["data"]["ClusterConfiguration"].as_str().ok_or_else(|| {
        "unexpected error when reading kubeadm-config ConfigMap: ClusterConfiguration key value pair missing".to_owned()
    })?;
    serde_yaml::from_str(text).map_err(|error| format!("failed to decode cluster configuration data: {error}"))
}

/// Writes the version into the cluster's configuration.
pub fn store_version(client: &Client, version: &str) -> Result<(), String> {
    let changed = client.modify(&CONFIGMAP, "kube-system", "kubeadm-config", |map| {
        let text = meta::text(map, "/data/ClusterConfiguration").to_owned();
        let lines = text.lines().map(|line| match line.starts_with("kubernetesVersion:") {
            true => format!("kubernetesVersion: {version}\n"),
            false => format!("{line}\n"),
        });
        map["data"]["ClusterConfiguration"] = json!(lines.collect::<String>());
    });
    changed.map(drop).map_err(|status| format!("error uploading the kubeadm ClusterConfiguration: {status}"))
}
