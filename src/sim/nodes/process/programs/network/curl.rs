//! `curl`, with the options people use to look whether something answers.
//! Words and exit codes are those of curl 8.

use std::time::Duration;

use super::{RESOLVES, TRIES, Url, complain, head, seconds};
use crate::sim::network::{Protocol, Reply, Request, Silence, Why};
use crate::sim::nodes::process::program::Program;

/// So many redirects are followed.
const MOST_REDIRECTS: usize = 50;
const UNTRUSTED: &str = "SSL certificate problem: unable to get local issuer certificate\nMore details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to fix it, please visit the webpage mentioned above.";

/// Short options that take a value.
const VALUED: &str = "odHXmwuAeTbcEKFxyYrtPQzU";
/// Long options that take a value.
const LONG_VALUED: &[&str] = &[
    "max-time",
    "connect-timeout",
    "retry",
    "retry-delay",
    "resolve",
    "connect-to",
    "cacert",
    "cert",
    "key",
    "header",
    "oauth2-bearer",
    "data",
    "data-raw",
    "output",
    "request",
    "write-out",
    "user",
    "user-agent",
    "proxy",
    "interface",
    "url",
    "form",
    "json",
    "retry-max-time",
    "max-redirs",
];

/// What was asked for.
#[derive(Default)]
struct Asked {
    urls: Vec<String>,
    silent: bool,
    show_error: bool,
    fail: bool,
    follow: bool,
    insecure: bool,
    verbose: bool,
    only_head: bool,
    include: bool,
    remote_name: bool,
    output: Option<String>,
    write_out: Option<String>,
    max_time: Option<Duration>,
    connect_timeout: Option<Duration>,
    host: Option<String>,
    headers: Vec<(String, String)>,
    method: Option<String>,
    /// What is sent along.
    body: Option<String>,
    /// `host:port:address`
    resolve: Vec<String>,
    authority: Option<String>,
    retries: u32,
}

impl Asked {
    fn flag(&mut self, letter: char) {
        match letter {
            's' => self.silent = true,
            'S' => self.show_error = true,
            'f' => self.fail = true,
            'L' => self.follow = true,
            'k' => self.insecure = true,
            'v' => self.verbose = true,
            'I' => self.only_head = true,
            'i' => self.include = true,
            'O' => self.remote_name = true,
            _ => {}
        }
    }

    fn long_flag(&mut self, name: &str) {
        let letter = match name {
            "silent" => 's',
            "show-error" => 'S',
            "fail" => 'f',
            "location" => 'L',
            "insecure" => 'k',
            "verbose" => 'v',
            "head" => 'I',
            "include" => 'i',
            "remote-name" => 'O',
            _ => return,
        };
        self.flag(letter);
    }

    fn value(&mut self, name: &str, value: &str) {
        let text = || Some(value.to_owned());
        match name {
            "o" | "output" => self.output = text(),
            "w" | "write-out" => self.write_out = text(),
            "m" | "max-time" => self.max_time = seconds(Some(value)),
            "connect-timeout" => self.connect_timeout = seconds(Some(value)),
            "X" | "request" => self.method = text(),
            "d" | "data" | "data-raw" | "json" => self.body = text(),
            "url" => self.urls.push(value.to_owned()),
            "resolve" | "connect-to" => self.resolve.push(value.to_owned()),
            "cacert" => self.authority = text(),
            "oauth2-bearer" => self.headers.push(("Authorization".to_owned(), format!("Bearer {value}"))),
            "retry" => self.retries = value.parse().unwrap_or(0),
            "H" | "header" => match value.split_once(':') {
                Some((name, host)) if name.eq_ignore_ascii_case("host") => {
                    self.host = Some(host.trim().split(':').next().unwrap_or_default().to_owned());
                }
                Some((name, value)) => self.headers.push((name.trim().to_owned(), value.trim().to_owned())),
                None => {}
            },
            _ => {}
        }
    }

