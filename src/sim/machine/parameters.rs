//! The kernel's parameters of a machine, as `sysctl` reads and sets them. They are kept beside its files; the host's are never touched.
//! Which files set them when is `sysctl`'s.

use std::collections::BTreeMap;

use super::Machine;

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
const BOOT: &str = include_str!("../../../assets/machine/etc/sysctl-k8s.conf");

/// The settings of a file: where a line is no setting, it is passed over.
pub fn settings(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let pairs = lines.filter_map(|line| line.trim_start_matches('-').split_once('='));
    pairs.map(|(key, value)| (key.trim().replace('/', "."), value.trim().to_owned())).collect()
}

/// The parameters of a machine: what its kernel began with, what its files said when it booted, what was set since.
pub struct Parameters {
    /// Each with its value as the kernel writes it.
    pub values: BTreeMap<String, String>,
}

impl Parameters {
    /// Those of a machine.
    pub fn of(machine: &Machine) -> Self {
        let mut values: BTreeMap<String, String> =
            FRESH.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        values.insert("kernel.hostname".to_owned(), machine.name.clone());
        values.extend(settings(BOOT));
        let kept = std::fs::read_to_string(machine.folder().join("sysctl.json")).ok();
        values.extend(kept.and_then(|text| serde_json::from_str::<BTreeMap<_, _>>(&text).ok()).unwrap_or_default());
        Self { values }
    }

    /// What one says now.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Keeps them.
    pub fn keep(&self, machine: &Machine) {
        let text = serde_json::to_vec(&self.values).unwrap_or_default();
        let _ = crate::base::files::write_whole(&machine.folder().join("sysctl.json"), &text, 0o600);
    }

    /// Sets one; false where there is none of that name.
    pub fn set(&mut self, key: &str, value: &str) -> bool {
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
