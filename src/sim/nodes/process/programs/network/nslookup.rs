//! `nslookup`: BusyBox' of 1.29 and newer, the one before, and BIND's. They differ in what they search and in what they print.
//! The words are those of `networking/nslookup.c` of BusyBox, and of `bin/dig/nslookup.c` of BIND.

use std::net::IpAddr;

use super::RESOLVES;
use super::lookup::{kind, reverse, server};
use crate::sim::network::{Code, Data, Kind, Record, Response, Silence, Why};
use crate::sim::nodes::process::program::Program;

/// What was asked for.
struct Asked {
    name: String,
    /// The kinds of records; both kinds of addresses where none is named.
    kinds: Vec<Kind>,
    server: Option<IpAddr>,
}

pub async fn nslookup(program: Program) -> i32 {
    let mut asked = Asked { name: String::new(), kinds: Vec::new(), server: None };
    for word in program.args() {
        if let Some(option) = word.strip_prefix('-') {
            let typed = option.split_once('=').filter(|(key, _)| key.ends_with("ype"));
            let named = typed.and_then(|(_, value)| kind(value));
            if let (Some((_, value)), None, true) = (typed, named, program.container.image.is_busybox()) {
                return program.fail(&format!("invalid query type \"{value}\""), 1).await;
            }
            asked.kinds.extend(named);
        } else if asked.name.is_empty() {
            asked.name = word.to_owned();
        } else {
            asked.server = server(&program, word);
        }
    }
    if asked.name.is_empty() {
        return program.fail("missing name", 1).await;
    }
    let busybox = program.container.image.is_busybox();
    match (busybox, program.container.is_tagged("1.28")) {
        (true, true) => old(&program, &asked).await,
        (true, false) => small(&program, &asked).await,
        (false, _) => bind(&program, &asked).await,
    }
}

/// The server that is asked, for showing it.
fn shown(program: &Program, asked: &Asked) -> String {
    let first = asked.server.or_else(|| program.container.network.resolver.servers.first().copied());
    first.map(|server| server.to_string()).unwrap_or_default()
}

