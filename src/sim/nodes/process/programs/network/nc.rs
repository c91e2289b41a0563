//! `nc` and `telnet`: connections by hand, and small servers.
//! BusyBox' words where the image is BusyBox', OpenBSD's otherwise.

use std::time::Duration;

use super::{RESOLVES, TRIES, address, complain, has, options, seconds, value};
use crate::sim::network::{Connection, Protocol, Request, Silence, Why};
use crate::sim::nodes::process::program::Program;

/// `nc -l -p 8080` listens; `nc -zv host port` looks who does.
pub async fn nc(program: Program) -> i32 {
    let (options, mut words) = options(&program, "wpseiqx");
    let busybox = program.container.image.is_busybox();
    if has(&options, 'l') {
        let port = value(&options, 'p').map(str::to_owned).or_else(|| words.pop());
        return listen(&program, port.and_then(|port| port.parse().ok()).unwrap_or(0), value(&options, 'e')).await;
    }
    let (Some(host), Some(port)) = (words.first().cloned(), words.get(1).and_then(|port| port.parse::<u16>().ok()))
    else {
        return program.fail("usage: nc [OPTIONS] HOST PORT", 1).await;
    };
    let udp = has(&options, 'u');
    let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
    let made = program.container.network.connect(&host, port, protocol);
    let connection = match made {
        Ok(connection) => connection,
        // Nobody says whether a datagram has come, unless the other side says that it has not.
        Err(why) if udp && !matches!(why.silence(), Silence::Unknown | Silence::NoDns) => {
            return i32::from(why.silence() == Silence::Refused);
        }
        Err(why) => {
            let patience = seconds(value(&options, 'w'));
            if matches!(why.silence(), Silence::Timeout) {
                program.sleep(patience.unwrap_or(TRIES)).await;
            } else if why.silence() == Silence::NoDns {
                program.sleep(RESOLVES).await;
            }
            // Said once, -v does not tell of refusals.
            let loud = options.iter().filter(|(letter, _)| *letter == 'v').count();
            let needed = match why.silence() {
                Silence::Unknown | Silence::NoDns => 0,
                Silence::Refused => 2,
                _ => 1,
            };
            if busybox && loud < needed {
                return 1;
            }
            return refused(&program, (&host, port), &why).await;
        }
    };
    if has(&options, 'v') {
        let line = if busybox {
            format!("{host} ({}:{port}) open\n", connection.address)
        } else {
            let kind = if udp { "udp" } else { "tcp" };
            format!("Connection to {host} ({}) {port} port [{kind}/{}] succeeded!\n", connection.address, service(port))
        };
        complain(&program, &line).await;
    }
    if has(&options, 'z') {
        return 0;
    }
    if udp {
        return exchange(&program, &connection, seconds(value(&options, 'w'))).await;
    }
    talk(&program, &connection).await
}

/// The name of a well-known port.
fn service(port: u16) -> &'static str {
    match port {
        22 => "ssh",
        53 => "domain",
        80 => "http",
        443 => "https",
        3306 => "mysql",
        5432 => "postgresql",
        6379 => "redis",
        8080 => "http-alt",
        _ => "*",
    }
}

/// Sends what is given as a datagram, and prints what comes back; waits for more as long as it was told to.
async fn exchange(program: &Program, connection: &Connection, patience: Option<Duration>) -> i32 {
    let sent = String::from_utf8_lossy(&program.input.rest().await).into_owned();
    if let Some(answer) = program.container.network.send(connection, &sent) {
        program.write(answer.as_bytes()).await;
    }
    program.sleep(patience.unwrap_or(TRIES)).await;
    0
}

/// Sends what is given, and prints what a web server would answer to it.
async fn talk(program: &Program, connection: &Connection) -> i32 {
    let sent = String::from_utf8_lossy(&program.input.rest().await).into_owned();
    let mut lines = sent.lines();
    let Some(first) = lines.next() else { return 0 };
    let host = lines.find_map(|line| line.strip_prefix("Host:").map(|host| host.trim().to_owned()));
    let mut words = first.split_whitespace().map(str::to_owned);
    // What is no request has no path, and a web server says so.
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let request = Request { method, path, host: host.unwrap_or_default(), ..Request::default() };
    match program.container.network.get(connection, &request) {
        Ok(reply) => {
            let head = super::head(program, &reply).join("\r\n");
            program.write(format!("{head}\r\n\r\n{}", reply.body).as_bytes()).await;
        }
        Err(Why::Strange { said, .. }) => drop(program.write(said.as_bytes()).await),
        Err(_) => {}
    }
    0
}

async fn refused(program: &Program, (host, port): (&str, u16), why: &Why) -> i32 {
    let busybox = program.container.image.is_busybox();
    let text = match (why.silence(), busybox) {
        (Silence::Unknown | Silence::NoDns, true) => format!("bad address '{host}'"),
        (Silence::Unknown | Silence::NoDns, false) => {
            format!("getaddrinfo for host \"{host}\" port {port}: Name or service not known")
        }
        (silence, true) => {
            let word = if silence == Silence::Refused { "Connection refused" } else { "Connection timed out" };
            format!("{host} ({}:{port}): {word}", address(program, host))
        }
        (Silence::Refused, false) => {
            format!("connect to {host} ({}) port {port} (tcp) failed: Connection refused", address(program, host))
        }
        (_, false) => {
            format!(
                "connect to {host} ({}) port {port} (tcp) timed out: Operation now in progress",
                address(program, host)
            )
        }
    };
    program.fail(&text, 1).await
}

/// Listens until it is stopped. What it is given, it says to whoever calls.
async fn listen(program: &Program, port: u16, command: Option<&str>) -> i32 {
    if !program.container.listen(port) {
        return program.fail("bind: Address already in use", 1).await;
    }
    let said = match command {
        // What a command would say cannot be known before somebody calls, except of the simplest.
        Some(command) => command.strip_prefix("echo ").map(|text| format!("{text}\n")).unwrap_or_default(),
        None => String::from_utf8_lossy(&program.input.rest().await).into_owned(),
    };
    program.container.says(port, &said);
    program.wait_for_ever().await
}

/// `telnet host port`.
pub async fn telnet(program: Program) -> i32 {
    let (_, words) = options(&program, "l");
    let Some(host) = words.first().cloned() else { return program.fail("missing host", 1).await };
    let port = words.get(1).and_then(|port| port.parse().ok()).unwrap_or(23);
    match program.container.network.connect(&host, port, Protocol::Tcp) {
        Ok(_) => {
            program.say(&format!("Connected to {host}")).await;
            0
        }
        Err(why) => {
            let text = match why.silence() {
                Silence::Unknown | Silence::NoDns => format!("bad address '{host}'"),
                silence => {
                    if silence == Silence::Timeout {
                        program.sleep(TRIES).await;
                    }
                    let word = if silence == Silence::Refused { "Connection refused" } else { "Connection timed out" };
                    format!("can't connect to remote host ({}): {word}", address(&program, &host))
                }
            };
            program.fail(&text, 1).await
        }
    }
}
