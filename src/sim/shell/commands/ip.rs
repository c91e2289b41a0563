//! `ip`: the links, addresses and routes of this node, as flannel leaves them. They can be read, not changed.
//! Source: iproute2 6.1, `ip/ipaddress.c`, `ip/iproute.c`.

use crate::sim::machine::Machine;
use crate::sim::nodes::hash;
use crate::sim::shell::call::Call;

/// A link.
struct Link {
    name: &'static str,
    flags: &'static str,
    mtu: u32,
    state: &'static str,
    hardware: String,
    /// With the length of its prefix.
    address: String,
    scope: &'static str,
}

/// The third number of the node's Pod network.
fn index(machine: &Machine) -> u32 {
    let last = machine.address.rsplit('.').next().and_then(|last| last.parse::<u32>().ok());
    last.unwrap_or(10).saturating_sub(10)
}

/// The hardware address of a link, the same each time.
fn hardware(machine: &Machine, link: &str) -> String {
    let digest = hash(&[&machine.name, link]);
    let bytes: Vec<&str> = (0..5).filter_map(|at| digest.get(2 * at..2 * at + 2)).collect();
    format!("52:{}", bytes.join(":"))
}

fn links(machine: &Machine) -> Vec<Link> {
    let index = index(machine);
    let link = |name, (flags, mtu, state), (address, scope)| Link {
        name,
        flags,
        mtu,
        state,
        hardware: hardware(machine, name),
        address,
        scope,
    };
    let up = "BROADCAST,MULTICAST,UP,LOWER_UP";
    let mut all = vec![
        link("lo", ("LOOPBACK,UP,LOWER_UP", 65536, "UNKNOWN"), ("127.0.0.1/8".to_owned(), "host")),
        link("eth0", (up, 1500, "UP"), (format!("{}/24", machine.address), "global")),
        link("flannel.1", (up, 1450, "UNKNOWN"), (format!("10.244.{index}.0/32"), "global")),
        link("cni0", (up, 1450, "UP"), (format!("10.244.{index}.1/24"), "global")),
    ];
    all[0].hardware = "00:00:00:00:00:00".to_owned();
    all
}

fn discipline(link: &Link) -> &'static str {
    match link.name {
        "eth0" => "fq_codel",
        _ => "noqueue",
    }
}

fn show_links(call: &Call, chosen: &[(usize, Link)], (brief, addresses): (bool, bool)) {
    for (number, link) in chosen {
        let Link { name, flags, mtu, state, hardware, address, scope } = link;
        if brief {
            let rest = if addresses { address.clone() } else { format!("{hardware} <{flags}>") };
            call.say(format_args!("{name:<16} {state:<14} {rest} "));
            continue;
        }
        let queue = discipline(link);
        call.say(format_args!(
            "{number}: {name}: <{flags}> mtu {mtu} qdisc {queue} state {state} {}group default qlen 1000",
            if addresses { "" } else { "mode DEFAULT " }
        ));
        let (kind, broadcast) =
            if *name == "lo" { ("loopback", "00:00:00:00:00:00") } else { ("ether", "ff:ff:ff:ff:ff:ff") };
        call.say(format_args!("    link/{kind} {hardware} brd {broadcast}"));
        if addresses {
            call.say(format_args!(
                "    inet {address} scope {scope} {name}\n       valid_lft forever preferred_lft forever"
            ));
        }
    }
}

fn routes(call: &Call) {
    let machine = &call.machine;
    let (own, index) = (&machine.address, index(machine));
    let (network, _) = own.rsplit_once('.').unwrap_or((own, ""));
    call.say(format_args!("default via {network}.1 dev eth0 proto static"));
    let mut others: Vec<u32> = call.inside.machines.all().iter().map(|other| self::index(other)).collect();
    others.sort_unstable();
    for other in others {
        match other == index {
            true => call.say(format_args!("10.244.{other}.0/24 dev cni0 proto kernel scope link src 10.244.{other}.1")),
            false => call.say(format_args!("10.244.{other}.0/24 via 10.244.{other}.0 dev flannel.1 onlink")),
        }
    }
    call.say(format_args!("{network}.0/24 dev eth0 proto kernel scope link src {own}"));
}

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let (options, words): (Vec<&String>, Vec<&String>) = call.args().iter().partition(|arg| arg.starts_with('-'));
    let brief = options.iter().any(|option| matches!(option.as_str(), "-br" | "-brief" | "--brief"));
    let six = options.iter().any(|option| option.as_str() == "-6");
    let words: Vec<&str> = words.into_iter().map(String::as_str).collect();
    let Some((object, rest)) = words.split_first() else {
        call.complain("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }");
        return 255;
    };
    let begins = |whole: &str| whole.starts_with(object);
    if let Some(verb) =
        rest.first().filter(|verb| ["add", "del", "delete", "change", "replace", "set", "flush"].contains(verb))
    {
        call.complain(format_args!("ip: {object} {verb} is not simulated by this practice cluster"));
        return 2;
    }
    let named = rest.iter().rfind(|word| !["show", "list", "ls", "dev", "s", "l"].contains(word));
    let all = links(&call.machine).into_iter().enumerate().map(|(at, link)| (at + 1, link));
    let chosen: Vec<(usize, Link)> = all.filter(|(_, link)| named.is_none_or(|name| *name == link.name)).collect();
    match () {
        () if begins("address") || begins("addr") || begins("link") => {
            if let Some(name) = named.filter(|_| chosen.is_empty()) {
                call.complain(format_args!("Device \"{name}\" does not exist."));
                return 1;
            }
            if !six {
                show_links(&call, &chosen, (brief, begins("address")));
            }
        }
        () if begins("route") => {
            if !six {
                routes(&call);
            }
        }
        () => {
            call.complain(format_args!("Object \"{object}\" is unknown, try \"ip help\"."));
            return 1;
        }
    }
    0
}
