//! The phases of `kubeadm init` around the kubelet: it is configured and started, waited for, and given a certificate that it renews itself.
//! What a kubelet then does is the nodes'. Source: `cmd/kubeadm/app/cmd/phases/init/{kubelet,waitcontrolplane,kubeletfinalize}.go`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::configuration::{merge, yaml};
use super::super::registration::{FOLDER, Registration};
use super::super::{Done, Typed, cluster, manifests, service};
use super::Init;
use super::settings::Settings;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::registry::kinds::pod::POD;

const CONFIG: &str = "/var/lib/kubelet/config.yaml";
const KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";

/// How often something is looked at, and how long (4 min).
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: u32 = 480;

/// Configures and starts it.
pub fn start(init: &Init) -> Done {
    let (typed, settings) = (init.typed, &init.settings);
    service::stop(typed)?;
    // What it writes itself is there no more, and was no file of kubeadm's.
    typed.call.inside.machines.configure(&typed.call.machine).map_err(|error| error.to_string())?;
    settings.node.write_flags(typed, (FOLDER, false))?;
    settings.node.write_instance(typed, FOLDER)?;
    write(typed, (&configured(settings), &settings.node))?;
    typed.say("[kubelet-start] Starting the kubelet");
    service::start(typed)
}

/// What kubelets of a cluster are configured with besides the usual.
pub fn configured(settings: &Settings) -> Value {
    let dns = settings.service_address(10).map(|address| address.to_string());
    let mut config = json!({ "clusterDNS": [dns.unwrap_or_default()], "clusterDomain": settings.domain() });
    if !settings.kubelet.is_null() {
        merge(&mut config, &settings.kubelet);
    }
    config
}

/// Configures the kubelet of a machine that joins, as the cluster has it; a worker's registers with its taints.
pub fn configure(typed: &Typed, (client, node): (&Client, &Registration), worker: bool) -> Done {
    typed.call.inside.machines.configure(&typed.call.machine).map_err(|error| error.to_string())?;
    node.write_instance(typed, FOLDER)?;
    let map = client.get(&CONFIGMAP, "kube-system", "kubelet-config");
    let map = map.map_err(|status| {
        format!("could not download the kubelet configuration from ConfigMap \"kubelet-config\": {status}")
    })?;
    let config = serde_yaml::from_str::<Value>(meta::text(&map, "/data/kubelet"));
    write(typed, (&config.map_err(|error| error.to_string())?, node))?;
    node.write_flags(typed, (FOLDER, worker))
}

/// What is said of the machine's own part of the kubelet's configuration, which is laid on the rest.
pub const PATCHED: &str =
    "[patches] Applied patch of type \"application/strategic-merge-patch+json\" to target \"kubeletconfiguration\"";

/// Writes the kubelet's configuration: what is usual on this machine, `config` on it, and the machine's own part.
fn write(typed: &Typed, (config, node): (&Value, &Registration)) -> Done {
    typed.say(PATCHED);
    typed.say(format_args!("[kubelet-start] Writing kubelet configuration to file {CONFIG:?}"));
    let root = typed.root()?;
    let text = root.text(CONFIG).map_err(|error| error.to_string())?;
    let mut whole: Value = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    merge(&mut whole, config);
    whole["containerRuntimeEndpoint"] = json!(node.socket);
    root.write(CONFIG, yaml(&whole)?.as_bytes(), 0o644).map_err(|error| error.to_string())
}

/// How long something took, as Go writes it.
pub fn took(typed: &Typed, since: jiff::Timestamp) -> String {
    let micros = u64::try_from(typed.now().duration_since(since).as_micros()).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "it is shown to a person")]
    match micros {
        0..1_000_000 => format!("{}ms", micros as f64 / 1e3),
        _ => format!("{}s", micros as f64 / 1e6),
    }
}

/// Waits until the kubelet of the machine runs.
pub async fn healthy(typed: &Typed) -> Done {
    typed.say(
        "[kubelet-check] Waiting for a healthy kubelet at http://127.0.0.1:10248/healthz. This can take up to 4m0s",
    );
    let begun = typed.now();
    typed.call.inside.control.settle().await;
    if runs(typed).await {
        typed.say(format_args!("[kubelet-check] The kubelet is healthy after {}", took(typed, begun)));
        return Ok(());
    }
    unhealthy(typed, begun)
}

/// Waits for the kubelet of the machine; whether it runs in the end.
pub async fn runs(typed: &Typed) -> bool {
    for _ in 0..LOOKS {
        if typed.call.machine.services().kubelet().is_some() {
            return true;
        }
        typed.pause(LOOK).await;
    }
    false
}

