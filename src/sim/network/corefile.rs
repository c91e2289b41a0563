//! CoreDNS' configuration: which zones it answers from the cluster's objects, what it knows by heart, whom it asks, and where it listens.
//! What the answers are is `dns.rs`; what each plugin takes, `plugins.rs`. Source: `coremain`, `core/dnsserver`, and caddy's `caddyfile` of CoreDNS 1.13.

use std::net::IpAddr;

use super::plugins::{self, fail, is_one_of};
use crate::object::duration::duration;

/// The plugins CoreDNS is built with, in the order in which they are set up (`plugin.cfg`).
const PLUGINS: &str = "root metadata geoip cancel tls quic timeouts multisocket reload nsid bufsize bind debug trace ready health \
    pprof prometheus errors log dnstap local dns64 acl any chaos loadbalance tsig cache rewrite header dnssec autopath minimal \
    template transfer hosts route53 azure clouddns k8s_external kubernetes file auto secondary etcd loop forward grpc erratic \
    whoami on sign view nomad";

/// Where the Deployment of kubeadm has it.
pub(super) const PATH: &str = "/etc/coredns/Corefile";
/// The port DNS is asked at.
const DNS: u16 = 53;

/// One server block: the zones it serves, each at its port, and its plugins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Block {
    zones: Vec<(String, u16)>,
    plugins: Vec<Plugin>,
}

/// A plugin with its words and, a line each, the words in its braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plugin {
    pub name: String,
    pub words: Vec<String>,
    pub inner: Vec<Vec<String>>,
    /// Where it stands, and each line in its braces.
    pub line: usize,
    pub lines: Vec<usize>,
}

/// A configuration that CoreDNS would start with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corefile {
    blocks: Vec<Block>,
}

/// What answers a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// The zones that come from the cluster's objects.
    pub zones: Vec<String>,
    /// Whether names below `pod` are answered.
    pub pods: bool,
    /// The addresses that are written down.
    pub hosts: Vec<(IpAddr, String)>,
    /// Names that are asked for as others: whole name, and what it becomes.
    pub rewrites: Vec<(String, String)>,
    /// Zones about which others are asked, with the words that say whom.
    pub forwards: Vec<(String, Vec<String>)>,
    /// Zones whose names are the plugin `hosts`' alone: it has no `fallthrough`.
    pub closed: Vec<String>,
    /// Whether each question is told in the log.
    pub logs: bool,
}

/// Whether a text says what `usual` does, but for the zones, where others are asked, and what is not kept.
/// Source: `github.com/coredns/corefile-migration/migration`, Default.
pub fn is_usual(text: &str, usual: &str) -> bool {
    let skeleton = |text: &str| {
        let file = read(text).ok()?;
        let plugin = |plugin: &Plugin| {
            let words = if plugin.name == "kubernetes" { Vec::new() } else { plugin.words.clone() };
            let words = if plugin.name == "forward" { words.into_iter().take(1).collect() } else { words };
            let kept = |line: &Vec<String>| {
                let some = if line.first().is_some_and(|word| word == "disable") { 2 } else { line.len() };
                line.iter().take(some).cloned().collect::<Vec<_>>()
            };
            let mut inner: Vec<Vec<String>> = plugin.inner.iter().map(kept).collect();
            inner.sort();
            (plugin.name.clone(), words, inner)
        };
        let block = |block: &Block| {
            let mut plugins: Vec<_> = block.plugins.iter().map(plugin).collect();
            plugins.sort();
            (block.zones.clone(), plugins)
        };
        Some(file.blocks.iter().map(block).collect::<Vec<_>>())
    };
    skeleton(text).is_some_and(|known| Some(known) == skeleton(usual))
}

/// Words with the numbers of their lines; comments left out. Braces are words when they stand alone, as in caddy's lexer.
fn words(text: &str) -> Vec<Vec<(usize, String)>> {
    let line = |(at, line): (usize, &str)| {
        let bare = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        bare.map(|word| (at + 1, word.trim_matches('"').to_owned())).collect::<Vec<_>>()
    };
    text.lines().enumerate().map(line).filter(|words: &Vec<_>| !words.is_empty()).collect()
}

