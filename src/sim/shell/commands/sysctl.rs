//! `sysctl`: the kernel's parameters of this node, read and set. They are kept beside the node's files; the host's are never touched.
//! Source: procps-ng 4.0.4, `src/sysctl.c`; the order of folders from sysctl.d(5).

use std::collections::BTreeMap;

use crate::sim::machine::Machine;
use crate::sim::machine::root::Root;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known = &[
    ("all", 'a', false),
    ("values", 'n', false),
    ("names", 'N', false),
    ("write", 'w', false),
    ("load", 'p', false),
    ("system", '\0', false),
    ("quiet", 'q', false),
    ("ignore", 'e', false),
    ("pattern", 'r', true),
];

/// What a fresh kernel says, as far as clusters ask: those of the bridge are there with its module only.
const FRESH: &[(&str, &str)] = &[
    ("fs.file-max", "9223372036854775807"),
    ("fs.inotify.max_user_instances", "128"),
    ("fs.inotify.max_user_watches", "65536"),
    ("kernel.hostname", ""),
    ("kernel.ostype", "Linux"),
    ("kernel.panic", "0"),
    ("kernel.panic_on_oops", "0"),
    ("kernel.pid_max", "4194304"),
    ("net.bridge.bridge-nf-call-arptables", "1"),
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.core.somaxconn", "4096"),
    ("net.ipv4.conf.all.forwarding", "0"),
    ("net.ipv4.conf.all.rp_filter", "2"),
    ("net.ipv4.ip_forward", "0"),
    ("net.ipv4.ip_local_port_range", "32768\t60999"),
    ("net.ipv6.conf.all.disable_ipv6", "0"),
    ("net.ipv6.conf.all.forwarding", "0"),
    ("net.netfilter.nf_conntrack_max", "131072"),
    ("user.max_user_namespaces", "31402"),
    ("vm.max_map_count", "1048576"),
    ("vm.overcommit_memory", "0"),
    ("vm.panic_on_oom", "0"),
    ("vm.swappiness", "60"),
];

/// What the machine's files said when it booted; what they say now counts when somebody loads them.
const BOOT: &str = include_str!("../../../../assets/machine/etc/sysctl-k8s.conf");

/// Folders whose files are read, those of one name only from the first; and the file that is read last.
const FOLDERS: [&str; 4] = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];
const LAST: &str = "/etc/sysctl.conf";

/// The settings of a file: where a line is no setting, it is passed over.
fn settings(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let pairs = lines.filter_map(|line| line.trim_start_matches('-').split_once('='));
    pairs.map(|(key, value)| (key.trim().replace('/', "."), value.trim().to_owned())).collect()
}

/// The files the system reads, in order.
fn files(root: &Root) -> Vec<String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for folder in FOLDERS {
        for name in root.list(folder).unwrap_or_default().into_iter().filter(|name| name.ends_with(".conf")) {
            let path = format!("{folder}/{name}");
            found.entry(name).or_insert(path);
        }
    }
    found.into_values().chain(root.exists(LAST).then(|| LAST.to_owned())).collect()
}

/// The parameters of a machine: what its kernel began with, what its files said when it booted, what was set since.
pub(super) struct Parameters {
    values: BTreeMap<String, String>,
}

impl Parameters {
    /// Those of a machine.
    pub(super) fn of(machine: &Machine) -> Self {
        let mut values: BTreeMap<String, String> =
            FRESH.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        values.insert("kernel.hostname".to_owned(), machine.name.clone());
        values.extend(settings(BOOT));
        let kept = std::fs::read_to_string(machine.folder().join("sysctl.json")).ok();
        values.extend(kept.and_then(|text| serde_json::from_str::<BTreeMap<_, _>>(&text).ok()).unwrap_or_default());
        Self { values }
    }

    fn keep(&self, machine: &Machine) {
        let text = serde_json::to_vec(&self.values).unwrap_or_default();
        let _ = crate::base::files::write_whole(&machine.folder().join("sysctl.json"), &text, 0o600);
    }

    /// Sets one; false where there is none of that name.
    fn set(&mut self, key: &str, value: &str) -> bool {
        let Some(known) = self.values.get_mut(key) else { return false };
        *known = value.split_whitespace().collect::<Vec<_>>().join("\t");
        // The kernel's two names for one thing.
        for (one, other) in [("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")] {
            let twin = if key == one {
                other
            } else if key == other {
                one
            } else {
                continue;
            };
            self.values.insert(twin.to_owned(), value.to_owned());
        }
        true
    }
}

