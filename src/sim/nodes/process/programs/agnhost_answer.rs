//! What agnhost answers to whoever asks it, by the command it was started with.
//! How it is started is `agnhost.rs`. Source: `test/images/agnhost` of kubernetes/kubernetes.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::guestbook;
use crate::sim::network::{Datagram, Protocol, Reply, Request};
use crate::sim::nodes::process::container::Container;
use crate::sim::nodes::process::stream::Stream;

/// The port the other end sees the sender use; which one it is has no meaning.
const SENDER_PORT: u16 = 40000;
/// How often `/dial` asks at most.
const MOST_TRIES: u32 = 1000;

/// The answer of an agnhost to an HTTP request; `None` when its command says nothing of its own there.
pub fn reply(container: &Container, port: u16, request: &Request) -> Option<Reply> {
    let path = request.path.split(['?', '#']).next().unwrap_or_default();
    let with = |status: u16, body: String| Some(Reply { status, body, ..Reply::default() });
    match command(container) {
        "netexec" => Some(netexec(container, path, request)),
        "serve-hostname" => with(200, container.hostname.clone()),
        "liveness" => match path {
            "/healthz" if container.is_older_than(Duration::from_secs(10)) => {
                with(500, format!("error: {}", age(container).as_secs_f64()))
            }
            "/healthz" => with(200, "ok".to_owned()),
            "/started" => with(200, format!("{:?}", age(container))),
            "/redirect" => Some(redirect(&field(request, "loc"), 302)),
            _ => None,
        },
        "porter" => with(200, porter(container, port, request)?),
        "guestbook" => guestbook::reply(container, path, request),
        "nettest" => nettest(container, path, request),
        _ => None,
    }
}

/// The command it was started with.
fn command(container: &Container) -> &str {
    container.recipe.words.get(1).map_or("", String::as_str)
}

fn age(container: &Container) -> Duration {
    Duration::try_from(container.engine.now().duration_since(container.started)).unwrap_or_default()
}

/// A field of the query, decoded.
pub fn field(request: &Request, name: &str) -> String {
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    decoded(value.unwrap_or_default())
}

/// Text as it was before it was written into a query.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let number = std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                number.unwrap_or(b'%')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn redirect(location: &str, status: u16) -> Reply {
    Reply { status, location: Some(location.to_owned()), ..Reply::default() }
}

fn netexec(container: &Container, path: &str, request: &Request) -> Reply {
    let line = format!("{} GET {}\n", container.engine.now().strftime("%Y/%m/%d %H:%M:%S"), request.path);
    container.log.write(Stream::Errors, line.as_bytes(), container.engine.now());
    let with = |status: u16, body: String| Reply { status, body, ..Reply::default() };
    let code = |usual: u16| field(request, "code").parse().unwrap_or(usual);
    match path {
        "/clientip" => with(200, request.from.map(seen).unwrap_or_default()),
        "/serverport" => with(200, option_port(container, "-http-port", 8080).to_string()),
        "/header" => with(200, String::new()),
        "/dial" => dial(container, request),
        "/echo" => with(code(200), field(request, "msg")),
        "/healthz" => with(200, String::new()),
        "/readyz" => with(200, "ok".to_owned()),
        "/hostname" | "/hostName" => with(200, container.hostname.clone()),
        "/redirect" => redirect(&field(request, "location"), code(302)),
        "/exit" | "/shutdown" => {
            container.finish(i32::from(code(0)), false);
            with(200, String::new())
        }
        _ => {
            let now = container.engine.now().strftime("%Y-%m-%d %H:%M:%S.%9f +0000 UTC");
            with(200, format!("NOW: {now} m=+{:.9}", age(container).as_secs_f64()))
        }
    }
}

/// A sender as Go writes an address with a port.
fn seen(from: IpAddr) -> String {
    std::net::SocketAddr::new(from, SENDER_PORT).to_string()
}

/// The port of an option, or the usual one.
pub fn option_port(container: &Container, name: &str, usual: u16) -> u16 {
    container.option(name).and_then(|port| port.parse().ok()).unwrap_or(usual)
}

