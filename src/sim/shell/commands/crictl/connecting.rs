//! The way to containerd: where its services are looked for, and whether they answer there.
//! What is asked of them stands beside.

use crate::sim::machine::services::{CONTAINERD, CONTAINERD_SOCKETS};
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

/// Commands that ask for images, and nothing of containers.
const IMAGE_ONLY: [&str; 7] = ["images", "image", "img", "inspecti", "pull", "rmi", "imagefsinfo"];

/// The two services of a runtime, each of which may be looked for at a place of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Runtime,
    Image,
}

/// What the configuration file says of an endpoint.
fn configured(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(line.trim().trim_matches(['"', '\'']).to_owned()).filter(|endpoint| !endpoint.is_empty())
}

/// Whether containerd answers a command, for what it asks of.
pub(super) fn connect(call: &Call, global: &Flags, (command, prunes): (&str, bool)) -> Result<(), String> {
    let of_images = IMAGE_ONLY.contains(&command);
    if !of_images || prunes {
        ask(call, global, Service::Runtime)?;
    }
    if of_images { ask(call, global, Service::Image) } else { Ok(()) }
}

/// Whether one of its services answers where it is looked for. Source: cri-tools `cmd/crictl/main.go`, getRuntimeService and getImageService.
fn ask(call: &Call, global: &Flags, service: Service) -> Result<(), String> {
    let path = global.get("config").unwrap_or("/etc/crictl.yaml");
    let text = call.files().ok().and_then(|files| files.text(path).ok());
    let asked = |key: &str, variable: &str| {
        let given = global.get(key).or_else(|| call.env(variable)).map(str::to_owned);
        given.or_else(|| configured(text.as_deref()?, key))
    };
    let runtime = asked("runtime-endpoint", "CONTAINER_RUNTIME_ENDPOINT");
    // Images are asked for where containers are, unless somewhere else is said.
    let endpoint = match service {
        Service::Runtime => runtime,
        Service::Image => asked("image-endpoint", "IMAGE_SERVICE_ENDPOINT").or(runtime),
    };
    let word = if service == Service::Runtime { "runtime" } else { "image" };
    if text.is_none() {
        call.complain(format_args!("WARN[0000] Config {path:?} does not exist, trying next: \"/usr/bin/crictl.yaml\""));
    }
    let endpoint = endpoint.unwrap_or_else(|| {
        call.complain(format_args!(
            "WARN[0000] {word} connect using default endpoints: [unix:///run/containerd/containerd.sock unix:///run/crio/crio.sock unix:///var/run/cri-dockerd.sock]. As the default settings are now deprecated, you should set the endpoint instead."
        ));
        format!("unix://{}", CONTAINERD_SOCKETS[0])
    });
    let socket = endpoint.strip_prefix("unix://").unwrap_or(&endpoint);
    let failed = |why: &str| {
        Err(format!(
            "validate service connection: validate CRI v1 {word} API for endpoint {endpoint:?}: rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix {socket}: connect: {why}\""
        ))
    };
    // containerd takes its socket away when it stops.
    if !CONTAINERD_SOCKETS.contains(&socket) || !call.machine.services().is_running(CONTAINERD) {
        return failed("no such file or directory");
    }
    Ok(())
}
