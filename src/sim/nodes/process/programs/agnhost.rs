//! `agnhost`: the image of many small servers and testers that Kubernetes' own documentation and tests use.
//! Its servers over HTTP are `server.rs`'s. Source: `test/images/agnhost` of kubernetes/kubernetes.

use std::time::Duration;

use super::{agnhost_answer, guestbook, openid, server};
use crate::sim::network::{Protocol, Silence};
use crate::sim::nodes::process::files::FileError;
use crate::sim::nodes::process::program::Program;

/// What `mounttest` writes.
const CONTENT: &str = "mount-tester new file\n";

/// `agnhost COMMAND [OPTIONS]`.
pub async fn agnhost(program: Program) -> i32 {
    match program.words.get(1).map(String::as_str) {
        Some("mounttest") => mounttest(&program).await,
        Some("entrypoint-tester") => i32::from(!program.say(&format!("[{}]", program.words.join(" "))).await),
        Some("pause") | None => {
            if program.is_first() {
                program.container.ends_on_term(2);
            }
            program.say("Paused").await;
            program.say("Signals registered").await;
            program.wait_for_ever().await
        }
        Some("netexec") => {
            let mut ports = vec![port(&program, "http-port", 8080), port(&program, "udp-port", 8081)];
            // A negative port is none.
            if option(&program, "udp-port").is_some_and(|port| port.starts_with('-')) {
                ports.truncate(1);
            }
            ports.dedup();
            server::serve(&program, ports).await
        }
        Some("serve-hostname") => server::serve(&program, vec![port(&program, "port", 9376)]).await,
        Some("liveness" | "nettest") => server::serve(&program, vec![port(&program, "port", 8080)]).await,
        Some("webhook" | "crd-conversion-webhook") => server::serve(&program, vec![port(&program, "port", 443)]).await,
        Some("grpc-health-checking") => {
            let ports = vec![port(&program, "port", 5000), port(&program, "http-port", 8080)];
            server::serve(&program, ports).await
        }
        Some("test-service-account-issuer-discovery") => openid::check(&program).await,
        Some("guestbook") => guestbook::guestbook(&program).await,
        Some("porter") => {
            let ports = agnhost_answer::porter_ports(program.variables.keys());
            server::serve(&program, ports).await
        }
        Some("test-webserver") => {
            let port = port(&program, "port", 80);
            program.container.serves_files(port, "/");
            server::serve(&program, vec![port]).await
        }
        Some("etc-hosts") => {
            let hosts = program.container.files.read("/etc/hosts").unwrap_or_default();
            i32::from(!program.write(&hosts).await)
        }
        Some("dns-suffix") => {
            let searches = program.container.network.resolver.searches.join(",");
            i32::from(!program.say(&searches).await)
        }
        Some("dns-server-list") => {
            let servers = program.container.network.resolver.servers.iter().map(ToString::to_string);
            let servers = servers.collect::<Vec<_>>().join(",");
            i32::from(!program.say(&servers).await)
        }
        Some("connect") => connect(&program).await,
        Some("logs-generator") => logs(&program).await,
        _ => server::own_program(program).await,
    }
}

/// `--name=value` or `--name value`.
pub(super) fn option(program: &Program, name: &str) -> Option<String> {
    let mut words = program.args();
    while let Some(word) = words.next() {
        let Some(rest) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
        match rest.split_once('=') {
            Some((known, value)) if known == name => return Some(value.to_owned()),
            None if rest == name => return words.next().map(str::to_owned),
            _ => {}
        }
    }
    None
}

/// The port of an option, or the usual one.
fn port(program: &Program, name: &str, usual: u16) -> u16 {
    option(program, name).and_then(|port| port.parse().ok()).unwrap_or(usual)
}

/// Goes through its options in an order of its own, whatever theirs.
async fn mounttest(program: &Program) -> i32 {
    let mut failed = false;
    if let Some(path) = option(program, "fs_type") {
        let kind = if program.container.files.is_in_memory(&path) { "tmpfs" } else { "61267" };
        program.say(&format!("mount type of {path:?}: {kind}")).await;
    }
    for mode in [0o644, 0o666, 0o660, 0o777] {
        let Some(path) = option(program, &format!("new_file_0{mode:o}")) else { continue };
        let files = &program.container.files;
        let written = files.write(&path, CONTENT.as_bytes(), false, program.engine().now());
        match written.and_then(|()| files.set_mode(&path, mode)) {
            Ok(()) => failed |= !content(program, &path).await,
            Err(why) => {
                failed = true;
                program.say(&format!("error writing new file {path:?}: open {path}: {}", go(why))).await;
            }
        }
    }
    for (name, word) in [("file_mode", "mode of file"), ("file_perm", "perms of file")] {
        let Some(path) = option(program, name) else { continue };
        match program.container.files.stat(&path) {
            Some(entry) => {
                let first = match (entry.is_folder(), name) {
                    (true, "file_mode") => match (entry.mode & 0o2000 != 0, entry.mode & 0o1000 != 0) {
                        (true, true) => "dgt",
                        (true, false) => "dg",
                        (false, true) => "dt",
                        (false, false) => "d",
                    },
                    _ => "-",
                };
                program.say(&format!("{word} {path:?}: {first}{}", letters(entry.mode))).await;
            }
            None => {
                failed = true;
                program.say(&format!("error from Stat({path:?}): stat {path}: no such file or directory")).await;
            }
        }
    }
    if let Some(path) = option(program, "file_owner") {
        let (user, group) = program.container.files.stat(&path).map(|entry| entry.owner).unwrap_or_default();
        program.say(&format!("owner UID of {path:?}: {user}\nowner GID of {path:?}: {group}")).await;
    }
    if let Some(path) = option(program, "file_content") {
        failed |= !content(program, &path).await;
    }
    if let Some(path) = option(program, "file_content_in_loop") {
        failed |= !looking(program, &path).await;
    }
    i32::from(failed)
}

