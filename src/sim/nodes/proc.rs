//! What a container's processes read in `/proc` of the first of them and of the machine.
//! The kernel's parameters, `/proc/sys`, are `sysctls.rs`'. Source: proc(5), capabilities(7), and containerd's default capabilities.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::process::tree::Entry;

/// The kernel's capabilities, in the order of their numbers.
pub const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Those a runtime gives to every container (`pkg/oci/spec.go` of containerd).
const USUAL: u64 = 0xa804_25fb;

/// Whether a container has this capability when nothing is said.
pub fn is_usual(name: &str) -> bool {
    mask(std::iter::once(name)) & USUAL != 0
}

fn mask<'a>(names: impl Iterator<Item = &'a str>) -> u64 {
    let bit = |name: &str| CAPABILITIES.iter().position(|known| *known == name).map_or(0, |at| 1 << at);
    names.map(bit).fold(0, |all, bit| all | bit)
}

/// A container's first process, as it begins.
pub struct First<'a> {
    pub words: &'a [String],
    pub variables: &'a BTreeMap<String, String>,
    /// User and group.
    pub ids: (i64, i64),
    pub groups: &'a [i64],
    /// The capabilities nobody in the container can have more than; whether a process may get more rights than it was started with;
    /// whether system calls are filtered.
    pub rights: (&'a [String], bool, bool),
}

impl First<'_> {
    /// The files of `/proc` that tell of it, and of the machine.
    pub fn files(&self) -> Vec<(String, Entry)> {
        let ended = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| format!("{text}\0")).collect::<String>();
        let files = [
            ("1/status", self.status()),
            ("1/comm", format!("{}\n", self.name())),
            ("1/cmdline", ended(&mut self.words.iter().cloned())),
            ("1/environ", ended(&mut self.variables.iter().map(|(name, value)| format!("{name}={value}")))),
            ("cpuinfo", CPUS.to_owned()),
            ("meminfo", MEMORY.to_owned()),
            ("loadavg", "0.10 0.08 0.05 1/186 12\n".to_owned()),
            ("uptime", "86400.00 171000.00\n".to_owned()),
        ];
        let made = Timestamp::UNIX_EPOCH;
        let file =
            |(path, text): (&str, String)| (format!("proc/{path}"), Entry { mode: 0o444, ..Entry::file(text, made) });
        std::iter::once(("proc/1".to_owned(), Entry::folder(made))).chain(files.into_iter().map(file)).collect()
    }

    fn name(&self) -> String {
        let path = self.words.first().map_or("", String::as_str);
        path.rsplit('/').next().unwrap_or_default().chars().take(15).collect()
    }

    fn status(&self) -> String {
        let ((user, group), (bounding, escalates, filters)) = (self.ids, self.rights);
        let four = |id: i64| vec![id.to_string(); 4].join("\t");
        let mut groups = self.groups.to_vec();
        groups.push(group);
        groups.sort_unstable();
        groups.dedup();
        let groups: String = groups.iter().map(|group| format!("{group} ")).collect();
        let bounding = mask(bounding.iter().map(String::as_str));
        let own = if user == 0 { bounding } else { 0 };
        let (filter, no_more) = (if filters { 2 } else { 0 }, u8::from(!escalates));
        let lines = [
            ("Name", self.name()),
            ("Umask", "0022".to_owned()),
            ("State", "S (sleeping)".to_owned()),
            ("Tgid", "1".to_owned()),
            ("Ngid", "0".to_owned()),
            ("Pid", "1".to_owned()),
            ("PPid", "0".to_owned()),
            ("TracerPid", "0".to_owned()),
            ("Uid", four(user)),
            ("Gid", four(group)),
            ("FDSize", "64".to_owned()),
            ("Groups", groups),
            ("Threads", "1".to_owned()),
            ("CapInh", format!("{:016x}", 0)),
            ("CapPrm", format!("{own:016x}")),
            ("CapEff", format!("{own:016x}")),
            ("CapBnd", format!("{bounding:016x}")),
            ("CapAmb", format!("{:016x}", 0)),
            ("NoNewPrivs", no_more.to_string()),
            ("Seccomp", filter.to_string()),
        ];
        lines.iter().map(|(name, value)| format!("{name}:\t{value}\n")).collect()
    }
}

const CPUS: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Virtual CPU\ncpu cores\t: 2\n\n\
    processor\t: 1\nvendor_id\t: GenuineIntel\nmodel name\t: Virtual CPU\ncpu cores\t: 2\n\n";
/// The same as `free` tells.
const MEMORY: &str = "MemTotal:        4015744 kB\nMemFree:          903520 kB\nMemAvailable:    2550112 kB\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runtime_gives_is_what_the_kernel_counts() {
        let usual: Vec<String> =
            CAPABILITIES.iter().filter(|name| is_usual(name)).map(|name| (*name).to_owned()).collect();
        assert_eq!(usual.len(), 14);
        let (words, variables) = (["/bin/sleep".to_owned(), "5".to_owned()], BTreeMap::new());
        let of =
            |ids| First { words: &words, variables: &variables, ids, groups: &[2000], rights: (&usual, true, false) };
        let root = of((0, 0)).status();
        assert!(root.starts_with("Name:\tsleep\n") && root.contains("CapEff:\t00000000a80425fb\n"), "{root}");
        let user = of((1000, 3000)).status();
        assert!(user.contains("CapEff:\t0000000000000000\n") && user.contains("Groups:\t2000 3000 \n"), "{user}");
    }
}