fn missing(call: &Call, key: &str) {
    let path = key.replace('.', "/");
    call.complain(format_args!("sysctl: cannot stat /proc/sys/{path}: No such file or directory"));
}

fn show(call: &Call, flags: &Flags, (key, value): (&str, &str)) {
    match () {
        () if flags.on("quiet") => {}
        () if flags.on("values") => call.say(value),
        () if flags.on("names") => call.say(key),
        () => call.say(format_args!("{key} = {value}")),
    }
}

/// Sets what a file says; whether all of it could be.
fn apply(call: &Call, flags: &Flags, (parameters, text): (&mut Parameters, &str)) -> bool {
    let mut whole = true;
    for (key, value) in settings(text) {
        match parameters.set(&key, &value) {
            true => show(call, flags, (&key, &value)),
            false if flags.on("ignore") => {}
            false => {
                missing(call, &key);
                whole = false;
            }
        }
    }
    whole
}

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let args: Vec<String> =
        call.args().iter().map(|arg| if arg == "-A" { "-a".to_owned() } else { arg.clone() }).collect();
    let (flags, root) = match (Flags::read(&args, &[KNOWN]), call.files()) {
        (Ok(flags), Ok(root)) => (flags, root),
        (Err(why), _) => {
            call.complain(why.replace("unknown flag:", "sysctl: unrecognized option"));
            return 1;
        }
        (_, Err(error)) => {
            call.complain(format_args!("sysctl: {error}"));
            return 1;
        }
    };
    let mut parameters = Parameters::of(&call.machine);
    let before = parameters.values.clone();
    let whole = if flags.on("system") {
        let all = files(root).into_iter().map(|path| {
            call.say(format_args!("* Applying {path} ..."));
            apply(&call, &flags, (&mut parameters, &root.text(&path).unwrap_or_default()))
        });
        all.fold(true, |all, one| all & one)
    } else if flags.on("load") {
        let named = if flags.rest.is_empty() { vec![LAST.to_owned()] } else { flags.rest.clone() };
        named.iter().fold(true, |all, path| match root.text(&call.path(path)) {
            Ok(text) => all & apply(&call, &flags, (&mut parameters, &text)),
            Err(_) => {
                call.complain(format_args!("sysctl: cannot open \"{path}\": No such file or directory"));
                false
            }
        })
    } else {
        one_by_one(&call, &flags, &mut parameters)
    };
    if before != parameters.values {
        parameters.keep(&call.machine);
    }
    u8::from(!whole)
}

fn one_by_one(call: &Call, flags: &Flags, parameters: &mut Parameters) -> bool {
    let pattern = flags.get("pattern").and_then(|pattern| regex::Regex::new(pattern).ok());
    if flags.on("all") || pattern.is_some() {
        let all = parameters.values.iter().filter(|(key, _)| pattern.as_ref().is_none_or(|one| one.is_match(key)));
        all.for_each(|(key, value)| show(call, flags, (key, value)));
        return true;
    }
    if flags.rest.is_empty() {
        call.complain("sysctl: no variables specified\nTry `sysctl --help' for more information.");
        return false;
    }
    let mut whole = true;
    for word in &flags.rest {
        let (key, value) = word.split_once('=').map_or((word.as_str(), None), |(key, value)| (key, Some(value)));
        let key = key.trim().replace('/', ".");
        let known = match value {
            Some(value) if parameters.set(&key, value.trim()) => Some(value.trim().to_owned()),
            Some(_) => None,
            None if flags.on("write") => {
                call.complain(format_args!("sysctl: {word:?} must be of the form name=value"));
                whole = false;
                continue;
            }
            None => parameters.values.get(&key).cloned(),
        };
        match known {
            Some(value) => show(call, flags, (&key, &value)),
            None if flags.on("ignore") => {}
            None => {
                missing(call, &key);
                whole = false;
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_sysctl_reads_them() {
        let read = settings("# a\n; b\nnet.ipv4.ip_forward                 = 1\n-net/core/somaxconn=5\nnonsense\n");
        let wanted = [("net.ipv4.ip_forward", "1"), ("net.core.somaxconn", "5")];
        assert_eq!(read, wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