/// Prints a file; whether it could be read.
async fn content(program: &Program, path: &str) -> bool {
    match program.container.files.read(path) {
        Ok(bytes) => {
            program.say(&format!("content of file {path:?}: {}", String::from_utf8_lossy(&bytes))).await;
            true
        }
        Err(why) => {
            program.say(&format!("error reading file content for {path:?}: open {path}: {}", go(why))).await;
            false
        }
    }
}

/// Prints a file every two seconds, until it is what a mount tester wrote where that is to end it.
async fn looking(program: &Program, path: &str) -> bool {
    let time = option(program, "retry_time").and_then(|time| time.parse::<u64>().ok()).unwrap_or(180);
    let breaks = option(program, "break_on_expected_content").is_none_or(|breaks| breaks != "false");
    let mut last = true;
    for _ in 0..time.div_ceil(2) {
        match program.container.files.read(path) {
            Err(why) => {
                last = false;
                program.say(&format!("Error reading file {path}: open {path}: {}, retrying", go(why))).await;
            }
            Ok(bytes) => {
                last = true;
                program.say(&format!("content of file {path:?}: {}", String::from_utf8_lossy(&bytes))).await;
                if breaks && bytes == CONTENT.as_bytes() {
                    return true;
                }
                if breaks {
                    program.say(&format!("Unexpected content. Expected: {CONTENT}. Retrying")).await;
                }
            }
        }
        program.sleep(Duration::from_secs(2)).await;
    }
    last
}

/// An error as Go words it.
fn go(why: FileError) -> String {
    why.to_string().to_lowercase()
}

/// A mode as `rwxr-xr-x`.
fn letters(mode: u32) -> String {
    let bit = |at: u32| if mode & (1 << (8 - at)) == 0 { '-' } else { ['r', 'w', 'x'][at as usize % 3] };
    (0..9).map(bit).collect()
}

/// `agnhost connect HOST:PORT --timeout=5s`: silent when somebody answers, else a word.
async fn connect(program: &Program) -> i32 {
    let target = program.args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default().to_owned();
    let (host, port) = target.rsplit_once(':').unwrap_or((&target, "80"));
    let wait = option(program, "timeout").and_then(|time| time.trim_end_matches('s').parse::<u64>().ok());
    let made = program.container.network.connect(host, port.parse().unwrap_or(80), Protocol::Tcp);
    let word = match made.map_err(|why| why.silence()) {
        Ok(_) => return 0,
        Err(Silence::Unknown | Silence::NoDns) => format!("DNS: lookup {host}: no such host"),
        Err(Silence::Refused) => "REFUSED".to_owned(),
        Err(_) => {
            program.sleep(Duration::from_secs(wait.unwrap_or(130))).await;
            "TIMEOUT".to_owned()
        }
    };
    program.errors.write(program.engine(), format!("{word}\n").as_bytes()).await;
    1
}

/// `agnhost logs-generator --log-lines-total 100 --run-duration 10s`: made-up requests, one after another.
async fn logs(program: &Program) -> i32 {
    let total = option(program, "log-lines-total").and_then(|total| total.parse::<u64>().ok()).unwrap_or(100);
    let duration = option(program, "run-duration").unwrap_or_else(|| "10s".to_owned());
    let seconds = match duration.strip_suffix('m') {
        Some(minutes) => minutes.parse::<f64>().unwrap_or(1.0) * 60.0,
        None => duration.trim_end_matches('s').parse().unwrap_or(10.0),
    };
    let pause = Duration::try_from_secs_f64(seconds)
        .unwrap_or_default()
        .div_f64(f64::from(u32::try_from(total).unwrap_or(1).max(1)));
    for number in 0..total {
        let verb = ["GET", "PUT", "POST"][usize::try_from(number % 3).unwrap_or_default()];
        let namespace = ["default", "kube-system", "ns"][usize::try_from(number / 3 % 3).unwrap_or_default()];
        let code = 200 + number * 37 % 400;
        let now = program.engine().now().strftime("%m%d %H:%M:%S.%6f").to_string();
        let line = format!(
            "I{now}       1 logs_generator.go:76] {number} {verb} /api/v1/namespaces/{namespace}/pods/p{number} {code}"
        );
        program.say(&line).await;
        program.sleep(pause).await;
    }
    0
}