/// Reads a configuration, or gives what CoreDNS complains of.
pub fn read(text: &str) -> Result<Corefile, String> {
    let last = text.lines().count();
    let mut blocks: Vec<Block> = Vec::new();
    let mut block: Option<Block> = None;
    let mut inside = false;
    for line in words(text) {
        let number = line[0].0;
        let mut texts: Vec<String> = line.into_iter().map(|(_, word)| word).collect();
        let opens = texts.last().is_some_and(|word| word == "{");
        if opens {
            texts.pop();
        }
        let closes = texts.first().is_some_and(|word| word == "}");
        if opens && texts.is_empty() && block.is_some() {
            return Err(fail(number, "Unknown directive '{'"));
        }
        match (&mut block, closes) {
            (None, true) => return Err(fail(number, "Unexpected '}' because no matching opening brace")),
            (None, false) if opens => block = Some(head(&texts)?),
            (None, false) => return Err(fail(number, &format!("Unknown directive '{}'", texts[0]))),
            (Some(_), true) if inside => inside = false,
            (Some(_), true) => blocks.extend(block.take()),
            (Some(block), false) if inside => {
                if let Some(plugin) = block.plugins.last_mut() {
                    plugin.inner.push(texts);
                    plugin.lines.push(number);
                }
            }
            (Some(block), false) => {
                let name = texts.remove(0);
                if !is_one_of(PLUGINS, &name) {
                    return Err(fail(number, &format!("Unknown directive '{name}'")));
                }
                block.plugins.push(Plugin { name, words: texts, line: number, ..Plugin::default() });
                inside = opens;
            }
        }
    }
    if block.is_some() {
        return Err(fail(last, "Unexpected EOF"));
    }
    // Each plugin is set up in all blocks before the next one is.
    for name in PLUGINS.split_whitespace() {
        blocks.iter().try_for_each(|block| plugins::check_block(&block.plugins, name))?;
    }
    twice(&blocks)?;
    Ok(Corefile { blocks })
}

/// That no two servers have the same zone and port.
fn twice(blocks: &[Block]) -> Result<(), String> {
    let mut known: Vec<(&str, u16)> = Vec::new();
    for (zone, port) in blocks.iter().flat_map(|block| &block.zones) {
        if known.contains(&(zone, *port)) {
            return Err(format!("cannot serve dns://{zone}.:{port} - it is already defined"));
        }
        known.push((zone, *port));
    }
    Ok(())
}

/// The zones a block begins with. What follows a colon is a port when it is a number, and otherwise part of the name.
fn head(words: &[String]) -> Result<Block, String> {
    let mut block = Block::default();
    for word in words.iter().flat_map(|word| word.split(',')).filter(|word| !word.is_empty()) {
        let (scheme, bare) = word.split_once("://").unwrap_or(("dns", word));
        if bare.ends_with(':') {
            return Err(format!("expecting data after last colon: {bare:?}"));
        }
        let usual = match scheme {
            "tls" | "quic" => 853,
            "https" | "grpc" => 443,
            _ => DNS,
        };
        let (zone, port) = match bare.rsplit_once(':').map(|(zone, port)| (zone, port.parse())) {
            Some((zone, Ok(port))) => (zone, port),
            _ => (bare, usual),
        };
        block.zones.push((normal(zone), port));
    }
    Ok(block)
}

/// A zone without its last dot, in small letters; the root is empty.
fn normal(zone: &str) -> String {
    zone.trim_end_matches('.').to_ascii_lowercase()
}

