//! Programs that talk to others: `nslookup`, `wget`, `curl`, `nc`, `ping`.
//! Who answers is for the network to say.

use std::time::Duration;

use super::{has, options, value};
use crate::sim::nodes::process::network::{Reply, Silence};
use crate::sim::nodes::process::program::Program;

/// The cluster's DNS server.
const SERVER: &str = "10.96.0.10";
/// How long a TCP connection is tried before giving up, when nothing else is said.
const TRIES: Duration = Duration::from_secs(130);

/// How long an answer takes, so that one who asks in a loop does so some two hundred times a second.
const ANSWERING: Duration = Duration::from_millis(5);
/// What asking costs the CPU.
const FETCHING: Duration = Duration::from_micros(500);

pub async fn nslookup(program: Program) -> i32 {
    let (_, words) = options(&program, "");
    let Some(name) = words.first().cloned() else { return program.fail("missing name", 1).await };
    let busybox = program.container.image.is_busybox();
    let server = words.get(1).cloned().unwrap_or_else(|| SERVER.to_owned());
    let separator = if busybox { "" } else { "\t" };
    program.say(&format!("Server:\t{separator}{}{server}", if busybox { "\t" } else { "" })).await;
    program.say(&format!("Address:\t{server}{}53\n", if busybox { ":" } else { "#" })).await;
    match program.container.network.resolve(&name) {
        Some((full, addresses)) => {
            for address in addresses {
                program.say(&format!("Name:\t{full}\nAddress: {address}")).await;
            }
            program.say("").await;
            0
        }
        None if busybox => {
            program.say(&format!("** server can't find {name}: NXDOMAIN\n")).await;
            1
        }
        None => {
            program.say(&format!("** server can't find {name}: NXDOMAIN\n")).await;
            1
        }
    }
}

/// `dig` and `host`.
pub async fn dig(program: Program) -> i32 {
    let short = program.args().any(|word| word == "+short");
    let Some(name) = program.args().find(|word| !word.starts_with(['+', '@', '-'])).map(str::to_owned) else {
        return 0;
    };
    let found = program.container.network.resolve(&name);
    if program.name() == "host" {
        let Some((full, addresses)) = found else {
            program.say(&format!("Host {name} not found: 3(NXDOMAIN)")).await;
            return 1;
        };
        for address in addresses {
            program.say(&format!("{full} has address {address}")).await;
        }
        return 0;
    }
    for address in found.map(|(_, addresses)| addresses).unwrap_or_default() {
        let line = if short { address.to_string() } else { format!("{name}.\t30\tIN\tA\t{address}") };
        program.say(&line).await;
    }
    0
}

/// A URL's host, port and path.
fn parts(url: &str) -> (String, u16, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) =
        rest.split_once('/').map_or((rest, String::new()), |(authority, path)| (authority, path.to_owned()));
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let default = if scheme == "https" { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|letter| letter.is_ascii_digit()) => {
            (host, port.parse().unwrap_or(default))
        }
        _ => (authority, default),
    };
    (host.to_owned(), port, format!("/{path}"))
}

async fn fetch(program: &Program, url: &str, patience: Duration) -> Result<Reply, Silence> {
    let (host, port, path) = parts(url);
    let reply = program.container.network.get(&host, port, &path);
    match &reply {
        Err(Silence::Timeout) => program.sleep(patience).await,
        Ok(_) => {
            program.group.burn(FETCHING);
            program.sleep(ANSWERING).await;
        }
        Err(_) => {}
    }
    reply
}

fn seconds(text: Option<&str>) -> Option<Duration> {
    Duration::try_from_secs_f64(text?.parse().ok()?).ok()
}

