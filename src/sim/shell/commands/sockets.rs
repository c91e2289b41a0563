//! `ss` and `netstat`: which ports of this node somebody listens on: the control plane's, the kubelet's, the runtime's.
//! Who runs follows from the node's Pods and their flags. Source: iproute2 `misc/ss.c`, net-tools `netstat.c`.

use crate::object::meta;
use crate::sim::machine::services::{CONTAINERD, KUBELET};
use crate::sim::shell::call::Call;
use crate::sim::shell::processes::{self, Process};

/// Somebody who listens: address, port, program.
pub(super) type Listener = (String, u16, String);

/// What the parts of a node listen on beside what their flags say: program, address (`*` for all) and port.
const USUAL: &[(&str, &str, u16)] = &[
    ("kube-controller-manager", "127.0.0.1", 10257),
    ("kube-scheduler", "127.0.0.1", 10259),
    ("kube-proxy", "127.0.0.1", 10249),
    ("kube-proxy", "*", 10256),
];

/// What listens beside Pods, while it runs: the kubelet, the runtime, and the way in.
const ALWAYS: &[(&str, &str, u16)] =
    &[("kubelet", "127.0.0.1", 10248), ("kubelet", "*", 10250), ("containerd", "127.0.0.1", 38171), ("sshd", "*", 22)];

fn of_urls(words: &[&str], flag: &str) -> Vec<(String, u16)> {
    let prefix = format!("--{flag}=");
    let urls = words.iter().filter_map(|word| word.strip_prefix(&prefix)).flat_map(|urls| urls.split(','));
    urls.filter_map(|url| {
        let at = url.split_once("://").map_or(url, |(_, at)| at);
        let (ip, port) = at.rsplit_once(':')?;
        Some((ip.to_owned(), port.parse().ok()?))
    })
    .collect()
}

/// Everybody who listens.
pub(super) fn listeners(call: &Call) -> Vec<Listener> {
    let own = |(program, address, port): &(&str, &str, u16)| ((*address).to_owned(), *port, (*program).to_owned());
    let services = call.machine.services();
    let runs = |program: &str| match program {
        "kubelet" => !services.is_down(KUBELET),
        "containerd" => !services.is_down(CONTAINERD),
        _ => true,
    };
    let mut all: Vec<Listener> = ALWAYS.iter().filter(|(program, ..)| runs(program)).map(own).collect();
    for pod in call.inside.kubelet.runtime().pods_of(&call.inside.client, &call.machine.name) {
        if pod.pointer("/spec/hostNetwork") != Some(&true.into()) {
            continue;
        }
        let runs = |name: &str| {
            let statuses = meta::list(&pod, "/status/containerStatuses");
            statuses.iter().any(|one| one["name"] == name && one.pointer("/state/running").is_some())
        };
        for container in meta::list(&pod, "/spec/containers").iter().filter(|one| runs(meta::text(one, "/name"))) {
            let program = meta::text(container, "/name").to_owned();
            let lists = ["/command", "/args"].into_iter().flat_map(|list| meta::list(container, list));
            let words: Vec<&str> = lists.filter_map(|word| word.as_str()).collect();
            let flags = ["listen-client-urls", "listen-peer-urls", "listen-metrics-urls"];
            let urls = flags.iter().flat_map(|flag| of_urls(&words, flag));
            all.extend(urls.map(|(ip, port)| (ip, port, program.clone())));
            let secure = words.iter().find_map(|word| word.strip_prefix("--secure-port=")?.parse::<u16>().ok());
            let usual = USUAL.iter().filter(|(known, ..)| *known == program);
            all.extend(usual.map(|(_, address, port)| {
                let moved = secure.filter(|_| program != "kube-proxy").unwrap_or(*port);
                ((*address).to_owned(), moved, program.clone())
            }));
            if program == "kube-apiserver" {
                all.push(("*".to_owned(), secure.unwrap_or(6443), program.clone()));
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The number of a program's process.
pub(super) fn pid(all: &[Process], program: &str) -> u32 {
    let program = if program == "sshd" { "sshd:" } else { program };
    processes::of_program(all, program).map_or(0, |process| process.pid)
}

/// A program's name as the kernel keeps it.
fn cut(program: &str) -> String {
    program.chars().take(15).collect()
}

/// Letters of all one-letter options together.
fn letters(call: &Call) -> String {
    let short = call.args().iter().filter(|arg| arg.starts_with('-') && !arg.starts_with("--"));
    let long = [
        ("--listening", 'l'),
        ("--tcp", 't'),
        ("--udp", 'u'),
        ("--processes", 'p'),
        ("--programs", 'p'),
        ("--numeric", 'n'),
    ];
    let named = long.iter().filter(|(name, _)| call.args().iter().any(|arg| arg == name)).map(|(_, letter)| *letter);
    short.flat_map(|arg| arg.chars().skip(1)).chain(named).collect()
}

/// `ss`.
pub async fn run(call: Call) -> u8 {
    let letters = letters(&call);
    let (shows, listening) = (letters.contains('p'), letters.contains('l') || letters.contains('a'));
    let filter = call.args().iter().skip_while(|arg| *arg != "sport").nth(2);
    let wanted = filter.and_then(|filter| filter.trim_start_matches(':').parse::<u16>().ok());
    call.say(format_args!(
        "State  Recv-Q Send-Q {:>20} {:>20}{}",
        "Local Address:Port",
        "Peer Address:Port",
        if shows { " Process" } else { "" }
    ));
    if !listening || (letters.contains('u') && !letters.contains('t')) {
        return 0;
    }
    let all = processes::all(&call);
    for (address, port, program) in listeners(&call) {
        if wanted.is_some_and(|wanted| wanted != port) {
            continue;
        }
        let local = format!("{address}:{port}");
        let peer = if address == "*" { "*:*" } else { "0.0.0.0:*" };
        let users = format!(" users:((\"{}\",pid={},fd=3))", cut(&program), pid(&all, &program));
        let users = if shows { users } else { String::new() };
        call.say(format_args!("LISTEN 0      4096   {local:>20} {peer:>20}{users}"));
    }
    0
}

/// `netstat`.
pub async fn netstat(call: Call) -> u8 {
    let letters = letters(&call);
    let shows = letters.contains('p');
    let kind = if letters.contains('l') { "only servers" } else { "servers and established" };
    call.say(format_args!("Active Internet connections ({kind})"));
    call.say(format_args!(
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State      {}",
        if shows { " PID/Program name    " } else { " " }
    ));
    let all = processes::all(&call);
    for (address, port, program) in listeners(&call) {
        let (kind, local, peer) = match address.as_str() {
            "*" => ("tcp6", format!(":::{port}"), ":::*"),
            address => ("tcp", format!("{address}:{port}"), "0.0.0.0:*"),
        };
        let owner = if shows { format!("{}/{}", pid(&all, &program), cut(&program)) } else { String::new() };
        call.say(format_args!("{kind:<5}      0      0 {local:<23} {peer:<23} LISTEN      {owner:<20}"));
    }
    0
}
