//! CoreDNS' configuration: which zones it answers from the cluster's objects, what it knows by heart, what it asks others.
//! What the answers are is `dns.rs`. Source: `coremain`, `plugin/kubernetes/setup.go`, and caddy's `caddyfile` of CoreDNS 1.13.

use std::net::IpAddr;

/// The plugins CoreDNS is built with (`plugin.cfg`).
const PLUGINS: &str = "root metadata geoip cancel tls quic timeouts multisocket reload nsid bufsize bind debug trace ready health \
    pprof prometheus errors log dnstap local dns64 acl any chaos loadbalance tsig cache rewrite header dnssec autopath minimal \
    template transfer hosts route53 azure clouddns k8s_external kubernetes file auto secondary etcd loop forward grpc erratic \
    whoami on sign view nomad";

/// What stands in a block of the `kubernetes` plugin.
const KUBERNETES: &str = "endpoint_pod_names pods namespaces endpoint tls labels namespace_labels fallthrough ttl noendpoints \
    ignore kubeconfig multicluster startup_timeout apiserver_qps apiserver_burst apiserver_max_inflight";

fn is_one_of(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// One server block: the zones it serves and its plugins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Block {
    zones: Vec<String>,
    port: Option<u16>,
    plugins: Vec<Plugin>,
}

/// A plugin with its words and, a line each, the words in its braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Plugin {
    name: String,
    words: Vec<String>,
    inner: Vec<Vec<String>>,
    /// Where it stands, and each line in its braces.
    line: usize,
    lines: Vec<usize>,
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
    /// Whether others are asked about all else.
    pub forwards: bool,
}

/// What CoreDNS says before it ends, if it cannot start with this text.
pub fn fault(text: &str) -> Option<String> {
    read(text).err()
}

/// Words with the numbers of their lines; comments left out. Braces are words when they stand alone, as in caddy's lexer.
fn words(text: &str) -> Vec<Vec<(usize, String)>> {
    let line = |(at, line): (usize, &str)| {
        let bare = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        bare.map(|word| (at + 1, word.trim_matches('"').to_owned())).collect::<Vec<_>>()
    };
    text.lines().enumerate().map(line).filter(|words: &Vec<_>| !words.is_empty()).collect()
}

fn fail(line: usize, why: String) -> String {
    format!("/etc/coredns/Corefile:{line} - Error during parsing: {why}")
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
        match (&mut block, closes) {
            (None, true) => return Err(fail(number, "Unexpected '}' because no matching opening brace".to_owned())),
            (None, false) if opens => block = Some(head(&texts).map_err(|why| fail(number, why))?),
            (None, false) => return Err(fail(number, format!("Unknown directive '{}'", texts[0]))),
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
                    return Err(fail(number, format!("Unknown directive '{name}'")));
                }
                block.plugins.push(Plugin { name, words: texts, line: number, ..Plugin::default() });
                inside = opens;
            }
        }
    }
    if block.is_some() {
        return Err(fail(last, "Unexpected EOF".to_owned()));
    }
    blocks.iter().flat_map(|block| &block.plugins).try_for_each(check)?;
    Ok(Corefile { blocks })
}

/// The zones a block begins with.
fn head(words: &[String]) -> Result<Block, String> {
    let mut block = Block::default();
    for word in words.iter().flat_map(|word| word.split(',')).filter(|word| !word.is_empty()) {
        let bare = word.strip_prefix("dns://").unwrap_or(word);
        let (zone, port) = match bare.rsplit_once(':') {
            Some((zone, port)) => (zone, Some(port.parse().map_err(|_| format!("invalid port: '{port}'"))?)),
            None => (bare, None),
        };
        block.zones.push(normal(zone));
        block.port = port.or(block.port);
    }
    Ok(block)
}

/// A zone without its last dot, in small letters; the root is empty.
fn normal(zone: &str) -> String {
    zone.trim_end_matches('.').to_ascii_lowercase()
}

/// What a plugin complains of.
fn check(plugin: &Plugin) -> Result<(), String> {
    let told = |line: usize, why: String| Err(format!("plugin/{}: {}", plugin.name, fail(line, why)));
    match plugin.name.as_str() {
        "kubernetes" => {
            let unknown = plugin.inner.iter().zip(&plugin.lines).find(|(words, _)| !is_one_of(KUBERNETES, &words[0]));
            unknown.map_or(Ok(()), |(words, line)| told(*line, format!("unknown property '{}'", words[0])))
        }
        "forward" if plugin.words.len() < 2 => {
            let found = plugin.words.last().map_or("forward", String::as_str);
            told(plugin.line, format!("Wrong argument count or unexpected line ending after '{found}'"))
        }
        _ => Ok(()),
    }
}

impl Corefile {
    /// What answers a name: the server of the longest zone that it ends with; none where no zone fits.
    pub fn server(&self, name: &str) -> Option<Server> {
        let fits = |zone: &&String| zone.is_empty() || name == zone.as_str() || name.ends_with(&format!(".{zone}"));
        let blocks = self.blocks.iter().filter(|block| block.port.is_none_or(|port| port == 53));
        let best = blocks.filter_map(|block| Some((block.zones.iter().filter(fits).map(String::len).max()?, block)));
        let (_, block) = best.max_by_key(|(length, _)| *length)?;
        Some(block.server())
    }
}

impl Block {
    fn server(&self) -> Server {
        let mut server = Server::default();
        for plugin in &self.plugins {
            let own = || self.zones.clone();
            let named: Vec<String> = plugin.words.iter().map(|word| normal(word)).collect();
            match plugin.name.as_str() {
                "kubernetes" => {
                    server.zones.extend(if named.is_empty() { own() } else { named });
                    let pods = plugin.inner.iter().find(|line| line[0] == "pods");
                    server.pods |= pods.and_then(|line| line.get(1)).is_some_and(|mode| mode != "disabled");
                }
                "forward" => server.forwards = true,
                "hosts" => {
                    for line in &plugin.inner {
                        let Some(Ok(address)) = line.first().map(|word| word.parse()) else { continue };
                        server.hosts.extend(line.iter().skip(1).map(|name| (address, normal(name))));
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
                _ => {}
            }
        }
        server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = include_str!("../../../assets/cluster/03-coredns.yaml");

    fn usual() -> String {
        let text = USUAL.split("Corefile: |\n").nth(1).unwrap().split("\n---").next().unwrap();
        text.to_owned()
    }

    #[test]
    fn what_kubeadm_writes_is_read() {
        let server = read(&usual()).unwrap().server("web.shop.svc.cluster.local").unwrap();
        assert_eq!(server.zones, ["cluster.local", "in-addr.arpa", "ip6.arpa"]);
        assert!(server.pods && server.forwards);
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
        assert!(fault(&usual().replace("pods insecure", "pod insecure")).unwrap().contains("unknown property 'pod'"));
    }

    #[test]
    fn blocks_of_their_own_answer_their_zones() {
        let text = format!("{}\nexample.com:53 {{\n  hosts {{\n    10.1.2.3 www.example.com\n  }}\n}}\n", usual());
        let file = read(&text).unwrap();
        assert_eq!(file.server("www.example.com").unwrap().hosts.len(), 1);
        assert!(file.server("www.example.org").unwrap().forwards);
    }
}