    fn of(program: &Program) -> Self {
        let mut asked = Self::default();
        let mut words = program.args();
        while let Some(word) = words.next() {
            if let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) {
                if LONG_VALUED.contains(&name) {
                    asked.value(name, words.next().unwrap_or_default());
                } else {
                    asked.long_flag(name);
                }
                continue;
            }
            let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                asked.urls.push(word.to_owned());
                continue;
            };
            let mut rest = letters.chars();
            while let Some(letter) = rest.next() {
                if !VALUED.contains(letter) {
                    asked.flag(letter);
                    continue;
                }
                let attached: String = rest.by_ref().collect();
                let value = if attached.is_empty() { words.next().unwrap_or_default() } else { attached.as_str() };
                asked.value(&letter.to_string(), value);
            }
        }
        asked
    }

    /// What is sent.
    fn request(&self, url: &Url, host: &str) -> Request {
        let usual = if self.only_head { "HEAD" } else { "GET" };
        let usual = if self.body.is_some() { "POST" } else { usual };
        Request {
            method: self.method.as_deref().unwrap_or(usual).to_owned(),
            path: url.path.clone(),
            host: host.to_owned(),
            tls: url.is_secured(),
            headers: self.headers.clone(),
            body: self.body.clone().unwrap_or_default(),
            from: None,
        }
    }

    /// Where a host and port are to be found, when `--resolve` says so.
    fn place<'a>(&'a self, url: &'a Url) -> (&'a str, u16) {
        for entry in &self.resolve {
            let parts: Vec<&str> = entry.split(':').collect();
            let fits = parts.first().is_some_and(|host| *host == url.host || host.is_empty())
                && parts.get(1).is_some_and(|port| port.parse() == Ok(url.port) || port.is_empty());
            match parts.as_slice() {
                [_, _, address] if fits => return (address, url.port),
                [_, _, address, port] if fits => return (address, port.parse().unwrap_or(url.port)),
                _ => {}
            }
        }
        (&url.host, url.port)
    }
}

/// Why curl ends with something other than 0.
struct Failure(i32, String);

pub async fn curl(program: Program) -> i32 {
    let asked = Asked::of(&program);
    if asked.urls.is_empty() {
        let text = "curl: (2) no URL specified\ncurl: try 'curl --help' or 'curl --manual' for more information\n";
        complain(&program, text).await;
        return 2;
    }
    let mut code = 0;
    for url in &asked.urls {
        code = match one(&program, &asked, url).await {
            Ok(()) => 0,
            Err(Failure(code, why)) => {
                if !asked.silent || asked.show_error {
                    complain(&program, &format!("curl: ({code}) {why}\n")).await;
                }
                write_out(&program, &asked, None).await;
                code
            }
        };
    }
    code
}

async fn one(program: &Program, asked: &Asked, text: &str) -> Result<(), Failure> {
    let mut url = Url::of(text);
    for _ in 0..=MOST_REDIRECTS {
        let reply = fetch(program, asked, &url).await?;
        if asked.fail && reply.status >= 400 {
            return Err(Failure(22, format!("The requested URL returned error: {}", reply.status)));
        }
        match reply.location.clone() {
            Some(location) if asked.follow && (300..400).contains(&reply.status) => url = Url::of(&location),
            _ => return show(program, asked, &url, &reply).await,
        }
    }
    Err(Failure(47, format!("Maximum ({MOST_REDIRECTS}) redirects followed")))
}

async fn fetch(program: &Program, asked: &Asked, url: &Url) -> Result<Reply, Failure> {
    if !matches!(url.scheme.as_str(), "http" | "https" | "telnet") {
        return Err(Failure(1, format!("Protocol \"{}\" not supported", url.scheme)));
    }
    let (host, port) = asked.place(url);
    let network = &program.container.network;
    let connection = match network.connect(host, port, Protocol::Tcp) {
        Ok(connection) => connection,
        Err(why) => return Err(silent(program, asked, (&url.host, url.port), &why).await),
    };
    if asked.verbose {
        let (host, address) = (&url.host, connection.address);
        let lines = format!(
            "* Host {host}:{port} was resolved.\n* IPv6: (none)\n* IPv4: {address}\n*   Trying {address}:{port}...\n* Connected to {host} ({address}) port {port}\n"
        );
        complain(program, &lines).await;
    }
    if url.scheme == "telnet" {
        return Ok(Reply::default());
    }
    let header = asked.host.clone().unwrap_or_else(|| url.host.clone());
    let request = asked.request(url, &header);
    let reply = match network.get(&connection, &request) {
        Ok(reply) => reply,
        Err(why) => return Err(silent(program, asked, (&url.host, url.port), &why).await),
    };
    super::answered(program).await;
    if url.is_secured() && !asked.insecure && !connection.is_outside() && !trusts(asked, port) {
        return Err(Failure(60, UNTRUSTED.to_owned()));
    }
    if asked.verbose {
        let method = request.verb();
        let shown = if url.with_port && asked.host.is_none() { format!("{header}:{}", url.port) } else { header };
        let sent = format!(
            "> {method} {} HTTP/1.1\n> Host: {shown}\n> User-Agent: curl/8.14.1\n> Accept: */*\n> \n",
            url.path
        );
        complain(program, &sent).await;
        for line in head(program, &reply) {
            complain(program, &format!("< {line}\n")).await;
        }
        complain(program, "< \n").await;
    }
    Ok(reply)
}

