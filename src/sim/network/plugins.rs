//! What the plugins of CoreDNS take: arguments and properties, and the words in which each complains of others.
//! How a Corefile is read is `corefile.rs`. Source: `plugin/*/setup.go` of CoreDNS 1.13, and caddy's `caddyfile/dispenser.go`.

use std::net::IpAddr;

use jiff::SignedDuration;

use super::corefile::{PATH, Plugin};
use crate::object::duration::duration;

/// What stands in a block of the `kubernetes` plugin.
const KUBERNETES: &str = "endpoint_pod_names pods namespaces endpoint tls labels namespace_labels fallthrough ttl noendpoints \
    ignore kubeconfig multicluster startup_timeout apiserver_qps apiserver_burst apiserver_max_inflight";
/// What stands in a block of `forward`.
const FORWARD: &str = "except max_fails health_check force_tcp prefer_udp tls tls_servername expire policy max_concurrent next \
    failfast_all_unhealthy_upstreams failover";
/// What stands in a block of `cache`.
const CACHE: &str = "success denial prefetch serve_stale servfail disable keepttl";
/// Plugins that may stand in a block but once.
const ONCE: &str = "errors ready prometheus kubernetes cache loop";

/// Whether a word is one of several.
pub(super) fn is_one_of(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// A complaint about a line.
pub(super) fn fail(line: usize, why: &str) -> String {
    format!("{PATH}:{line} - Error during parsing: {why}")
}

fn wrong_count(line: usize, last: &str) -> String {
    fail(line, &format!("Wrong argument count or unexpected line ending after '{last}'"))
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("strconv.Atoi: parsing {text:?}: invalid syntax"))
}

/// The port of an address such as `:8080`; the error is Go's.
pub(super) fn port(address: &str) -> Result<u16, String> {
    let port = address.rsplit_once(':').ok_or_else(|| format!("address {address}: missing port in address"))?.1;
    // What is no number is the name of a service, which nobody has.
    Ok(port.parse().unwrap_or_default())
}

/// Looks at a property: the number of its line, and its words.
type Property = dyn Fn(usize, &[String]) -> Result<(), String>;

/// What is complained of in a block's plugins, in the order in which CoreDNS sets them up.
pub(super) fn check_block(plugins: &[Plugin], name: &str) -> Result<(), String> {
    let told = |why: String| format!("plugin/{name}: {why}");
    let of_name = || plugins.iter().filter(|plugin| plugin.name == name);
    if is_one_of(ONCE, name) && of_name().count() > 1 {
        return Err(told("this plugin can only be used once per Server Block".to_owned()));
    }
    of_name().try_for_each(|plugin| check(plugin).map_err(told))
}

fn check(plugin: &Plugin) -> Result<(), String> {
    let last = plugin.words.last().map_or(plugin.name.as_str(), String::as_str);
    let most = |most: usize| if plugin.words.len() > most { Err(wrong_count(plugin.line, last)) } else { Ok(()) };
    let address = || most(1).and_then(|()| plugin.words.first().map_or(Ok(()), |address| port(address).map(drop)));
    let properties =
        |check: &Property| plugin.inner.iter().zip(&plugin.lines).try_for_each(|(words, line)| check(*line, words));
    match plugin.name.as_str() {
        "errors" => match plugin.words.as_slice() {
            [] => properties(&errors_property),
            [one] if one == "stdout" => properties(&errors_property),
            [one] => Err(fail(plugin.line, &format!("invalid log file: {one}"))),
            _ => most(1),
        },
        "health" => address().and_then(|()| properties(&health_property)),
        "ready" | "prometheus" => address(),
        "kubernetes" => {
            let reversed = |zone: &String| zone.trim_end_matches('.').ends_with(".arpa");
            if !plugin.words.is_empty() && plugin.words.iter().all(reversed) {
                return Err("non-reverse zone name must be used".to_owned());
            }
            properties(&kubernetes_property)
        }
        "forward" => forward(plugin).and_then(|()| properties(&forward_property)),
        "cache" => match plugin.words.first().and_then(|word| word.parse::<i64>().ok()) {
            Some(ttl) if ttl <= 0 => Err(format!("cache TTL can not be zero or negative: {ttl}")),
            _ => properties(&cache_property),
        },
        "loop" => most(0),
        "reload" => most(2).and_then(|()| reload(&plugin.words)),
        "loadbalance" => match plugin.words.first().map(String::as_str) {
            None | Some("weighted") => Ok(()),
            Some("round_robin") if plugin.words.len() == 1 => Ok(()),
            Some("round_robin") => Err(fail(plugin.line, "unknown property for round_robin")),
            Some(other) => Err(format!("unknown policy: {other}")),
        },
        "log" => properties(&log_property),
        "rewrite" => rewrite(plugin),
        "template" => template(plugin),
        _ => Ok(()),
    }
}