/// Asks others from where it is, and tells what each said.
fn dial(container: &Container, request: &Request) -> Reply {
    let (host, asked) = (field(request, "host"), field(request, "request"));
    let bad = |body: String| Reply { status: 400, body, ..Reply::default() };
    let tries = match field(request, "tries").as_str() {
        "" => 1,
        tries => match tries.parse::<u32>() {
            // Nobody waits for more.
            Ok(tries) => tries.min(MOST_TRIES),
            Err(why) => return bad(format!("tries parameter is invalid. {why}\n")),
        },
    };
    if asked.is_empty() {
        return bad("request parameter not specified. <nil>\n".to_owned());
    }
    let udp = match field(request, "protocol").to_ascii_lowercase().as_str() {
        "" | "http" => false,
        "udp" => true,
        other => return bad(format!("unsupported protocol. {other}\n")),
    };
    let Ok(port) = field(request, "port").parse::<u16>() else {
        return bad("host and/or port param are invalid.\n".to_owned());
    };
    let (mut responses, mut errors) = (Vec::new(), Vec::new());
    for _ in 0..tries {
        match ask(container, (&host, port), &asked, udp) {
            Ok(answer) => responses.push(answer),
            Err(why) => errors.push(why),
        }
    }
    let mut output = json!({});
    for (name, lines) in [("responses", responses), ("errors", errors)] {
        if !lines.is_empty() {
            output[name] = json!(lines);
        }
    }
    Reply { status: 200, body: output.to_string(), ..Reply::default() }
}

/// What one try gives, or why it gives nothing.
fn ask(container: &Container, (host, port): (&str, u16), asked: &str, udp: bool) -> Result<String, String> {
    let network = &container.network;
    let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
    let made = network.connect(host, port, protocol);
    if udp {
        let answer = made.ok().and_then(|connection| network.send(&connection, asked));
        return answer.ok_or_else(|| "reading from udp connection failed. err:'i/o timeout'".to_owned());
    }
    let wanted = Request { host: host.to_owned(), ..Request::of(&format!("/{asked}")) };
    let answer = made.and_then(|connection| network.get(&connection, &wanted));
    answer.map(|reply| reply.body).map_err(|why| format!("Get \"http://{host}:{port}/{asked}\": {why}"))
}

/// What is sent back to a datagram.
pub fn datagram(container: &Container, port: u16, sent: &Datagram) -> Option<String> {
    if command(container) != "netexec" || port != option_port(container, "-udp-port", 8081) {
        return None;
    }
    let text = sent.text.trim().to_ascii_lowercase();
    match text.as_str() {
        "hostname" => Some(container.hostname.clone()),
        "clientip" => Some(seen(sent.from)),
        "serverport" => Some(port.to_string()),
        other => other.strip_prefix("echo ").map(str::to_owned),
    }
}

/// What a gRPC health service says, as a probe of it tells (`pkg/probe/grpc/grpc.go`). Others than agnhost's are always well.
pub fn health(container: &Container, port: u16, service: &str) -> Result<(), String> {
    if command(container) != "grpc-health-checking" || port != option_port(container, "-port", 5000) {
        return Ok(());
    }
    if container.option("-service").unwrap_or_default() != service {
        let why = "rpc error: code = NotFound desc = unknown service";
        return Err(format!("error: health rpc probe failed: {why}"));
    }
    let limit = container.option("-delay-unhealthy-sec").and_then(|seconds| seconds.parse().ok());
    match limit.map(Duration::from_secs) {
        Some(limit) if age(container) >= limit => Err("service unhealthy (responded with \"NOT_SERVING\")".to_owned()),
        _ => Ok(()),
    }
}

/// What the variable for the port says, and how it was asked where that is wanted.
fn porter(container: &Container, port: u16, request: &Request) -> Option<String> {
    let names = ["SERVE_PORT", "SERVE_TLS_PORT"].map(|name| format!("{name}_{port}"));
    let value = names.iter().find_map(|name| container.recipe.variables.get(name))?;
    if !container.runs("--json-response") {
        return Some(value.clone());
    }
    Some(json!({ "Method": request.verb(), "Body": value }).to_string())
}

/// The ports that the variables of a porter name.
pub fn porter_ports<'a>(names: impl Iterator<Item = &'a String>) -> Vec<u16> {
    let port =
        |name: &String| name.strip_prefix("SERVE_PORT_").or_else(|| name.strip_prefix("SERVE_TLS_PORT_"))?.parse().ok();
    names.filter_map(port).collect()
}

/// Notes who wrote to it, and tells of it; it looks for no peers itself.
fn nettest(container: &Container, path: &str, request: &Request) -> Option<Reply> {
    let body = match path {
        "/write" => {
            let written: Value = serde_json::from_str(&request.body).unwrap_or_default();
            let source = written["Source"].as_str().unwrap_or_default();
            let before = container.notes().get(source).and_then(|count| count.parse::<u64>().ok());
            container.note(source, &(before.unwrap_or_default() + 1).to_string());
            json!({ "Hostname": container.hostname })
        }
        "/read" => {
            let count = |(name, count): (String, String)| (name, json!(count.parse::<u64>().unwrap_or_default()));
            let received: serde_json::Map<String, Value> = container.notes().into_iter().map(count).collect();
            json!({
                "Hostname": container.hostname, "Sent": {}, "Received": received,
                "Errors": null, "Log": null, "StillContactingPeers": true,
            })
        }
        _ => return None,
    };
    Some(Reply { status: 200, body: body.to_string(), ..Reply::default() })
}