/// BusyBox' since 1.29: a name with a dot is not searched, one without is asked for in every domain.
async fn small(program: &Program, asked: &Asked) -> i32 {
    let network = &program.container.network;
    let reversed = reverse(&asked.name);
    let mut kinds = asked.kinds.clone();
    if kinds.is_empty() {
        kinds = if reversed.is_some() { vec![Kind::Ptr] } else { vec![Kind::A, Kind::Aaaa] };
    }
    let name = reversed.unwrap_or_else(|| asked.name.clone());
    let searches = &network.resolver.searches;
    let names: Vec<String> = if name.contains('.') || searches.is_empty() {
        vec![name]
    } else {
        searches.iter().map(|domain| format!("{name}.{domain}")).collect()
    };
    let mut text = String::new();
    let mut code = 0;
    for kind in kinds {
        for name in &names {
            match network.query(asked.server, name, kind) {
                Err(why) => return silent(program, asked, &why).await,
                Ok(response) => text.push_str(&told(name, &response, &mut code)),
            }
        }
    }
    let server = shown(program, asked);
    program.write(format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n{text}").as_bytes()).await;
    code
}

/// One answer in the words of BusyBox.
fn told(name: &str, response: &Response, code: &mut i32) -> String {
    let lines: String = response.records.iter().map(line).collect();
    match response.code {
        Code::NoError => format!("{lines}\n"),
        Code::NoSuchName => {
            *code = 1;
            format!("** server can't find {name}: NXDOMAIN\n\n")
        }
        Code::Failed => {
            *code = 1;
            format!("** server can't find {name}: SERVFAIL\n\n")
        }
    }
}

fn line(record: &Record) -> String {
    let name = &record.name;
    match &record.data {
        Data::A(address) => format!("Name:\t{name}\nAddress: {address}\n"),
        Data::Cname(target) => format!("{name}\tcanonical name = {target}\n"),
        Data::Ptr(target) => format!("{name}\tname = {target}\n"),
        Data::Srv(weight, port, target) => format!("{name}\tservice = 0 {weight} {port} {target}\n"),
        Data::Txt(text) => format!("{name}\ttext = {text:?}\n"),
        Data::Ns(target) => format!("{name}\tnameserver = {target}\n"),
        Data::Soa(zone, serial) => format!(
            "{name}\n\torigin = ns.dns.{zone}\n\tmail addr = hostmaster.{zone}\n\tserial = {serial}\n\trefresh = 7200\n\tretry = 1800\n\texpire = 86400\n\tminimum = 30\n"
        ),
    }
}

async fn silent(program: &Program, asked: &Asked, why: &Why) -> i32 {
    let refused = matches!(why, Why::NoDns { because, .. } if because.silence() == Silence::Refused);
    if refused {
        program.fail(&format!("write to '{}': Connection refused", shown(program, asked)), 1).await;
    } else {
        program.sleep(RESOLVES).await;
    }
    program.say(";; connection timed out; no servers could be reached\n").await;
    1
}

/// BusyBox' before 1.29: it asks the C library, which searches as all programs do.
async fn old(program: &Program, asked: &Asked) -> i32 {
    let network = &program.container.network;
    let server = shown(program, asked);
    let name_of = |address: &str| {
        let found = network.query(None, &reverse(address)?, Kind::Ptr).ok()?;
        found.records.first().and_then(|record| match &record.data {
            Data::Ptr(name) => Some(format!(" {name}")),
            _ => None,
        })
    };
    let own = name_of(&server).unwrap_or_default();
    program.say(&format!("Server:    {server}\nAddress 1: {server}{own}\n")).await;
    match network.resolve(&asked.name) {
        Ok(found) => {
            program.say(&format!("Name:      {}", asked.name)).await;
            for (at, address) in found.addresses.iter().enumerate() {
                let own = name_of(&address.to_string()).unwrap_or_default();
                program.say(&format!("Address {}: {address}{own}", at + 1)).await;
            }
            0
        }
        Err(why) => {
            if why.silence() == Silence::NoDns {
                program.sleep(RESOLVES).await;
            }
            program.fail(&format!("can't resolve '{}'", asked.name), 1).await
        }
    }
}

/// BIND's.
async fn bind(program: &Program, asked: &Asked) -> i32 {
    let network = &program.container.network;
    let server = shown(program, asked);
    let reversed = reverse(&asked.name);
    let kind = asked.kinds.first().copied().unwrap_or(if reversed.is_some() { Kind::Ptr } else { Kind::A });
    let names = match &reversed {
        Some(reversed) => vec![reversed.clone()],
        None => network.resolver.candidates(&asked.name),
    };
    let mut last = Response::default();
    for name in &names {
        match network.query(asked.server, name, kind) {
            Err(why) => {
                let refused = matches!(&why, Why::NoDns { because, .. } if because.silence() == Silence::Refused);
                let word = if refused { "connection refused" } else { "timed out" };
                for _ in 0..3 {
                    if !refused {
                        program.sleep(RESOLVES / 2).await;
                    }
                    program.say(&format!(";; communications error to {server}#53: {word}")).await;
                }
                program.say(";; no servers could be reached\n").await;
                return 1;
            }
            Ok(response) => {
                last = response;
                if last.code == Code::NoError && !last.records.is_empty() {
                    break;
                }
            }
        }
    }
    if reversed.is_none() {
        program.say(&format!("Server:\t\t{server}\nAddress:\t{server}#53\n")).await;
    }
    if last.records.is_empty() {
        let name = reversed.as_ref().unwrap_or(&asked.name);
        let line = match last.code {
            Code::NoError => format!("*** Can't find {name}: No answer\n"),
            Code::NoSuchName => format!("** server can't find {name}: NXDOMAIN\n"),
            Code::Failed => format!("** server can't find {name}: SERVFAIL\n"),
        };
        program.say(&line).await;
        return i32::from(last.code != Code::NoError);
    }
    let lines: Vec<String> = last
        .records
        .iter()
        .map(|record| {
            let line = line(record);
            // BIND writes whole names with their last dot where they are the answer.
            if matches!(record.data, Data::A(_) | Data::Txt(_) | Data::Soa(..)) {
                line
            } else {
                line.replace('\n', ".\n")
            }
        })
        .collect();
    program.say(&lines.concat()).await;
    0
}