fn errors_property(line: usize, words: &[String]) -> Result<(), String> {
    match words[0].as_str() {
        "stacktrace" => Ok(()),
        "consolidate" if (3..=4).contains(&words.len()) => {
            duration(&words[1]).map(drop).map_err(|why| fail(line, &why))
        }
        "consolidate" => Err(wrong_count(line, words.last().map_or("", String::as_str))),
        other => {
            Err(format!("{PATH}:{line} - Syntax error: Unexpected token '{other}', expecting 'Unknown field {other}'"))
        }
    }
}

fn health_property(line: usize, words: &[String]) -> Result<(), String> {
    match words {
        [name, value] if name == "lameduck" => duration(value)
            .map(drop)
            .map_err(|why| format!("unable to parse lameduck duration value: '{value}' : {why}")),
        _ => Err(wrong_count(line, words.last().map_or("", String::as_str))),
    }
}

fn kubernetes_property(line: usize, words: &[String]) -> Result<(), String> {
    let last = words.last().map_or("", String::as_str);
    match (words[0].as_str(), &words[1..]) {
        ("pods", [mode]) if ["disabled", "insecure", "verified"].contains(&mode.as_str()) => Ok(()),
        ("pods", [mode]) => Err(format!("wrong value for pods: {mode},  must be one of: disabled, verified, insecure")),
        ("ttl", [ttl, ..]) => match number(ttl)? {
            0..=3600 => Ok(()),
            ttl => Err(fail(line, &format!("ttl must be in range [0, 3600]: {ttl}"))),
        },
        ("ignore", [what, ..]) if what != "empty_service" => Err(format!("unable to parse ignore value: '{what}'")),
        ("startup_timeout", [time, ..]) => {
            duration(time).map(drop).map_err(|why| format!("failed to parse startup_timeout: {time}, {why}"))
        }
        ("pods" | "namespaces" | "endpoint" | "labels" | "namespace_labels" | "ttl" | "startup_timeout", []) => {
            Err(wrong_count(line, last))
        }
        ("pods", _) | ("endpoint_pod_names" | "noendpoints", [_, ..]) => Err(wrong_count(line, last)),
        ("tls", rest) if rest.len() != 3 => Err(wrong_count(line, last)),
        ("kubeconfig", rest) if !(1..=2).contains(&rest.len()) => Err(wrong_count(line, last)),
        (name, _) if is_one_of(KUBERNETES, name) => Ok(()),
        (name, _) => Err(fail(line, &format!("unknown property '{name}'"))),
    }
}

/// An address of a name server as `forward` takes it: with or without scheme and port.
pub(super) fn name_server(word: &str) -> Option<(IpAddr, u16)> {
    let bare = word.split_once("://").map_or(word, |(_, bare)| bare);
    if let Ok(address) = bare.parse() {
        return Some((address, 53));
    }
    let (host, port) = bare.rsplit_once(':')?;
    Some((host.trim_matches(['[', ']']).parse().ok()?, port.parse().ok()?))
}

fn forward(plugin: &Plugin) -> Result<(), String> {
    if plugin.words.len() < 2 {
        let last = plugin.words.last().map_or("forward", String::as_str);
        return Err(wrong_count(plugin.line, last));
    }
    let servers = &plugin.words[1..];
    if servers.len() > 15 {
        return Err(format!("more than 15 TOs configured: {}", servers.len()));
    }
    // The only file there is that names servers is the resolver's.
    let is_known = |word: &&String| name_server(word).is_some() || *word == "/etc/resolv.conf";
    match servers.iter().find(|word| !is_known(word)) {
        Some(word) => Err(format!("not an IP address or file: {word:?}")),
        None => Ok(()),
    }
}

fn forward_property(line: usize, words: &[String]) -> Result<(), String> {
    let last = words.last().map_or("", String::as_str);
    let count = || Err(wrong_count(line, last));
    match (words[0].as_str(), &words[1..]) {
        ("force_tcp" | "prefer_udp" | "failfast_all_unhealthy_upstreams", []) => Ok(()),
        ("force_tcp" | "prefer_udp" | "failfast_all_unhealthy_upstreams", _) => count(),
        (name, []) if is_one_of(FORWARD, name) && name != "tls" => count(),
        ("max_concurrent", [most, ..]) => match number(most)? {
            ..0 => Err(format!("max_concurrent can't be negative: {most}")),
            _ => Ok(()),
        },
        ("max_fails", [most, ..]) if most.parse::<u32>().is_err() => {
            Err(format!("strconv.ParseUint: parsing {most:?}: invalid syntax"))
        }
        ("health_check" | "expire", [time, ..]) => duration(time).map(drop),
        ("policy", [policy, ..]) if !["random", "round_robin", "sequential"].contains(&policy.as_str()) => {
            Err(fail(line, &format!("unknown policy '{policy}'")))
        }
        (name, _) if is_one_of(FORWARD, name) => Ok(()),
        (name, _) => Err(fail(line, &format!("unknown property '{name}'"))),
    }
}

