//! `lsof -i`: which processes of the node listen on which ports.
//! Who listens is `sockets`'. Source: lsof 4.99, `lsof(8)`.

use super::sockets::{self, Listener};
use crate::sim::shell::call::Call;
use crate::sim::shell::processes;

/// Services whose names stand in `/etc/services`.
const NAMED: &[(u16, &str)] = &[(22, "ssh"), (80, "http"), (443, "https")];

/// The port of an internet address such as `:6443`, `TCP:6443` or `tcp@localhost:6443`; `None` for any.
fn port(address: &str) -> Option<u16> {
    let (_, port) = address.rsplit_once(':')?;
    let named = NAMED.iter().find(|(_, name)| *name == port).map(|(number, _)| *number);
    named.or_else(|| port.parse().ok())
}

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let (mut internet, mut wanted, mut pid, mut numbers, mut terse) = (false, None, None, false, false);
    let mut args = call.args().iter().peekable();
    while let Some(arg) = args.next() {
        let letters = arg.strip_prefix('-').unwrap_or_default();
        if let Some(at) = letters.find('i') {
            internet = true;
            let joined = &letters[at + 1..];
            let next = args.next_if(|next| joined.is_empty() && !next.starts_with('-'));
            wanted = port(next.map_or(joined, String::as_str));
        } else if let Some(rest) = letters.strip_prefix('p') {
            let value = if rest.is_empty() { args.next().cloned().unwrap_or_default() } else { rest.to_owned() };
            pid = value.parse::<u32>().ok();
        }
        let flags = letters.split(['i', 's']).next().unwrap_or_default();
        numbers |= flags.contains('P');
        terse |= flags.contains('t');
    }
    if !internet {
        call.instead();
        return 0;
    }
    let all = processes::all(&call);
    let listeners = sockets::listeners(&call).into_iter();
    let found: Vec<(Listener, u32)> = listeners
        .filter(|(_, port, _)| wanted.is_none_or(|wanted| wanted == *port))
        .map(|listener| (sockets::pid(&all, &listener.2), listener))
        .filter(|(one, _)| pid.is_none_or(|pid| pid == *one))
        .map(|(pid, listener)| (listener, pid))
        .collect();
    if found.is_empty() {
        return 1;
    }
    if terse {
        let mut pids: Vec<u32> = found.iter().map(|(_, pid)| *pid).collect();
        pids.sort_unstable();
        pids.dedup();
        pids.iter().for_each(|pid| call.say(pid));
        return 0;
    }
    call.say("COMMAND     PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME");
    for (at, ((address, port, program), pid)) in found.iter().enumerate() {
        let kind = if address == "*" { "IPv6" } else { "IPv4" };
        let named = NAMED.iter().find(|(number, _)| number == port && !numbers);
        let port = named.map_or_else(|| port.to_string(), |(_, name)| (*name).to_owned());
        let program: String = program.chars().take(9).collect();
        let (descriptor, device) = (format!("{}u", 3 + at % 20), 20_000 + 17 * at);
        call.say(format_args!(
            "{program:<9} {pid:>5} root {descriptor:>5}  {kind:<5} {device:>6}      0t0  TCP {address}:{port} (LISTEN)"
        ));
    }
    0
}

#[cfg(test)]
mod tests {
    use super::port;

    #[test]
    fn addresses_have_their_port_last() {
        assert_eq!(
            (port(":6443"), port("TCP:6443"), port("tcp@localhost:ssh"), port("TCP")),
            (Some(6443), Some(6443), Some(22), None)
        );
    }
}
