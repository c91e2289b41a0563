//! `wget`: BusyBox', and GNU's where the image has that.
//! The words are those of `networking/wget.c` of BusyBox 1.36.

use std::time::Duration;

use super::{RESOLVES, TRIES, Url, address, complain, has, options, phrase, seconds, value};
use crate::sim::network::{Protocol, Reply, Request, Silence, Why};
use crate::sim::nodes::process::program::Program;

/// So many redirects are followed.
const MOST_REDIRECTS: usize = 5;

/// What was asked for.
struct Asked {
    patience: Option<Duration>,
    target: Option<String>,
    spider: bool,
    quiet: bool,
    /// The `Host` header.
    host: Option<String>,
    /// What is sent with `--post-data`.
    body: Option<String>,
    server_response: bool,
}

fn asked(program: &Program) -> (Asked, Option<String>) {
    let (options, words) = options(program, "OTtPUYo");
    let words: Vec<String> = words;
    let all: Vec<&str> = program.args().collect();
    let long = |name: &str| {
        all.iter().enumerate().find_map(|(at, word)| {
            let rest = word.strip_prefix(name)?;
            rest.strip_prefix('=').map(str::to_owned).or_else(|| all.get(at + 1).map(|next| (*next).to_owned()))
        })
    };
    let header = long("--header").filter(|header| header.to_ascii_lowercase().starts_with("host:"));
    let separate = ["--header", "--timeout", "--output-document", "--tries", "--post-data"];
    let mut skip = false;
    let url = words.into_iter().find(|word| {
        if std::mem::take(&mut skip) {
            return false;
        }
        skip = separate.contains(&word.as_str());
        !word.starts_with("--")
    });
    let asked = Asked {
        patience: seconds(value(&options, 'T')).or_else(|| seconds(long("--timeout").as_deref())),
        target: value(&options, 'O').map(str::to_owned).or_else(|| long("--output-document")),
        spider: all.contains(&"--spider"),
        quiet: has(&options, 'q') || all.contains(&"--quiet"),
        host: header.and_then(|header| header.split_once(':').map(|(_, host)| host.trim().to_owned())),
        body: long("--post-data"),
        server_response: has(&options, 'S'),
    };
    (asked, url)
}

pub async fn wget(program: Program) -> i32 {
    let (asked, url) = asked(&program);
    let Some(url) = url else { return program.fail("missing URL", 1).await };
    let mut url = Url::of(&url);
    for _ in 0..=MOST_REDIRECTS {
        let shown = if url.with_port { format!("{}:{}", url.host, url.port) } else { url.host.clone() };
        let reply = match ask(&program, &asked, &url, &shown).await {
            Ok(reply) => reply,
            Err(code) => return code,
        };
        if asked.server_response {
            for line in super::head(&program, &reply) {
                complain(&program, &format!("  {line}\n")).await;
            }
        }
        match &reply.location {
            Some(location) if (300..400).contains(&reply.status) => url = Url::of(location),
            _ => return end(&program, &asked, &url, reply).await,
        }
    }
    program.fail("too many redirections", 1).await
}

/// One request; the exit code when it is not answered.
async fn ask(program: &Program, asked: &Asked, url: &Url, shown: &str) -> Result<Reply, i32> {
    let network = &program.container.network;
    let connection = match network.connect(&url.host, url.port, Protocol::Tcp) {
        Ok(connection) => connection,
        Err(why) => return Err(failed(program, asked, url, &why).await),
    };
    if !asked.quiet {
        complain(program, &format!("Connecting to {shown} ({}:{})\n", connection.address, url.port)).await;
    }
    if url.is_secured() && program.container.image.is_busybox() {
        if !program.args().any(|word| word == "--no-check-certificate") {
            complain(program, "wget: note: TLS certificate validation not implemented\n").await;
        }
        if url.port == 443 && url.host.starts_with("kubernetes") {
            // BusyBox' TLS and the API server's have nothing in common.
            complain(program, "wget: TLS error from peer (alert code 40): handshake failure\n").await;
            return Err(program.fail("error getting response: Connection reset by peer", 1).await);
        }
    }
    let host = asked.host.clone().unwrap_or_else(|| url.host.clone());
    let body = asked.body.clone();
    let method = if body.is_some() { "POST" } else { "GET" };
    let request = Request {
        method: method.to_owned(),
        path: url.path.clone(),
        host,
        tls: url.is_secured(),
        headers: Vec::new(),
        body: body.unwrap_or_default(),
        from: None,
    };
    match network.get(&connection, &request) {
        Ok(reply) => {
            super::answered(program).await;
            Ok(reply)
        }
        Err(why) => Err(failed(program, asked, url, &why).await),
    }
}