pub async fn wget(program: Program) -> i32 {
    let (options, words) = options(&program, "OTtPUY");
    let long = |name: &str| program.args().find_map(|word| word.strip_prefix(name)).map(str::to_owned);
    let Some(url) = words.iter().find(|word| !word.starts_with("--")) else {
        return program.fail("missing URL", 1).await;
    };
    let patience = seconds(value(&options, 'T')).or_else(|| seconds(long("--timeout=").as_deref()));
    let target = value(&options, 'O').map(str::to_owned).or_else(|| long("--output-document="));
    let spider = program.args().any(|word| word == "--spider");
    let quiet = has(&options, 'q');
    let (host, port, path) = parts(url);
    let reply = match fetch(&program, url, patience.unwrap_or(TRIES)).await {
        Ok(reply) => reply,
        Err(Silence::Unknown) => return program.fail(&format!("bad address '{host}'"), 1).await,
        Err(Silence::Refused) => {
            return program
                .fail(&format!("can't connect to remote host ({}): Connection refused", address(&program, &host)), 1)
                .await;
        }
        Err(Silence::Timeout) => return program.fail("download timed out", 1).await,
    };
    if !quiet {
        let line = format!("Connecting to {host}:{port} ({}:{port})\n", address(&program, &host));
        program.errors.write(program.engine(), line.as_bytes()).await;
    }
    if reply.status >= 400 {
        return program
            .fail(&format!("server returned error: HTTP/1.1 {} {}", reply.status, phrase(reply.status)), 1)
            .await;
    }
    if spider {
        if !quiet {
            program.errors.write(program.engine(), b"remote file exists\n").await;
        }
        return 0;
    }
    match target.as_deref() {
        Some("-") => drop(program.write(reply.body.as_bytes()).await),
        named => {
            let last = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("index.html");
            let file = named.unwrap_or(last);
            if file != "/dev/null" {
                let written = program.container.files.write(
                    &program.path(file),
                    reply.body.as_bytes(),
                    false,
                    program.engine().now(),
                );
                if let Err(why) = written {
                    return program.fail(&format!("can't open '{file}': {why}"), 1).await;
                }
            }
        }
    }
    0
}

fn address(program: &Program, host: &str) -> String {
    let found = program.container.network.resolve(host).and_then(|(_, addresses)| addresses.first().copied());
    found.map_or_else(|| host.to_owned(), |address| address.to_string())
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        _ => "Unknown",
    }
}

/// How long curl waits, and for which URL.
fn curl_words(program: &Program, options: &[(char, String)], words: &[String]) -> (Option<Duration>, Option<String>) {
    let mut patience = seconds(value(options, 'm'));
    let mut long = program.words.iter().skip(1);
    while let Some(word) = long.next() {
        match word.as_str() {
            "--max-time" | "--connect-timeout" => patience = seconds(long.next().map(String::as_str)),
            "--retry" | "--resolve" | "--cacert" | "--header" | "--data" | "--output" | "--request" | "--write-out" => {
                long.next();
            }
            _ => {}
        }
    }
    let mut url = None;
    for word in words {
        if word.contains("://") || (url.is_none() && !word.starts_with("--")) {
            url = Some(word.clone());
        }
    }
    (patience, url)
}

/// `curl`.
pub async fn curl(program: Program) -> i32 {
    let (options, words) = options(&program, "odHXmwuAeTbc");
    let (patience, url) = curl_words(&program, &options, &words);
    let Some(url) = url else { return program.fail("try 'curl --help' for more information", 2).await };
    let silent = has(&options, 's') && !has(&options, 'S');
    let (host, port, _) = parts(&url);
    let complain = |code: i32, why: String| {
        let program = program.clone();
        async move {
            if !silent {
                program.errors.write(program.engine(), format!("curl: ({code}) {why}\n").as_bytes()).await;
            }
            code
        }
    };
    let reply = match fetch(&program, &url, patience.unwrap_or(TRIES)).await {
        Ok(reply) => reply,
        Err(Silence::Unknown) => return complain(6, format!("Could not resolve host: {host}")).await,
        Err(Silence::Refused) => {
            let why = format!("Failed to connect to {host} port {port} after 0 ms: Could not connect to server");
            return complain(7, why).await;
        }
        Err(Silence::Timeout) => {
            let after = patience.unwrap_or(TRIES).as_millis();
            return complain(28, format!("Connection timed out after {after} milliseconds")).await;
        }
    };
    if has(&options, 'f') && reply.status >= 400 {
        return complain(22, format!("The requested URL returned error: {}", reply.status)).await;
    }
    if !show(&program, &options, &reply).await {
        return complain(23, "Failure writing output to destination".to_owned()).await;
    }
    0
}

/// Writes what curl's options ask for of a reply; false when it cannot be written.
async fn show(program: &Program, options: &[(char, String)], reply: &Reply) -> bool {
    let head = format!(
        "HTTP/1.1 {} {}\r\nServer: {}\r\nContent-Length: {}\r\n\r\n",
        reply.status,
        phrase(reply.status),
        reply.server,
        reply.body.len()
    );
    if has(options, 'I') || has(options, 'i') {
        program.write(head.as_bytes()).await;
    }
    if !has(options, 'I') {
        match value(options, 'o') {
            Some("/dev/null") => {}
            Some(path) => {
                let now = program.engine().now();
                if program.container.files.write(&program.path(path), reply.body.as_bytes(), false, now).is_err() {
                    return false;
                }
            }
            None => drop(program.write(reply.body.as_bytes()).await),
        }
    }
    if let Some(format) = value(options, 'w') {
        let status = reply.status.to_string();
        let text = format.replace("%{http_code}", &status).replace("%{response_code}", &status);
        program.write(text.replace("\\n", "\n").as_bytes()).await;
    }
    true
}

