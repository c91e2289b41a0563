//! `dig` and `host`: DNS asked directly, as BIND's tools do; and `getent hosts`, which asks as programs do.
//! `nslookup` has a file of its own.

use std::net::IpAddr;

use super::{RESOLVES, complain};
use crate::sim::network::{Code, Data, Kind, Record, Response, Why};
use crate::sim::nodes::process::program::Program;

/// What was asked for.
struct Asked {
    server: Option<IpAddr>,
    name: String,
    kind: Kind,
    search: bool,
    short: bool,
    /// Only the lines of the answer.
    bare: bool,
}

/// The kind of record a word names.
pub fn kind(word: &str) -> Option<Kind> {
    Some(match word.to_ascii_uppercase().as_str() {
        "A" => Kind::A,
        "AAAA" => Kind::Aaaa,
        "CNAME" => Kind::Cname,
        "SRV" => Kind::Srv,
        "PTR" => Kind::Ptr,
        "TXT" => Kind::Txt,
        "NS" => Kind::Ns,
        "SOA" => Kind::Soa,
        "MX" | "ANY" => Kind::Other,
        _ => return None,
    })
}

/// The word of a kind of record.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::A => "A",
        Kind::Aaaa => "AAAA",
        Kind::Cname => "CNAME",
        Kind::Srv => "SRV",
        Kind::Ptr => "PTR",
        Kind::Txt => "TXT",
        Kind::Ns => "NS",
        Kind::Soa => "SOA",
        Kind::Other => "ANY",
    }
}

/// The name under which an address is looked up; none for what is no address.
pub fn reverse(text: &str) -> Option<String> {
    let address: std::net::Ipv4Addr = text.parse().ok()?;
    let [a, b, c, d] = address.octets();
    Some(format!("{d}.{c}.{b}.{a}.in-addr.arpa"))
}

/// The server a word names: an address, or a name to be looked up.
pub fn server(program: &Program, word: &str) -> Option<IpAddr> {
    word.parse().ok().or_else(|| program.container.network.resolve(word).ok()?.addresses.first().copied())
}

fn asked(program: &Program) -> Option<Asked> {
    let mut asked =
        Asked { server: None, name: String::new(), kind: Kind::A, search: false, short: false, bare: false };
    let mut words = program.args();
    while let Some(text) = words.next() {
        match text {
            "+short" => asked.short = true,
            "+search" => asked.search = true,
            "+noall" => asked.bare = true,
            "-x" => {
                asked.name = reverse(words.next().unwrap_or_default())?;
                asked.kind = Kind::Ptr;
            }
            "-t" => asked.kind = kind(words.next().unwrap_or_default())?,
            text if text.starts_with('@') => asked.server = server(program, &text[1..]),
            text if text.starts_with(['+', '-']) => {}
            text => match kind(text) {
                Some(kind) if !asked.name.is_empty() || !text.contains('.') && program.words.len() > 2 => {
                    asked.kind = kind
                }
                _ => asked.name = text.trim_end_matches('.').to_owned(),
            },
        }
    }
    (!asked.name.is_empty()).then_some(asked)
}

fn data(record: &Record) -> String {
    match &record.data {
        Data::A(address) => address.to_string(),
        Data::Cname(name) | Data::Ptr(name) | Data::Ns(name) => format!("{name}."),
        Data::Srv(weight, port, target) => format!("0 {weight} {port} {target}."),
        Data::Txt(text) => format!("{text:?}"),
        Data::Soa(zone, serial) => format!("ns.dns.{zone}. hostmaster.{zone}. {serial} 7200 1800 86400 30"),
    }
}

fn kind_of(record: &Record) -> &'static str {
    match record.data {
        Data::A(_) => "A",
        Data::Cname(_) => "CNAME",
        Data::Ptr(_) => "PTR",
        Data::Srv(..) => "SRV",
        Data::Txt(_) => "TXT",
        Data::Ns(_) => "NS",
        Data::Soa(..) => "SOA",
    }
}

/// `getent hosts NAME`.
pub async fn getent(program: Program) -> i32 {
    let words: Vec<&str> = program.args().collect();
    let ["hosts" | "ahosts", names @ ..] = words.as_slice() else {
        return program.fail("unknown database", 1).await;
    };
    let mut code = 0;
    for name in names {
        match program.container.network.resolve(name) {
            Ok(found) => {
                for address in &found.addresses {
                    program.say(&format!("{:<15} {}", address.to_string(), found.name)).await;
                }
            }
            Err(_) => code = 2,
        }
    }
    code
}

