//! The processes of a node as `ps`, `pgrep`, `kill` and others see them: systemd's units, and what runs in containers.
//! What they are called and numbered is here; what becomes of one that gets a signal, too. How they are listed is each command's.

use jiff::Timestamp;

use super::call::Call;
use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::machine::services::{Active, CONTAINERD, KUBELET, QUIET, Systemd};
use crate::sim::nodes::hash;
use crate::sim::nodes::process::signals;

/// What a process is of.
#[derive(Clone, Debug)]
pub enum Of {
    /// A unit of this name.
    Unit(String),
    /// A container with this id of a Pod.
    Container(Object, String),
    /// The system, or what keeps a container: nobody here ends it.
    System,
}

/// A process.
#[derive(Clone, Debug)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    pub user: String,
    pub started: Timestamp,
    pub words: Vec<String>,
    pub of: Of,
}

impl Process {
    /// Its name, as the kernel keeps it: 15 characters.
    pub fn name(&self) -> &str {
        let word = self.words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
        word.char_indices().nth(15).map_or(word, |(end, _)| &word[..end])
    }

    /// Its whole line.
    pub fn line(&self) -> String {
        self.words.join(" ")
    }
}

/// The programs of units that only run.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("cron.service", "root", "/usr/sbin/cron -f -P"),
    (
        "dbus.service",
        "message+",
        "@dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only",
    ),
    ("rsyslog.service", "syslog", "/usr/sbin/rsyslogd -n -iNONE"),
    ("ssh.service", "root", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"),
    ("systemd-journald.service", "root", "/usr/lib/systemd/systemd-journald"),
    ("systemd-logind.service", "root", "/usr/lib/systemd/systemd-logind"),
    ("systemd-networkd.service", "systemd+", "/usr/lib/systemd/systemd-networkd"),
    ("systemd-resolved.service", "systemd+", "/usr/lib/systemd/systemd-resolved"),
    ("systemd-timesyncd.service", "systemd+", "/usr/lib/systemd/systemd-timesyncd"),
    ("systemd-udevd.service", "root", "/usr/lib/systemd/systemd-udevd"),
];

fn split(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// A number that a container has here, the same each time.
fn number(id: &str, which: u32) -> u32 {
    let digest = hash(&[id]);
    let number = u32::from_str_radix(digest.get(..6).unwrap_or_default(), 16).unwrap_or_default();
    4000 + number % 9000 * 3 + which
}

/// The number of the process a container was started for, by the container's id.
pub fn of_container(id: &str) -> u32 {
    number(id, 2)
}

/// Every process of the node, by their numbers.
pub fn all(call: &Call) -> Vec<Process> {
    let now = call.inside.client.clock().now();
    let born = call.inside.machines.birth().now;
    let mut all = vec![Process {
        pid: 1,
        parent: 0,
        user: "root".to_owned(),
        started: born,
        words: split("/sbin/init"),
        of: Of::System,
    }];
    for quiet in QUIET {
        let Some((_, user, line)) = PROGRAMS.iter().find(|(name, ..)| *name == quiet.name) else { continue };
        let runs = call.machine.services().unit(quiet.name).is_none_or(|unit| unit.active == Active::Running);
        let pid = call.machine.services().unit(quiet.name).map_or(quiet.pid, |unit| unit.pid);
        if runs {
            let (user, of) = ((*user).to_owned(), Of::Unit(quiet.name.to_owned()));
            all.push(Process { pid, parent: 1, user, started: born, words: split(line), of });
        }
    }
    if let Ok(root) = call.files() {
        for name in [CONTAINERD, KUBELET] {
            let Ok(unit) = (Systemd { machine: &call.machine, root, now }).unit(name) else { continue };
            let words = unit.loaded.as_ref().and_then(|loaded| loaded.command(root).ok()).unwrap_or_default();
            if unit.active == Active::Running && !words.is_empty() {
                let (user, of) = ("root".to_owned(), Of::Unit(name.to_owned()));
                all.push(Process { pid: unit.pid, parent: 1, user, started: unit.started, words, of });
            }
        }
    }
    all.extend(containers(call));
    all.sort_by_key(|process| process.pid);
    all
}

/// What keeps Pods, and what runs in their containers.
fn containers(call: &Call) -> Vec<Process> {
    let mut all = Vec::new();
    for pod in call.inside.kubelet.runtime().pods_of(&call.inside.client, &call.machine.name) {
        let lists =
            ["/status/initContainerStatuses", "/status/containerStatuses", "/status/ephemeralContainerStatuses"];
        let statuses = lists.iter().flat_map(|list| meta::list(&pod, list));
        let running: Vec<_> = statuses.filter(|status| status.pointer("/state/running").is_some()).collect();
        if running.is_empty() {
            continue;
        }
        let sandbox = hash(&[meta::uid(&pod), "sandbox"]);
        let started = meta::text(&pod, "/status/startTime").parse().unwrap_or_default();
        let shim = number(&sandbox, 0);
        let line = format!(
            "/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id {sandbox} -address /run/containerd/containerd.sock"
        );
        let system = |pid, parent, user: &str, line: &str| Process {
            pid,
            parent,
            user: user.to_owned(),
            started,
            words: split(line),
            of: Of::System,
        };
        all.push(system(shim, 1, "root", &line));
        all.push(system(number(&sandbox, 1), shim, "65535", "/pause"));
        let front = call.inside.kubelet.runtime().front(meta::uid(&pod));
        for status in running {
            let id = meta::text(status, "/containerID");
            let Some(run) = front.as_ref().and_then(|front| front.run(id)).filter(|run| run.end().is_none()) else {
                continue;
            };
            all.push(Process {
                pid: of_container(id),
                parent: shim,
                user: if run.user == 0 { "root".to_owned() } else { run.user.to_string() },
                started: run.started,
                words: run.recipe.words.clone(),
                of: Of::Container(pod.clone(), id.to_owned()),
            });
        }
    }
    all
}

/// The process of a program of a container or unit here, by its name.
pub fn of_program<'a>(all: &'a [Process], program: &str) -> Option<&'a Process> {
    all.iter().find(|process| process.words.first().is_some_and(|word| word.rsplit('/').next() == Some(program)))
}

/// Sends a signal: a unit's process ends, and systemd does what its files say; a container's does what it does.
pub fn send(call: &Call, process: &Process, signal: u8) {
    if signal == 0 {
        return;
    }
    match &process.of {
        Of::System => {}
        Of::Unit(name) => {
            if let Ok(root) = call.files() {
                let now = call.inside.client.clock().now();
                let word = signals::name(signal).unwrap_or("TERM");
                Systemd { machine: &call.machine, root, now }.killed(name, (signal, word));
            }
        }
        Of::Container(pod, id) => call.inside.kubelet.signal(pod, id, signal),
    }
}
