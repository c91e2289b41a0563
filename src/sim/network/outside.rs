//! The world outside the cluster: a few hosts that have a name, an address, and a web server.
//! Everything else out there has no name and does not answer.

use std::net::{IpAddr, Ipv4Addr};

use super::answer::{Reply, Request};

/// Names and addresses.
const HOSTS: &[(&str, [u8; 4])] = &[
    ("example.com", [93, 184, 215, 14]),
    ("www.example.com", [93, 184, 215, 14]),
    ("example.org", [93, 184, 215, 15]),
    ("example.net", [93, 184, 215, 16]),
    ("kubernetes.io", [15, 197, 167, 90]),
    ("www.kubernetes.io", [15, 197, 167, 90]),
    ("google.com", [142, 250, 185, 78]),
    ("www.google.com", [142, 250, 185, 68]),
    ("github.com", [140, 82, 121, 3]),
    ("registry.k8s.io", [34, 96, 108, 209]),
    ("one.one.one.one", [1, 1, 1, 1]),
    ("dns.google", [8, 8, 8, 8]),
];

/// The address of a name.
pub fn look_up(name: &str) -> Option<IpAddr> {
    HOSTS.iter().find(|(known, _)| *known == name).map(|(_, address)| IpAddr::V4(Ipv4Addr::from(*address)))
}

/// Whether somebody out there has the address.
pub fn is_there(address: IpAddr) -> bool {
    HOSTS.iter().any(|(_, known)| address == IpAddr::V4(Ipv4Addr::from(*known)))
}

/// Whether those out there listen on a port; DNS servers also on theirs.
pub fn listens(address: IpAddr, port: u16) -> bool {
    is_there(address) && (matches!(port, 80 | 443) || (port == 53 && is_resolver(address)))
}

/// Whether names can be asked for there.
pub fn is_resolver(address: IpAddr) -> bool {
    [IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)), IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8))].contains(&address)
}

/// What a web server out there answers.
pub fn answer(request: &Request) -> Reply {
    let body =
        format!("<!doctype html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n", request.host);
    Reply { status: 200, server: "simulated".to_owned(), body, ..Reply::default() }
}