/// Whether the certificate of whoever listens on a port is signed by an authority that was given: the cluster's signs the API server's.
fn trusts(asked: &Asked, port: u16) -> bool {
    let authority = asked.authority.as_deref().unwrap_or_default();
    authority.ends_with("ca.crt") && matches!(port, 443 | 6443)
}

/// What curl says when it is not answered, and when.
async fn silent(program: &Program, asked: &Asked, (host, port): (&str, u16), why: &Why) -> Failure {
    let limit = asked.max_time.into_iter().chain(asked.connect_timeout).min();
    let millis = |time: Duration| time.as_millis() + 1;
    match why.silence() {
        Silence::Unknown => Failure(6, format!("Could not resolve host: {host}")),
        Silence::NoDns => match limit.filter(|limit| *limit < RESOLVES) {
            Some(limit) => {
                program.sleep(limit).await;
                Failure(28, format!("Resolving timed out after {} milliseconds", millis(limit)))
            }
            None => {
                program.sleep(RESOLVES).await;
                Failure(6, format!("Could not resolve host: {host}"))
            }
        },
        Silence::Refused => {
            Failure(7, format!("Failed to connect to {host} port {port} after 0 ms: Could not connect to server"))
        }
        Silence::Timeout => {
            program.sleep(limit.unwrap_or(TRIES)).await;
            match (limit, asked.max_time == limit) {
                (Some(limit), true) => {
                    Failure(28, format!("Connection timed out after {} milliseconds", millis(limit)))
                }
                (Some(limit), false) => Failure(
                    28,
                    format!("Failed to connect to {host} port {port} after {} ms: Timeout was reached", millis(limit)),
                ),
                (None, _) => Failure(
                    28,
                    format!(
                        "Failed to connect to {host} port {port} after {} ms: Could not connect to server",
                        millis(TRIES)
                    ),
                ),
            }
        }
        Silence::Strange => match why {
            Why::Strange { said, .. } if said == "wrong version number" => {
                Failure(35, "TLS connect error: error:0A00010B:SSL routines::wrong version number".to_owned())
            }
            Why::Strange { said, .. } if !said.is_empty() => {
                Failure(1, "Received HTTP/0.9 when not allowed".to_owned())
            }
            _ => Failure(52, "Empty reply from server".to_owned()),
        },
    }
}

/// Writes what the options ask for of an answer.
async fn show(program: &Program, asked: &Asked, url: &Url, reply: &Reply) -> Result<(), Failure> {
    let mut text = String::new();
    if asked.only_head || asked.include {
        text = format!("{}\r\n\r\n", head(program, reply).join("\r\n"));
    }
    if !asked.only_head {
        text.push_str(&reply.body);
    }
    let name = url.path.rsplit('/').next().unwrap_or_default().to_owned();
    let target = asked.output.clone().or_else(|| asked.remote_name.then_some(name));
    match target.as_deref() {
        Some("/dev/null") => {}
        None | Some("-") => drop(program.write(text.as_bytes()).await),
        Some(path) => {
            let now = program.engine().now();
            if program.container.files.write(&program.path(path), text.as_bytes(), false, now).is_err() {
                return Err(Failure(23, "Failure writing output to destination".to_owned()));
            }
        }
    }
    if asked.verbose {
        complain(program, &format!("* Connection #0 to host {} left intact\n", url.host)).await;
    }
    write_out(program, asked, Some((url, reply))).await;
    Ok(())
}

async fn write_out(program: &Program, asked: &Asked, got: Option<(&Url, &Reply)>) {
    let Some(format) = &asked.write_out else { return };
    let status = got.map_or_else(|| "000".to_owned(), |(_, reply)| reply.status.to_string());
    let size = got.map_or(0, |(_, reply)| reply.body.len()).to_string();
    let address = got.map(|(url, _)| super::address(program, &url.host)).unwrap_or_default();
    let mut text = format.clone();
    for (name, value) in [
        ("http_code", status.as_str()),
        ("response_code", &status),
        ("size_download", &size),
        ("remote_ip", &address),
        ("time_total", "0.001024"),
        ("time_connect", "0.000412"),
        ("content_type", "text/html"),
    ] {
        text = text.replace(&format!("%{{{name}}}"), value);
    }
    program.write(text.replace("\\n", "\n").replace("\\t", "\t").as_bytes()).await;
}
