//! `containerd` and `ctr`, as far as they are asked about containers and configuration; the runtime itself is the kubelets'.
//! Source: containerd 2.1, `cmd/containerd/command/main.go`, `cmd/ctr/commands`.

use crate::object::meta;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::shell::call::Call;
use crate::sim::shell::table::columns;

use super::crictl::{containers, references};

fn version(call: &Call) -> String {
    let node = call.inside.client.find(&NODE, "", &call.machine.name);
    let told = node.map(|node| meta::text(&node, "/status/nodeInfo/containerRuntimeVersion").to_owned());
    told.unwrap_or_default().replace("containerd://", "v")
}

/// `containerd`.
pub async fn run(call: Call) -> u8 {
    let words: Vec<&str> = call.args().iter().map(String::as_str).collect();
    match words[..] {
        ["--version" | "-v"] => {
            call.say(format_args!("containerd github.com/containerd/containerd/v2 {}", version(&call)))
        }
        ["config", "default"] => call.print(include_str!("../../../../assets/machine/etc/containerd-config.toml")),
        ["config", "dump"] => {
            let text = call.files().and_then(|files| files.text("/etc/containerd/config.toml"));
            call.print(text.unwrap_or_default());
        }
        [] => {
            call.complain("containerd: failed to acquire lock on /var/lib/containerd: it runs already, see `systemctl status containerd`");
            return 1;
        }
        [word, ..] => {
            call.complain(format_args!("containerd: {word} is not simulated by this practice cluster"));
            return 1;
        }
    }
    0
}

/// `ctr`.
pub async fn ctr(call: Call) -> u8 {
    let args = call.args();
    let at = args.iter().position(|arg| arg == "-n" || arg == "--namespace");
    let namespace = at.and_then(|at| args.get(at + 1)).map_or("default", String::as_str);
    let rest: Vec<&str> = match at {
        Some(at) => args
            .iter()
            .enumerate()
            .filter(|(one, _)| *one != at && *one != at + 1)
            .map(|(_, arg)| arg.as_str())
            .collect(),
        None => args.iter().map(String::as_str).collect(),
    };
    let ours = namespace == "k8s.io";
    let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    match rest[..] {
        ["namespaces" | "namespace" | "ns", "ls" | "list"] => call.say("NAME   LABELS \nk8s.io        "),
        ["containers" | "container" | "c", "ls" | "list"] => {
            let mut rows = vec![row(&["CONTAINER", "IMAGE", "RUNTIME", ""])];
            let all = if ours { containers(&call) } else { Vec::new() };
            rows.extend(all.iter().map(|one| row(&[&one.id, &one.image, "io.containerd.runc.v2", ""])));
            call.print(columns(&rows, 4));
        }
        ["images" | "image" | "i", "ls" | "list", ..] => {
            let mut rows = vec![row(&["REF", "TYPE", "DIGEST"])];
            let kind = "application/vnd.oci.image.index.v1+json";
            let all = if ours { references(&call) } else { Vec::new() };
            rows.extend(
                all.iter().map(|one| row(&[one, kind, &format!("sha256:{}", crate::sim::nodes::hash(&[one]))])),
            );
            call.print(columns(&rows, 1));
        }
        ["version"] => {
            let version = version(&call);
            call.say(format_args!("Client:\n  Version:  {version}\n\nServer:\n  Version:  {version}"));
        }
        _ => {
            call.complain(format_args!("ctr: {} is not simulated by this practice cluster", rest.join(" ")));
            return 1;
        }
    }
    0
}
