//! `curl` on a node: what is within the cluster is asked through its network, everything else by this machine's own `curl`.
//! The API server listens on this machine, so that it is asked by the latter, led to where it listens.

use std::net::IpAddr;

use crate::sim::machine::Machine;
use crate::sim::nodes::errand::Errand;
use crate::sim::nodes::process::files::absolute;
use crate::sim::nodes::process::stream::Stream;
use crate::sim::shell::call::Call;

/// Where etcd listens: it speaks to nobody without a certificate.
const ETCD: [u16; 2] = [2379, 2380];
/// Where the API server of a control plane listens.
const API: u16 = 6443;
/// Ports of a node's own that nobody of this machine is to answer for: the kubelet's, the proxy's, the control plane's.
const NODES: [u16; 7] = [10248, 10249, 10250, 10256, 10257, 10259, 2381];

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let places = call.args().iter().filter(|word| !word.starts_with('-')).filter_map(|word| place(word));
    if let Some((host, _)) = places.into_iter().find(|(host, port)| *port == API && is_node(&call, host)) {
        return api(&call, host);
    }
    if !call.args().iter().filter(|word| !word.starts_with('-')).any(|word| is_within(&call, word)) {
        call.instead();
        return 0;
    }
    let errand =
        Errand { node: call.machine.name.clone(), words: call.words.clone(), folder: absolute("/", &call.cwd) };
    let say = |stream, bytes| match stream {
        Stream::Output => call.bytes(bytes),
        Stream::Errors => call.errors(bytes),
    };
    let outputs: Vec<String> = outputs(call.args()).iter().map(|path| absolute("/", &call.path(path))).collect();
    let keep = |files: &crate::sim::nodes::process::files::Files| {
        for path in &outputs {
            if let (Ok(bytes), Ok(root)) = (files.read(path), call.files())
                && let Err(error) = root.write(path, &bytes, 0o644)
            {
                call.complain(format_args!("curl: (23) client returned ERROR on write, {path}: {error}"));
            }
        }
    };
    match call.inside.kubelet.errand(&errand, say, keep).await {
        Ok(code) => code,
        Err(why) => {
            call.complain(format_args!("curl: (7) {why}"));
            7
        }
    }
}

/// Whether a host is a node's loopback device, or a node by its address or name.
fn is_node(call: &Call, host: &str) -> bool {
    is_loopback(host) || call.inside.machines.all().iter().any(|machine| is_of(machine, host))
}

fn is_of(machine: &Machine, host: &str) -> bool {
    machine.address == host || machine.name == host
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host == "127.0.0.1"
}

/// Asks the API server at a node's port: by this machine's own `curl`, with the certificates that are shown, where one listens.
fn api(call: &Call, host: &str) -> u8 {
    let machines = &call.inside.machines;
    let all = machines.all();
    let there = if is_loopback(host) { Some(&call.machine) } else { all.iter().find(|machine| is_of(machine, host)) };
    if there.is_some_and(|machine| machine.has_control_plane()) && call.inside.kubelet.runtime().is_served() {
        call.instead_with(&["--connect-to".to_owned(), format!("{host}:{API}:{}", machines.birth().api)]);
        return 0;
    }
    let short = call.args().iter().filter(|arg| arg.starts_with('-') && !arg.starts_with("--"));
    let letters: String = short.map(String::as_str).collect();
    if !letters.contains('s') || letters.contains('S') {
        call.complain(format_args!(
            "curl: (7) Failed to connect to {host} port {API} after 0 ms: Couldn't connect to server"
        ));
    }
    7
}

/// A URL's host and port, as far as it is one.
fn place(word: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = word.split_once("://").unwrap_or(("http", word));
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let usual = if scheme == "https" { 443 } else { 80 };
    match authority.rsplit_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((authority, usual)),
    }
}

/// Whether a word of the command leads into the cluster's network.
fn is_within(call: &Call, word: &str) -> bool {
    let Some((host, port)) = place(word) else { return false };
    let machines = &call.inside.machines;
    let api = machines.birth().api.port();
    if host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        let own = port == api || ETCD.contains(&port);
        let address = host.parse().unwrap_or(IpAddr::from([127, 0, 0, 1]));
        return NODES.contains(&port) || !own && call.inside.kubelet.has(&call.machine.name, address, port);
    }
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [first, second, third, _] = address.octets();
            // Services, Pods, nodes.
            (first == 10 && (96..112).contains(&second))
                || (first, second) == (10, 244)
                || [first, second, third] == [192, 168, 56]
        }
        Ok(IpAddr::V6(_)) => false,
        Err(_) => port != api && machines.get(host).is_some(),
    }
}

/// The letters of options that take a value.
const VALUED: &str = "oDXHduAemwbcTxEFKrCyYzPQt";

/// The files that are to be written, as they are named.
fn outputs(words: &[String]) -> Vec<String> {
    let (mut paths, mut remote) = (Vec::new(), false);
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--output" | "--dump-header" => paths.extend(rest.next().cloned()),
            "--remote-name" => remote = true,
            _ if word.starts_with("--") => {}
            _ => {
                let letters = word.strip_prefix('-').unwrap_or_default();
                remote |= letters.chars().take_while(|letter| !VALUED.contains(*letter)).any(|letter| letter == 'O');
                let Some(at) = letters.find(|letter| VALUED.contains(letter)) else { continue };
                let joined = Some(&letters[at + 1..]).filter(|joined| !joined.is_empty()).map(str::to_owned);
                let value = joined.or_else(|| rest.next().cloned());
                paths.extend(value.filter(|_| letters[at..].starts_with(['o', 'D'])));
            }
        }
    }
    if remote {
        let urls = words.iter().filter(|word| !word.starts_with('-') && word.contains('/'));
        paths.extend(urls.filter_map(|url| url.rsplit('/').next()).filter(|name| !name.is_empty()).map(str::to_owned));
    }
    paths.retain(|path| path != "-" && path != "/dev/null");
    paths
}

#[cfg(test)]
mod tests {
    use super::{outputs, place};

    #[test]
    fn places_are_read_as_curl_reads_them() {
        assert_eq!(place("localhost:30080"), Some(("localhost", 30080)));
        assert_eq!(place("http://node01:30080/a?b=c:d"), Some(("node01", 30080)));
        assert_eq!(place("https://me:pw@10.96.0.1"), Some(("10.96.0.1", 443)));
        assert_eq!(place("web"), Some(("web", 80)));
        assert_eq!(place("Host: a b"), None);
    }

    #[test]
    fn files_are_named_in_all_the_ways_curl_knows() {
        let named = |line: &str| outputs(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(named("-s localhost:30080 -o a"), ["a"]);
        assert_eq!(named("-so a localhost:30080"), ["a"]);
        assert_eq!(named("-sSLoa -D h localhost:30080"), ["a", "h"]);
        assert_eq!(named("-sO localhost:30080/b.html"), ["b.html"]);
        assert_eq!(named("-H Oo:o -X GET localhost:30080 -o -"), Vec::<String>::new());
    }
}
