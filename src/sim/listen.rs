//! Where a cluster's API server listens: an address of its own on loopback, so that each of many clusters has port 6443.
//! Listening there is `apiserver/tls`'s.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::base::files;
use crate::base::seed::Seed;

/// The port of a real API server.
const PORT: u16 = 6443;
/// How many addresses are tried before any free port will do.
const TRIES: u64 = 8;

/// The file that keeps a cluster's address, so that kubeconfigs on its nodes stay right.
fn file(dir: &Path) -> std::path::PathBuf {
    dir.join("address")
}

/// Addresses to try, best first: the port somebody asked for, else where the cluster of this folder listened before, else an address
/// that no other program uses, else any port.
pub fn candidates(dir: Option<&Path>, port: u16) -> Vec<SocketAddr> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if port != 0 {
        return vec![any];
    }
    let known = dir.and_then(|dir| std::fs::read_to_string(file(dir)).ok()?.trim().parse().ok());
    let seed = Seed::random();
    // All of 127.0.0.0/8 is loopback on Linux; elsewhere only 127.0.0.1 is there without being set up.
    let tries = if cfg!(target_os = "linux") { TRIES } else { 0 };
    let fresh = (0..tries).map(|one| {
        let [a, b, c, ..] = seed.derive(&one.to_string()).0.to_be_bytes();
        SocketAddr::from((Ipv4Addr::new(127, 16 + a % 200, b, 1 + c % 250), PORT))
    });
    known.into_iter().filter(|address: &SocketAddr| address.ip().is_loopback()).chain(fresh).chain([any]).collect()
}

/// Remembers where the cluster of a folder listens.
pub fn remember(dir: &Path, address: SocketAddr) -> std::io::Result<()> {
    files::write_whole(&file(dir), address.to_string().as_bytes(), 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_listens_where_it_did_before() {
        let dir = tempfile::tempdir().unwrap();
        let address = candidates(Some(dir.path()), 0)[0];
        assert!(address.ip().is_loopback());
        remember(dir.path(), address).unwrap();
        assert_eq!(candidates(Some(dir.path()), 0)[0], address);
        assert_eq!(candidates(Some(dir.path()), 7443), ["127.0.0.1:7443".parse().unwrap()]);
    }

    #[test]
    fn nobody_is_led_off_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("address"), "0.0.0.0:6443").unwrap();
        assert!(candidates(Some(dir.path()), 0).iter().all(|address| address.ip().is_loopback()));
    }
}