fn cache_property(line: usize, words: &[String]) -> Result<(), String> {
    let count = || Err(wrong_count(line, words.last().map_or("", String::as_str)));
    match (words[0].as_str(), &words[1..]) {
        ("success" | "denial" | "prefetch" | "disable", []) => count(),
        ("success" | "denial", [most, rest @ ..]) => {
            number(most)?;
            match rest.first().map(|ttl| number(ttl)).transpose()? {
                Some(ttl @ ..=0) => Err(format!("cache TTL can not be zero or negative: {ttl}")),
                _ => Ok(()),
            }
        }
        ("disable", [what, ..]) if !["success", "denial"].contains(&what.as_str()) => {
            Err("cache type for disable must be \"success\" or \"denial\"".to_owned())
        }
        ("servfail", [time]) => duration(time).map(drop),
        ("servfail", _) | ("keepttl", [_, ..]) => count(),
        (name, _) if is_one_of(CACHE, name) => Ok(()),
        _ => count(),
    }
}

fn reload(words: &[String]) -> Result<(), String> {
    let least = [(2, "interval", "2s"), (1, "jitter", "1s")];
    words.iter().zip(least).try_for_each(|(word, (least, what, shown))| match duration(word)? {
        time if time < SignedDuration::from_secs(least) => {
            Err(format!("{what} value must be greater or equal to {shown}"))
        }
        _ => Ok(()),
    })
}

fn log_property(line: usize, words: &[String]) -> Result<(), String> {
    match (words[0].as_str(), &words[1..]) {
        ("class", classes) if !classes.is_empty() => {
            let unknown = classes.iter().find(|class| !is_one_of("success denial error all", class));
            unknown.map_or(Ok(()), |class| Err(format!("invalid Class: {class}")))
        }
        _ => Err(wrong_count(line, words.last().map_or("", String::as_str))),
    }
}

fn rewrite(plugin: &Plugin) -> Result<(), String> {
    let inner = plugin.inner.iter().flatten();
    let words: Vec<&str> = plugin.words.iter().chain(inner).map(String::as_str).collect();
    let Some(first) = words.first() else { return Err("no rule type specified for rewrite".to_owned()) };
    let moded = ["continue", "stop"].contains(&first.to_lowercase().as_str());
    let words = if moded { &words[1..] } else { &words[..] };
    let Some(kind) = words.first().map(|kind| kind.to_lowercase()) else {
        return Err(format!("{first} rule must begin with a rule type"));
    };
    let args = &words[1..];
    match kind.as_str() {
        "answer" => Err("response rewrites must begin with a name rule".to_owned()),
        "name" if args.len() < 2 => Err("too few arguments for a name rule".to_owned()),
        "name" if args.len() > 2 && !is_one_of("exact prefix suffix substring regex", &args[0].to_lowercase()) => {
            let kinds = "exact, prefix, suffix, substring, and regex name matching";
            Err(format!("name rule supports only {kinds}, received: {}", args[0].to_lowercase()))
        }
        "class" | "type" if args.len() != 2 => Err(format!("{kind} rules must have exactly two arguments")),
        "name" | "class" | "type" | "edns0" | "ttl" | "cname" | "rcode" => Ok(()),
        _ => Err(format!("invalid rule type {first:?}")),
    }
}

fn template(plugin: &Plugin) -> Result<(), String> {
    let [class, kind, ..] = plugin.words.as_slice() else {
        return Err(wrong_count(plugin.line, plugin.words.last().map_or("template", String::as_str)));
    };
    if !is_one_of("IN CS CH HS NONE ANY", class) {
        return Err(fail(plugin.line, &format!("invalid query class {class}")));
    }
    if !is_one_of("A AAAA ANY CAA CNAME HINFO HTTPS MX NAPTR NS PTR SOA SRV SVCB TXT", kind) {
        return Err(fail(plugin.line, &format!("invalid RR class {kind}")));
    }
    plugin.inner.iter().zip(&plugin.lines).try_for_each(|(words, line)| match (words[0].as_str(), &words[1..]) {
        ("match" | "answer" | "additional" | "authority" | "ederror", [_, ..]) | ("fallthrough" | "upstream", _) => {
            Ok(())
        }
        ("rcode", [code]) if is_one_of("NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED", code) => Ok(()),
        ("rcode", [code]) => Err(fail(*line, &format!("unknown rcode {code}"))),
        _ => Err(wrong_count(*line, words.last().map_or("", String::as_str))),
    })
}