fn is_within(name: &str, zone: &str) -> bool {
    zone.is_empty() || name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

impl Corefile {
    /// What answers a name at the port of DNS: the server of the longest zone that it ends with; none where no zone fits.
    pub fn server(&self, name: &str) -> Option<Server> {
        let fits = |(zone, port): &&(String, u16)| *port == DNS && is_within(name, zone);
        let best = self.blocks.iter().filter_map(|block| {
            let longest = block.zones.iter().filter(fits).map(|(zone, _)| zone.len()).max()?;
            Some((longest, block))
        });
        let (_, block) = best.max_by_key(|(length, _)| *length)?;
        Some(block.server())
    }

    fn plugins<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Plugin> {
        self.blocks.iter().flat_map(|block| &block.plugins).filter(move |plugin| plugin.name == name)
    }

    /// The ports CoreDNS listens on with it: of its servers, and of plugins that have some of their own.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.blocks.iter().flat_map(|block| &block.zones).map(|(_, port)| *port).collect();
        for (name, usual) in [("health", 8080), ("ready", 8181), ("prometheus", 9153)] {
            let said = |plugin: &Plugin| plugin.words.first().map_or(Ok(usual), |address| plugins::port(address));
            ports.extend(self.plugins(name).filter_map(|plugin| said(plugin).ok()).filter(|port| *port > 0));
        }
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// What CoreDNS says of its servers when it starts.
    pub fn zones(&self) -> Vec<String> {
        let all = self.blocks.iter().flat_map(|block| &block.zones);
        let mut shown: Vec<String> = all.map(|(zone, port)| format!("{zone}.:{port}")).collect();
        shown.sort();
        shown
    }

    /// How often it looks whether the file has changed, in seconds; not at all without the plugin `reload`.
    pub fn reloads(&self) -> Option<u64> {
        let plugin = self.plugins("reload").next()?;
        let said = plugin.words.first().and_then(|word| duration(word).ok());
        Some(said.map_or(30, |time| u64::try_from(time.as_secs()).unwrap_or(30)))
    }

    /// The zone whose questions come back to where they were asked, with its port, if the plugin `loop` looks for that. `own` tells at which
    /// addresses this CoreDNS is asked; `servers` are those of its resolver.
    pub fn looped(&self, own: &dyn Fn(IpAddr) -> bool, servers: &[IpAddr]) -> Option<(String, u16)> {
        self.blocks.iter().find_map(|block| {
            block.plugins.iter().find(|plugin| plugin.name == "loop")?;
            let (zone, port) = block.zones.first()?;
            let forwards = |plugin: &&Plugin| {
                plugin.name == "forward" && plugin.words.first().is_some_and(|from| is_within(zone, &normal(from)))
            };
            let mut asked = block.plugins.iter().find(forwards)?.words.iter().skip(1);
            let comes_back = |word: &String| match plugins::name_server(word) {
                Some((address, at)) => at == *port && own(address),
                None => *port == DNS && servers.iter().any(|server| own(*server)),
            };
            asked.any(comes_back).then(|| (zone.clone(), *port))
        })
    }
}

impl Block {
    fn server(&self) -> Server {
        let mut server = Server::default();
        for plugin in &self.plugins {
            let own = || self.zones.iter().map(|(zone, _)| zone.clone()).collect::<Vec<_>>();
            let named: Vec<String> = plugin.words.iter().map(|word| normal(word)).collect();
            match plugin.name.as_str() {
                "kubernetes" => {
                    server.zones.extend(if named.is_empty() { own() } else { named });
                    let pods = plugin.inner.iter().find(|line| line[0] == "pods");
                    server.pods |= pods.and_then(|line| line.get(1)).is_some_and(|mode| mode != "disabled");
                }
                "forward" => {
                    let parts = plugin.words.split_first();
                    server.forwards.extend(parts.map(|(from, to)| (normal(from), to.to_vec())));
                }
                "hosts" => {
                    for line in &plugin.inner {
                        let Some(Ok(address)) = line.first().map(|word| word.parse()) else { continue };
                        server.hosts.extend(line.iter().skip(1).map(|name| (address, normal(name))));
                    }
                    // The first word may be a file's.
                    let zones: Vec<String> = named.into_iter().filter(|word| !word.starts_with('/')).collect();
                    if !plugin.inner.iter().any(|line| line[0] == "fallthrough") {
                        server.closed.extend(if zones.is_empty() { own() } else { zones });
                    }
                }
                "rewrite" => {
                    // `rewrite name [exact] FROM TO`
                    let words: Vec<&String> = plugin.words.iter().filter(|word| *word != "exact").collect();
                    if let [kind, from, to] = words.as_slice()
                        && *kind == "name"
                    {
                        server.rewrites.push((normal(from), normal(to)));
                    }
                }
                "log" => server.logs = true,
                _ => {}
            }
        }
        server
    }
}

impl Server {
    /// The name servers that are asked about a name of others; none where nobody is.
    pub fn asked(&self, name: &str) -> Option<&[String]> {
        let fits = self.forwards.iter().filter(|(from, _)| is_within(name, from));
        fits.max_by_key(|(from, _)| from.len()).map(|(_, to)| to.as_slice())
    }

    /// Whether the plugin `hosts` keeps a name it does not know for itself.
    pub fn keeps(&self, name: &str) -> bool {
        self.closed.iter().any(|zone| is_within(name, zone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = include_str!("../../../assets/cluster/03-coredns.yaml");

    fn usual() -> String {
        let text = USUAL.split("Corefile: |\n").nth(1).unwrap().split("\n---").next().unwrap();
        text.replace("$(DNS_DOMAIN)", "cluster.local")
    }

    #[test]
    fn what_somebody_wrote_is_told_from_what_kubeadm_did() {
        let other = usual().replace("cluster.local", "corp.example").replace("/etc/resolv.conf", "1.1.1.1");
        assert!(is_usual(&other, &usual()));
        assert!(!is_usual(&usual().replace("ttl 30", "ttl 60"), &usual()));
        assert!(!is_usual(&usual().replace("    loop\n", ""), &usual()));
        assert!(!is_usual("nonsense", &usual()));
    }

    fn fault(text: &str) -> Option<String> {
        read(text).err()
    }

    #[test]
    fn what_kubeadm_writes_is_read() {
        let server = read(&usual()).unwrap().server("web.shop.svc.cluster.local").unwrap();
        assert_eq!(server.zones, ["cluster.local", "in-addr.arpa", "ip6.arpa"]);
        assert!(server.pods && server.asked("example.com").is_some());
    }

    #[test]
    fn faults_are_told_as_coredns_tells_them() {
        let broken = usual().replace("kubernetes cluster", "kubernets cluster");
        assert_eq!(
            fault(&broken).unwrap(),
            "/etc/coredns/Corefile:7 - Error during parsing: Unknown directive 'kubernets'"
        );
        assert!(fault(usual().trim_end().trim_end_matches('}')).unwrap().ends_with("Unexpected EOF"));
        assert!(fault(&usual().replace("forward . /etc/resolv.conf", "forward .")).is_some());
        let alone = usual().replace("resolv.conf {", "resolv.conf\n    {");
        assert!(fault(&alone).unwrap().ends_with("Unknown directive '{'"), "{alone}");
        assert!(fault(&usual().replace("pods insecure", "pod insecure")).unwrap().contains("unknown property 'pod'"));
    }

    #[test]
    fn each_plugin_complains_in_its_own_words() {
        let told = |from: &str, to: &str| fault(&usual().replace(from, to)).expect(to);
        assert_eq!(
            told("errors\n", "errors file\n"),
            "plugin/errors: /etc/coredns/Corefile:2 - Error during parsing: invalid log file: file"
        );
        assert_eq!(
            told("lameduck 5s", "lameduck 5"),
            "plugin/health: unable to parse lameduck duration value: '5' : time: missing unit in duration \"5\""
        );
        assert_eq!(told("ready\n", "ready 8181\n"), "plugin/ready: address 8181: missing port in address");
        assert_eq!(
            told("pods insecure", "pods secure"),
            "plugin/kubernetes: wrong value for pods: secure,  must be one of: disabled, verified, insecure"
        );
        assert_eq!(told("/etc/resolv.conf", "resolver"), "plugin/forward: not an IP address or file: \"resolver\"");
        assert_eq!(told("cache 30", "cache 0"), "plugin/cache: cache TTL can not be zero or negative: 0");
        assert!(told("loop\n", "loop on\n").ends_with("Wrong argument count or unexpected line ending after 'on'"));
        assert_eq!(told("reload\n", "reload 1s\n"), "plugin/reload: interval value must be greater or equal to 2s");
        assert_eq!(told("loadbalance", "loadbalance fair"), "plugin/loadbalance: unknown policy: fair");
        assert_eq!(told("loop\n", "rewrite nme a b\n"), "plugin/rewrite: invalid rule type \"nme\"");
        assert!(told("loop\n", "cache 5\n").ends_with("only be used once per Server Block"));
        let twice = fault(&format!("{0}\n{0}", usual())).expect("twice the same");
        assert_eq!(twice, "cannot serve dns://.:53 - it is already defined");
    }

    #[test]
    fn ports_follow_from_servers_and_plugins() {
        assert_eq!(read(&usual()).unwrap().ports(), [53, 8080, 8181, 9153]);
        let other = usual().replace(".:53", ".:5353").replace("ready\n", "").replace(":9153", ":9253");
        let other = read(&other).unwrap();
        assert_eq!(other.ports(), [5353, 8080, 9253]);
        assert_eq!(other.server("kubernetes.default.svc.cluster.local"), None);
        assert_eq!(other.zones(), [".:5353"]);
    }

    #[test]
    fn a_question_that_comes_back_is_noticed() {
        let own = |address: IpAddr| address.is_loopback();
        let node = ["192.168.56.1".parse().unwrap()];
        let looped = |text: &str| read(text).unwrap().looped(&own, &node);
        assert_eq!(looped(&usual()), None);
        let wrong = usual().replace("/etc/resolv.conf", "127.0.0.1");
        assert_eq!(looped(&wrong), Some((String::new(), 53)));
        assert_eq!(looped(&wrong.replace("loop\n", "")), None, "nobody looks for it");
    }

    #[test]
    fn hosts_keeps_what_it_does_not_let_through() {
        let with = |inner: &str| usual().replace("loop\n", &format!("hosts {{\n 10.1.2.3 a.example\n{inner}}}\n"));
        let server = |inner: &str| read(&with(inner)).unwrap().server("b.example").unwrap();
        assert!(server("").keeps("b.example") && !server("fallthrough\n").keeps("b.example"));
    }

    #[test]
    fn blocks_of_their_own_answer_their_zones() {
        let text = format!("{}\nexample.com:53 {{\n  hosts {{\n    10.1.2.3 www.example.com\n  }}\n}}\n", usual());
        let file = read(&text).unwrap();
        assert_eq!(file.server("www.example.com").unwrap().hosts.len(), 1);
        assert!(file.server("www.example.org").unwrap().asked("www.example.org").is_some());
    }
}