/// `dig` and `host`.
pub async fn dig(program: Program) -> i32 {
    if program.name() == "host" {
        return host(program).await;
    }
    let Some(asked) = asked(&program) else { return 0 };
    let network = &program.container.network;
    let names = if asked.search { network.resolver.candidates(&asked.name) } else { vec![asked.name.clone()] };
    let mut found: (String, Result<Response, Why>) = (asked.name.clone(), Ok(Response::default()));
    for name in names {
        let response = network.query(asked.server, &name, asked.kind);
        let ends = response.as_ref().map_or(true, |response| response.code == Code::NoError);
        found = (name, response);
        if ends {
            break;
        }
    }
    let server = asked.server.or_else(|| network.resolver.servers.first().copied());
    let server = server.map(|server| server.to_string()).unwrap_or_default();
    let (name, Ok(response)) = found else { return silent(&program, &asked, &server).await };
    if asked.short {
        for record in &response.records {
            program.say(&data(record)).await;
        }
        return 0;
    }
    let lines =
        response.records.iter().map(|it| format!("{}.\t{}\tIN\t{}\t{}\n", it.name, it.ttl, kind_of(it), data(it)));
    let answer: String = lines.collect();
    let text = if asked.bare { answer } else { whole(&program, (&name, &asked), &response, (&server, &answer)) };
    program.write(text.as_bytes()).await;
    0
}

fn whole(
    program: &Program,
    (name, asked): (&str, &Asked),
    response: &Response,
    (server, answer): (&str, &str),
) -> String {
    let status = match response.code {
        Code::NoError => "NOERROR",
        Code::NoSuchName => "NXDOMAIN",
        Code::Failed => "SERVFAIL",
    };
    let when = program.engine().now().strftime("%a %b %d %H:%M:%S UTC %Y");
    let count = response.records.len();
    let section = if count == 0 { String::new() } else { format!(";; ANSWER SECTION:\n{answer}\n") };
    format!(
        "\n; <<>> DiG 9.20.10 <<>> {}\n;; global options: +cmd\n;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {status}, id: 27219\n;; flags: qr aa rd; QUERY: 1, ANSWER: {count}, AUTHORITY: 0, ADDITIONAL: 1\n;; WARNING: recursion requested but not available\n\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n;; QUESTION SECTION:\n;{name}.\tIN\t{}\n\n{section};; Query time: 0 msec\n;; SERVER: {server}#53({server}) (UDP)\n;; WHEN: {when}\n;; MSG SIZE  rcvd: {}\n\n",
        program.args().collect::<Vec<_>>().join(" "),
        word(asked.kind),
        45 + name.len() + count * (name.len() + 18),
    )
}

/// What `dig` says when no server answers.
async fn silent(program: &Program, asked: &Asked, server: &str) -> i32 {
    let refused = program.container.network.query(asked.server, &asked.name, asked.kind).err().is_some_and(
        |why| matches!(why, Why::NoDns { because, .. } if because.silence() == crate::sim::network::Silence::Refused),
    );
    let word = if refused { "connection refused" } else { "timed out" };
    for _ in 0..3 {
        if !refused {
            program.sleep(RESOLVES / 2).await;
        }
        complain(program, &format!(";; communications error to {server}#53: {word}\n")).await;
    }
    let words = program.args().collect::<Vec<_>>().join(" ");
    program
        .say(&format!("\n; <<>> DiG 9.20.10 <<>> {words}\n;; global options: +cmd\n;; no servers could be reached"))
        .await;
    9
}

async fn host(program: Program) -> i32 {
    let mut words = program.args().filter(|word| !word.starts_with('-'));
    let Some(name) = words.next().map(str::to_owned) else { return 1 };
    let asked = words.next().and_then(|word| server(&program, word));
    let network = &program.container.network;
    if let Some(reversed) = reverse(&name) {
        return match network.query(asked, &reversed, Kind::Ptr) {
            Ok(response) if !response.records.is_empty() => {
                for record in &response.records {
                    program.say(&format!("{reversed} domain name pointer {}", data(record))).await;
                }
                0
            }
            Ok(_) => {
                program.say(&format!("Host {reversed}. not found: 3(NXDOMAIN)")).await;
                1
            }
            Err(_) => unreachable_server(&program).await,
        };
    }
    for candidate in network.resolver.candidates(&name) {
        match network.query(asked, &candidate, Kind::A) {
            Err(_) => return unreachable_server(&program).await,
            Ok(response) if response.records.is_empty() => {}
            Ok(response) => {
                for record in &response.records {
                    let line = match &record.data {
                        Data::A(address) => format!("{} has address {address}", record.name),
                        _ => format!("{} is an alias for {}", record.name, data(record)),
                    };
                    program.say(&line).await;
                }
                return 0;
            }
        }
    }
    program.say(&format!("Host {name} not found: 3(NXDOMAIN)")).await;
    1
}

async fn unreachable_server(program: &Program) -> i32 {
    program.sleep(RESOLVES).await;
    program.say(";; connection timed out; no servers could be reached").await;
    1
}
