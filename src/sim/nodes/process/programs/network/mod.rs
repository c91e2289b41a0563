//! Programs that talk to others: one file for each family. Who answers is for the network to say.
//! What they have in common stands here: URLs, and how long one waits.

mod addresses;
mod curl;
mod lookup;
mod nc;
mod nslookup;
mod ping;
mod wget;

use std::time::Duration;

use super::{has, options, value};
use crate::sim::network::{Protocol, Reply, Request};
use crate::sim::nodes::process::program::Program;

pub use addresses::addresses;
pub use curl::curl;
pub use lookup::{dig, getent};
pub use nc::{nc, telnet};
pub use nslookup::nslookup;
pub use ping::ping;
pub use wget::wget;

/// How long the kernel tries a TCP connection before it gives up.
const TRIES: Duration = Duration::from_secs(130);
/// How long an answer takes, so that one who asks in a loop does so some two hundred times a second.
const ANSWERING: Duration = Duration::from_millis(5);
/// What asking costs the CPU.
const FETCHING: Duration = Duration::from_micros(500);
/// How long a resolver waits for a server that does not answer, before it gives up.
const RESOLVES: Duration = Duration::from_secs(10);

/// A URL's parts.
struct Url {
    scheme: String,
    host: String,
    port: u16,
    /// Begins with `/`.
    path: String,
    /// Whether the port was written.
    with_port: bool,
}

impl Url {
    fn of(text: &str) -> Self {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (authority, path) =
            rest.split_once('/').map_or((rest, String::new()), |(authority, path)| (authority, path.to_owned()));
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        let usual = if scheme == "https" { 443 } else { 80 };
        let numeric = |port: &str| !port.is_empty() && port.chars().all(|letter| letter.is_ascii_digit());
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if numeric(port) => (host, port.parse().ok()),
            _ => (authority, None),
        };
        Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port: port.unwrap_or(usual),
            path: format!("/{}", path.split('#').next().unwrap_or_default()),
            with_port: port.is_some(),
        }
    }

    fn is_secured(&self) -> bool {
        self.scheme == "https"
    }
}

/// What is at a URL, asked with one header; an error is why nobody answers.
pub async fn fetch(program: &Program, url: &str, (name, value): (&str, &str)) -> Result<Reply, String> {
    let place = Url::of(url);
    let network = &program.container.network;
    let failed = |why: crate::sim::network::Why| format!("Get {url:?}: {why}");
    let connection = network.connect(&place.host, place.port, Protocol::Tcp).map_err(failed)?;
    let request = Request {
        host: place.host.clone(),
        tls: place.is_secured(),
        headers: vec![(name.to_owned(), value.to_owned())],
        ..Request::of(&place.path)
    };
    let reply = network.get(&connection, &request).map_err(failed)?;
    answered(program).await;
    Ok(reply)
}

fn seconds(text: Option<&str>) -> Option<Duration> {
    Duration::try_from_secs_f64(text?.parse().ok()?).ok().filter(|time| !time.is_zero())
}

/// The address of a name, for showing it; the name itself where there is none.
fn address(program: &Program, host: &str) -> String {
    let found = program.container.network.resolve(host).ok().and_then(|found| found.addresses.first().copied());
    found.map_or_else(|| host.to_owned(), |address| address.to_string())
}

/// Takes the time an answer over HTTP takes.
async fn answered(program: &Program) {
    program.group.burn(FETCHING);
    program.sleep(ANSWERING).await;
}

/// Complains on the error stream, as it is.
async fn complain(program: &Program, text: &str) {
    program.errors.write(program.engine(), text.as_bytes()).await;
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => "Unknown",
    }
}

/// The lines before the body of an answer.
fn head(program: &Program, reply: &Reply) -> Vec<String> {
    let mut lines = vec![format!("HTTP/1.1 {} {}", reply.status, phrase(reply.status))];
    if !reply.server.is_empty() {
        lines.push(format!("Server: {}", reply.server));
    }
    lines.push(format!("Date: {}", program.engine().now().strftime("%a, %d %b %Y %H:%M:%S GMT")));
    lines.push(format!("Content-Type: {}", reply.content_type().trim_end_matches("; charset=utf-8")));
    lines.push(format!("Content-Length: {}", reply.body.len()));
    if let Some(location) = &reply.location {
        lines.push(format!("Location: {location}"));
    }
    lines.push("Connection: keep-alive".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::of("https://me:pw@web.shop:8443/a/b?c=d#e");
        assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("web.shop", 8443, "/a/b?c=d"));
        let short = Url::of("web");
        assert_eq!((short.scheme.as_str(), short.port, short.path.as_str()), ("http", 80, "/"));
    }
}
