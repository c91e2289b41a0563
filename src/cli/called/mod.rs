//! This program under other names: on a node as the commands that the cluster answers for, and everywhere as `ssh` and `scp` to nodes.
//! What is typed as `kubedrill` is `commands`'.

mod scp;
mod ssh;
mod sudo;

use std::future::Future;
use std::path::Path;
use std::process::ExitCode;

use crate::cluster::entry::{self, Place};

/// What has to run before there are threads, or is called by another name than `kubedrill`.
pub fn early() -> Option<ExitCode> {
    if let Some(ended) = entry::stage() {
        return Some(ended);
    }
    let mut words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let name = Path::new(words.first()?).file_name()?.to_string_lossy().into_owned();
    let rest = words.get(1..).unwrap_or_default();
    match (name.as_str(), Place::here()) {
        ("ssh", place) => Some(ssh::run(rest, place)),
        ("scp", place) => Some(scp::run(rest, place)),
        ("sudo", Some(place)) => Some(sudo::run(rest, &place)),
        ("su", Some(_)) => Some(sudo::substitute(rest)),
        ("kubedrill", _) | (_, None) => None,
        (_, Some(place)) => {
            words[0] = name;
            Some(entry::run(&place, words))
        }
    }
}

/// Says why something fails as `ssh` and `scp` do, whose exit code then is 255.
fn failed(said: &str) -> ExitCode {
    eprintln!("{said}");
    ExitCode::from(255)
}

/// Waits for what the cluster says.
fn waited<T>(asked: impl Future<Output = T>) -> std::io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(asked))
}

/// What is told of a host that is no node, in getaddrinfo's words.
fn unknown(host: &str) -> String {
    format!("ssh: Could not resolve hostname {host}: Name or service not known")
}