async fn failed(program: &Program, asked: &Asked, url: &Url, why: &Why) -> i32 {
    let shown = if url.with_port { format!("{}:{}", url.host, url.port) } else { url.host.clone() };
    if !program.container.image.is_busybox() {
        return gnu(program, asked, url, why).await;
    }
    match why.silence() {
        Silence::Unknown => program.fail(&format!("bad address '{shown}'"), 1).await,
        Silence::NoDns => {
            program.sleep(asked.patience.unwrap_or(RESOLVES).min(RESOLVES)).await;
            program.fail(&format!("bad address '{shown}'"), 1).await
        }
        Silence::Refused => {
            let address = address(program, &url.host);
            program.fail(&format!("can't connect to remote host ({address}): Connection refused"), 1).await
        }
        Silence::Timeout => match asked.patience {
            Some(patience) => {
                program.sleep(patience).await;
                program.fail("download timed out", 1).await
            }
            None => {
                program.sleep(TRIES).await;
                let address = address(program, &url.host);
                program.fail(&format!("can't connect to remote host ({address}): Connection timed out"), 1).await
            }
        },
        Silence::Strange => program.fail("error getting response", 1).await,
    }
}

async fn gnu(program: &Program, asked: &Asked, url: &Url, why: &Why) -> i32 {
    let (host, port) = (&url.host, url.port);
    let text = match why.silence() {
        Silence::Unknown | Silence::NoDns => format!("wget: unable to resolve host address \u{2018}{host}\u{2019}\n"),
        silence => {
            let address = address(program, host);
            let word = match silence {
                Silence::Refused => "Connection refused",
                Silence::Timeout => "Connection timed out",
                _ => "Read error (Success) in headers",
            };
            format!("Connecting to {host} ({host})|{address}|:{port}... failed: {word}.\n")
        }
    };
    if why.silence() == Silence::Timeout {
        program.sleep(asked.patience.unwrap_or(TRIES)).await;
    }
    complain(program, &text).await;
    4
}

/// What is done with an answer.
async fn end(program: &Program, asked: &Asked, url: &Url, reply: Reply) -> i32 {
    if reply.status >= 400 {
        let busybox = program.container.image.is_busybox();
        let line = format!("HTTP/1.1 {} {}", reply.status, phrase(reply.status));
        if busybox {
            return program.fail(&format!("server returned error: {line}"), 1).await;
        }
        complain(program, &format!("ERROR {}: {}.\n", reply.status, phrase(reply.status))).await;
        return 8;
    }
    if asked.spider {
        if !asked.quiet {
            complain(program, "remote file exists\n").await;
        }
        return 0;
    }
    let size = reply.body.len();
    let shown = |name: &str| {
        let short: String = name.chars().take(20).collect();
        format!("{short:<20} 100% |{}| {size:>5}  0:00:00 ETA\n", "*".repeat(32))
    };
    if asked.target.as_deref() == Some("-") {
        if !asked.quiet {
            complain(program, "writing to stdout\n").await;
        }
        program.write(reply.body.as_bytes()).await;
        if !asked.quiet {
            complain(program, &format!("{}written to stdout\n", shown("-"))).await;
        }
        return 0;
    }
    let last = url.path.split('?').next().and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    let file = asked.target.as_deref().unwrap_or(last.unwrap_or("index.html"));
    if asked.target.is_none() && program.container.files.read(&program.path(file)).is_ok() {
        return program.fail(&format!("can't open '{file}': File exists"), 1).await;
    }
    if file != "/dev/null" {
        let now = program.engine().now();
        let written = program.container.files.write(&program.path(file), reply.body.as_bytes(), false, now);
        if let Err(why) = written {
            return program.fail(&format!("can't open '{file}': {why}"), 1).await;
        }
    }
    if !asked.quiet {
        complain(program, &format!("saving to '{file}'\n{}'{file}' saved\n", shown(file))).await;
    }
    0
}
