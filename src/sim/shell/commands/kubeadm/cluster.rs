//! The cluster as kubeadm on a node reaches it: by a kubeconfig on the node, which must lead to an API server that answers.
//! What is read there is the ConfigMap `kubeadm-config`. Source: `cmd/kubeadm/app/util/{kubeconfig,config}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Typed, validation};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::pki;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::nodes::startup::access;

/// The kubeconfig kubeadm uses where none is named.
pub const ADMIN: &str = "/etc/kubernetes/admin.conf";

/// The kubeconfig that is used where none is named by who would take anybody's: those of `KUBECONFIG`, the user's own, the administrator's.
/// Source: `cmd/kubeadm/app/cmd/util/cmdutil.go`, GetKubeConfigPath.
pub fn found(typed: &Typed) -> Result<String, String> {
    const OWN: &str = "/root/.kube/config";
    let root = typed.root()?;
    let named = typed.call.env("KUBECONFIG").unwrap_or_default().split(':').filter(|path| !path.is_empty());
    let mut known: Vec<String> = named.map(|path| typed.call.path(path)).collect();
    if known.is_empty() {
        known.push(OWN.to_owned());
    }
    known.push(ADMIN.to_owned());
    let there = known.iter().find(|path| root.exists(path)).or(known.first());
    Ok(there.cloned().unwrap_or_default())
}

/// What is said of a kubeconfig that is not there.
pub fn missing(path: &str) -> String {
    format!("failed to load admin kubeconfig: open {path}: no such file or directory")
}

/// What a kubeconfig says: where the server is, by which authority it is believed, and as whom (PEM).
struct Way {
    server: String,
    authority: String,
    certificate: String,
}

/// Reads a kubeconfig.
fn kubeconfig(text: &str) -> Option<Way> {
    let config: Value = serde_yaml::from_str(text).ok()?;
    let (user, place) = (&config["users"][0]["user"], &config["clusters"][0]["cluster"]);
    let decoded = |data: &Value| String::from_utf8(STANDARD.decode(data.as_str().unwrap_or_default()).ok()?).ok();
    Some(Way {
        server: place["server"].as_str()?.to_owned(),
        authority: decoded(&place["certificate-authority-data"])?,
        certificate: decoded(&user["client-certificate-data"])?,
    })
}

/// A client for the API server a kubeconfig on the node leads to; or why there is none.
pub async fn connect(typed: &Typed, path: &str) -> Result<Client, String> {
    let text = typed.root()?.text(path).map_err(|_| missing(path))?;
    let Way { server, authority, certificate } = kubeconfig(&text)
        .ok_or_else(|| format!("failed to load admin kubeconfig: error loading config file {path:?}"))?;
    answers(typed, &server).await?;
    let (now, own) = (typed.now(), typed.call.inside.machines.authority());
    if pki::certificate_der(&authority).ok().as_deref() != Some(own.certificate()) {
        return Err(format!(
            "Get \"{server}/api/v1\": tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\" while trying to verify candidate authority certificate \"kubernetes\")"
        ));
    }
    let believed = pki::inspect(&certificate).is_ok_and(|found| {
        found.issued_by(&own.certificate_pem()) && found.not_before <= now && now <= found.not_after
    });
    if !believed {
        return Err("Unauthorized".to_owned());
    }
    Ok(typed.call.inside.client.clone())
}

/// The API server's address for kubeconfigs on this machine. A stable endpoint (`HOST:PORT`) that leads there by the machine's
/// `/etc/hosts` is taken, and one that nobody knows, which then leads nowhere; else it is the name by which nodes reach the API server,
/// since nothing listens at the address a node is said to have.
pub fn server(typed: &Typed, endpoint: Option<&str>) -> String {
    let api = typed.call.inside.machines.birth().api;
    let (host, port) =
        endpoint.and_then(|endpoint| validation::host_port(endpoint).ok()).unwrap_or(("controlplane", None));
    match access::resolve(&typed.call.machine, host) {
        Ok(address) if address != api.ip() => format!("https://controlplane:{}", api.port()),
        Ok(_) => format!("https://{host}:{}", api.port()),
        Err(_) => format!("https://{host}:{}", port.unwrap_or(api.port())),
    }
}

/// Whether an API server answers at an address (`https://HOST:PORT`).
pub async fn answers(typed: &Typed, server: &str) -> Result<(), String> {
    let machines = &typed.call.inside.machines;
    let api = machines.birth().api;
    let place = server.trim_start_matches("https://").trim_end_matches('/');
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "443"));
    let control_plane = |name: &str| {
        machines
            .all()
            .iter()
            .any(|machine| machine.has_control_plane() && (machine.name == name || machine.address == name))
    };
    let resolved = access::resolve(&typed.call.machine, host);
    if let (Err(why), false) = (&resolved, host == "localhost") {
        return Err(format!("Get \"{server}/api/v1\": dial tcp: {why}"));
    }
    let leads = resolved.is_ok_and(|address| address == api.ip());
    let there = leads || control_plane(host) || host == "localhost" || host == api.ip().to_string();
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
