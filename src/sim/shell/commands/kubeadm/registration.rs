//! What `init` and `join` are told of this machine's Node (`nodeRegistration`), and what the kubelet is told of it.
//! What a kubelet does with its flags is the nodes'. Source: `cmd/kubeadm/app/phases/kubelet/flags.go`, `util/{arguments.go,config}`.

use serde_json::{Value, json};

use super::preflight::SOCKET;
use super::{Done, Typed, configuration};
use crate::object::meta;
use crate::sim::machine::root::Root;
use crate::sim::shell::flags::Flags;

/// The folder of the kubelet.
pub const FOLDER: &str = "/var/lib/kubelet";

/// What is told of a Node.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    pub name: String,
    pub socket: String,
    /// The Node's taints, where somebody named some or none.
    pub taints: Option<Vec<Value>>,
    /// Further flags of the kubelet.
    pub arguments: Vec<(String, String)>,
    /// Which images are pulled before anything begins.
    pub pull: String,
    /// Checks whose errors are warnings.
    pub ignored: Vec<String>,
}

/// Further flags of a component: a list of names and values in v1beta4, a map before it.
pub fn arguments(args: Option<&Value>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match args {
        Some(Value::Array(args)) => {
            let part = |arg: &Value, key: &str| arg.get(key).map(text).unwrap_or_default();
            args.iter().map(|arg| (part(arg, "name"), part(arg, "value"))).collect()
        }
        Some(Value::Object(args)) => args.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        _ => Vec::new(),
    }
}

/// A taint as kubectl and the kubelet write it. Source: `k8s.io/api/core/v1/taint.go`, ToString.
pub fn taint(taint: &Value) -> String {
    let text = |key: &str| meta::text(taint, key);
    match (text("/key"), text("/value"), text("/effect")) {
        (key, "", "") => key.to_owned(),
        (key, value, "") => format!("{key}={value}:"),
        (key, "", effect) => format!("{key}:{effect}"),
        (key, value, effect) => format!("{key}={value}:{effect}"),
    }
}

impl Registration {
    /// Reads it from flags and from the configuration of an `init` or a `join`. A Node has its machine's name.
    pub fn read(typed: &Typed, flags: &Flags, config: &Value) -> Result<Self, String> {
        let of = |flag: &str, pointer: &str, usual: &str| {
            let given = flags.get(flag).unwrap_or_else(|| meta::text(config, pointer));
            if given.is_empty() { usual.to_owned() } else { given.to_owned() }
        };
        let machine = &typed.call.machine.name;
        let arguments = arguments(config.pointer("/nodeRegistration/kubeletExtraArgs"));
        let node = Self {
            name: of("node-name", "/nodeRegistration/name", machine).trim().to_lowercase(),
            socket: socket(typed, of("cri-socket", "/nodeRegistration/criSocket", SOCKET)),
            taints: config.pointer("/nodeRegistration/taints").and_then(Value::as_array).cloned(),
            pull: meta::text(config, "/nodeRegistration/imagePullPolicy").to_owned(),
            ignored: ignored(flags, config)?,
            arguments,
        };
        let overridden = node.arguments.iter().find(|(name, _)| name == "hostname-override").map(|(_, value)| value);
        let other = [Some(&node.name), overridden].into_iter().flatten().find(|name| *name != machine);
        match other.filter(|name| crate::sim::apiserver::registry::names::subdomain(name).is_empty()) {
            Some(other) => Err(format!(
                "a Node {other:?} on the machine {machine:?} is not simulated by this practice cluster: a Node has its machine's name"
            )),
            None => Ok(node),
        }
    }

    /// Writes the kubelet's flags into a folder; those of a worker have it register with its taints.
    pub fn write_flags(&self, typed: &Typed, (folder, worker): (&str, bool)) -> Done {
        let path = format!("{folder}/kubeadm-flags.env");
        typed.say(format_args!("[kubelet-start] Writing kubelet environment file with flags to file {path:?}"));
        write(typed.root()?, &path, &self.environment(worker), 0o644)
    }

    fn environment(&self, worker: bool) -> String {
        let taints: Vec<String> = self.taints.iter().flatten().map(taint).collect();
        let own = (worker && !taints.is_empty()).then(|| ("register-with-taints".to_owned(), taints.join(",")));
        let own = own.into_iter().filter(|(name, _)| self.arguments.iter().all(|(over, _)| over != name));
        let all: Vec<String> =
            own.chain(self.arguments.iter().cloned()).map(|(name, value)| format!("--{name}={value}")).collect();
        format!("KUBELET_KUBEADM_ARGS={:?}\n", all.join(" "))
    }

    /// Writes the part of the kubelet's configuration that is this machine's own into a folder.
    pub fn write_instance(&self, typed: &Typed, folder: &str) -> Done {
        let path = format!("{folder}/instance-config.yaml");
        typed.say(format_args!("[kubelet-start] Writing kubelet configuration to file {path:?}"));
        let config = json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "containerRuntimeEndpoint": self.socket,
            "kind": "KubeletConfiguration",
        });
        write(typed.root()?, &path, &configuration::yaml(&config)?, 0o600)
    }
}

fn write(root: &Root, path: &str, text: &str, mode: u32) -> Done {
    root.write(path, text.as_bytes(), mode).map_err(|error| error.to_string())
}

/// The socket of a container runtime as a URL.
fn socket(typed: &Typed, socket: String) -> String {
    if socket.starts_with("unix") {
        return socket;
    }
    configuration::warn(
        typed,
        "initconfiguration.go:125",
        &format!(
            "Usage of CRI endpoints without URL scheme is deprecated and can cause kubelet errors in the future. Automatically prepending scheme \"unix\" to the \"criSocket\" with value {socket:?}. Please update your configuration!"
        ),
    );
    format!("unix://{socket}")
}

/// The checks whose errors are warnings, by flag and configuration.
fn ignored(flags: &Flags, config: &Value) -> Result<Vec<String>, String> {
    let listed = meta::list(config, "/nodeRegistration/ignorePreflightErrors").iter().filter_map(Value::as_str);
    let mut all: Vec<String> = listed.chain(flags.all("ignore-preflight-errors")).map(str::to_lowercase).collect();
    all.sort();
    all.dedup();
    if all.len() > 1 && all.iter().any(|check| check == "all") {
        return Err(format!(
            "ignore-preflight-errors: Invalid value: {:?}: don't specify individual checks if 'all' is used",
            all.join(",")
        ));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubelets_flags_are_its_taints_and_what_was_asked_for() {
        let config = json!([{ "name": "node-labels", "value": "disk=ssd" }, { "name": "v", "value": "4" }]);
        let node = Registration {
            taints: Some(vec![json!({ "key": "a", "value": "b", "effect": "NoSchedule" })]),
            arguments: arguments(Some(&config)),
            ..Registration::default()
        };
        assert_eq!(
            node.environment(true),
            "KUBELET_KUBEADM_ARGS=\"--register-with-taints=a=b:NoSchedule --node-labels=disk=ssd --v=4\"\n"
        );
        assert_eq!(node.environment(false), "KUBELET_KUBEADM_ARGS=\"--node-labels=disk=ssd --v=4\"\n");
        assert_eq!(arguments(Some(&json!({ "v": 4 }))), [("v".to_owned(), "4".to_owned())]);
    }
}