/// Says that the kubelet does not come up, after it was waited for since `begun`.
pub fn unhealthy(typed: &Typed, begun: Timestamp) -> Done {
    typed.say(format_args!("[kubelet-check] The kubelet is not healthy after {}", took(typed, begun)));
    typed.say("\nUnfortunately, an error has occurred, likely caused by:\n\t- The kubelet is not running\n\t- The kubelet is unhealthy due to a misconfiguration of the node in some way (required cgroups disabled)\n\nIf you are on a systemd-powered system, you can try to troubleshoot the error with the following commands:\n\t- 'systemctl status kubelet'\n\t- 'journalctl -xeu kubelet'\n");
    Err("failed while waiting for the kubelet to start: The HTTP call equal to 'curl -sSL http://127.0.0.1:10248/healthz' returned error: Get \"http://127.0.0.1:10248/healthz\": context deadline exceeded".to_owned())
}

/// Whether a component of the control plane on the machine does its work.
pub async fn answers(typed: &Typed, component: &str) -> bool {
    let pod = typed.call.inside.client.find(&POD, "kube-system", &format!("{component}-{}", typed.call.machine.name));
    let runs = pod.is_some_and(|pod| {
        meta::list(&pod, "/status/containerStatuses").iter().any(|status| status.pointer("/state/running").is_some())
    });
    let api = typed.call.inside.machines.birth().api;
    runs && (component != "kube-apiserver" || tokio::net::TcpStream::connect(api).await.is_ok())
}

/// Waits until the control plane does its work.
pub async fn wait(init: &Init<'_>) -> Done {
    let typed = init.typed;
    typed.say(format_args!(
        "[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods from directory {:?}",
        manifests::FOLDER
    ));
    healthy(typed).await?;
    components(typed, (&init.settings.advertise, &init.settings.node.socket)).await
}

/// Waits until the components of the control plane on the machine, which tells of this address, do their work.
pub async fn components(typed: &Typed, (address, socket): (&str, &str)) -> Done {
    let port = typed.call.inside.machines.birth().api.port();
    typed.say("[control-plane-check] Waiting for healthy control plane components. This can take up to 4m0s");
    let urls = [
        ("kube-apiserver", format!("https://{address}:{port}/livez")),
        ("kube-controller-manager", "https://127.0.0.1:10257/healthz".to_owned()),
        ("kube-scheduler", "https://127.0.0.1:10259/livez".to_owned()),
    ];
    urls.iter().for_each(|(name, url)| typed.say(format_args!("[control-plane-check] Checking {name} at {url}")));
    let (begun, mut left) = (typed.now(), urls.to_vec());
    for _ in 0..LOOKS {
        let mut still = Vec::new();
        for (name, url) in left {
            match answers(typed, name).await {
                true => typed.say(format_args!("[control-plane-check] {name} is healthy after {}", took(typed, begun))),
                false => still.push((name, url)),
            }
        }
        left = still;
        if left.is_empty() {
            return Ok(());
        }
        typed.pause(LOOK).await;
    }
    let whys = left.iter().map(|(name, url)| {
        typed.say(format_args!("[control-plane-check] {name} is not healthy after {}", took(typed, begun)));
        let place = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
        format!("{name} check failed at {url}: Get \"{url}\": dial tcp {place}: connect: connection refused")
    });
    let whys: Vec<String> = whys.collect();
    typed.say(format_args!("\nA control plane component may have crashed or exited when started by the container runtime.\nTo troubleshoot, list all containers using your preferred container runtimes CLI.\nHere is one example how you may list all running Kubernetes containers by using crictl:\n\t- 'crictl --runtime-endpoint {socket} ps -a | grep kube | grep -v pause'\n\tOnce you have found the failing container, you can inspect its logs with:\n\t- 'crictl --runtime-endpoint {socket} logs CONTAINERID'\n"));
    let why = if let [one] = whys.as_slice() { one.clone() } else { format!("[{}]", whys.join(", ")) };
    Err(format!("failed while waiting for the control plane to start: {why}"))
}

/// Has the kubelet's kubeconfig name files instead of holding its certificate: those the kubelet renews.
pub fn finalize(init: &Init) -> Done {
    let typed = init.typed;
    typed.say(format_args!(
        "[kubelet-finalize] Updating {KUBECONFIG:?} to point to a rotatable kubelet client certificate and key"
    ));
    let text = typed.root()?.text(KUBECONFIG).map_err(|_| cluster::missing(KUBECONFIG))?;
    let config: Value = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    let data = |key: &str| {
        let bytes = STANDARD.decode(config["users"][0]["user"][key].as_str()?).ok()?;
        String::from_utf8(bytes).ok()
    };
    // One that names files already is as it should be.
    let Some((certificate, key)) = data("client-certificate-data").zip(data("client-key-data")) else { return Ok(()) };
    let laid = typed.call.inside.machines.join(&typed.call.machine, (&certificate, &key), typed.now());
    laid.map_err(|error| error.to_string())
}