/// `nc -l -p 8080` listens; `nc -zv host port` looks who does.
pub async fn nc(program: Program) -> i32 {
    let (options, mut words) = options(&program, "wpse");
    let busybox = program.container.image.is_busybox();
    if has(&options, 'l') {
        let port = value(&options, 'p').map(str::to_owned).or_else(|| words.pop());
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(0);
        if !program.container.listen(port) {
            return program.fail("bind: Address already in use", 1).await;
        }
        return program.wait_for_ever().await;
    }
    let (Some(host), Some(port)) = (words.first().cloned(), words.get(1).and_then(|port| port.parse::<u16>().ok()))
    else {
        return program.fail("usage: nc [OPTIONS] HOST PORT", 1).await;
    };
    let shown = address(&program, &host);
    match program.container.network.connect(&host, port) {
        Ok(_) => {
            if has(&options, 'v') {
                let line = if busybox {
                    format!("{host} ({shown}:{port}) open\n")
                } else {
                    format!("Connection to {host} ({shown}) {port} port [tcp/*] succeeded!\n")
                };
                program.errors.write(program.engine(), line.as_bytes()).await;
            }
            0
        }
        Err(Silence::Unknown) => program.fail(&format!("bad address '{host}'"), 1).await,
        Err(why) => {
            let text = if why == Silence::Refused { "Connection refused" } else { "Connection timed out" };
            if why == Silence::Timeout {
                program.sleep(seconds(value(&options, 'w')).unwrap_or(TRIES)).await;
            }
            if busybox && !has(&options, 'v') && has(&options, 'z') {
                return 1;
            }
            program.fail(&format!("{host} ({shown}:{port}): {text}"), 1).await
        }
    }
}

pub async fn ping(program: Program) -> i32 {
    let (options, words) = options(&program, "cwWi");
    let Some(host) = words.first().cloned() else { return program.fail("missing host", 1).await };
    let Some((_, addresses)) = program.container.network.resolve(&host) else {
        return program.fail(&format!("bad address '{host}'"), 1).await;
    };
    let address = addresses.first().map(ToString::to_string).unwrap_or_default();
    program.say(&format!("PING {host} ({address}): 56 data bytes")).await;
    let count: u64 = value(&options, 'c').and_then(|count| count.parse().ok()).unwrap_or(u64::MAX);
    let mut sent = 0;
    while sent < count {
        program.say(&format!("64 bytes from {address}: seq={sent} ttl=64 time=0.0{} ms", 70 + sent % 20)).await;
        sent += 1;
        if sent < count {
            program.sleep(Duration::from_secs(1)).await;
        }
    }
    program
        .say(&format!(
            "\n--- {host} ping statistics ---\n{sent} packets transmitted, {sent} packets received, 0% packet loss"
        ))
        .await;
    0
}

/// `ip addr`, `ifconfig`, `netstat -tln`.
pub async fn addresses(program: Program) -> i32 {
    let address = program.container.address();
    let text = match program.name() {
        "ifconfig" => {
            format!("eth0      Link encap:Ethernet\n          inet addr:{address}  Bcast:0.0.0.0  Mask:255.255.255.0")
        }
        "netstat" | "ss" => {
            let mut lines =
                vec!["Proto Recv-Q Send-Q Local Address           Foreign Address         State".to_owned()];
            lines.extend(
                program
                    .container
                    .ports()
                    .iter()
                    .map(|port| format!("tcp        0      0 0.0.0.0:{port:<15} 0.0.0.0:*               LISTEN")),
            );
            lines.join("\n")
        }
        _ if program.args().any(|word| word.starts_with('r')) => {
            format!("default via {} dev eth0", address.rsplit_once('.').map_or("", |(net, _)| net).to_owned() + ".1")
        }
        _ => format!(
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue\n    inet 127.0.0.1/8 scope host lo\n2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue\n    inet {address}/24 brd 10.244.0.255 scope global eth0"
        ),
    };
    i32::from(!program.say(&text).await)
}
