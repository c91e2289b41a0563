//! How etcdctl reaches an etcd: its endpoints, and what TLS says to the files it was given and to those of the member.
//! Nothing is sent: both sides' files are looked at. Errors are those of Go's TLS and of gRPC, as etcdctl 3.6.5 shows them.

use std::sync::Arc;
use std::time::Duration;

use super::Failure;
use crate::sim::apiserver::pki::{Purpose, chain};
use crate::sim::machine::Machine;
use crate::sim::machine::etcd::Member;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

/// How long commands wait unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The time of a line that etcd's programs log.
pub(super) fn time(call: &Call) -> String {
    call.inside.client.clock().now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// What etcdctl was told of how to get there.
pub(super) struct Access {
    pub endpoints: Vec<String>,
    timeout: Duration,
    tls: bool,
    skip_verify: bool,
    /// The files as they were named, if they were.
    cacert: Option<String>,
    cert: Option<String>,
    key: Option<String>,
    /// What was read from them.
    authorities: Vec<Vec<u8>>,
    certificate: Option<Vec<u8>>,
}

/// A duration as Go writes it, as far as flags have it.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|letter: char| letter.is_ascii_alphabetic())?);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

impl Access {
    /// What the flags say; files are read with [`Access::open`].
    pub fn of(_: &Call, flags: &Flags) -> Self {
        let file = |name| flags.get(name).filter(|path| !path.is_empty()).map(str::to_owned);
        let endpoints = match flags.has("endpoints") {
            true => flags.all("endpoints").into_iter().map(str::to_owned).collect(),
            false => vec!["127.0.0.1:2379".to_owned()],
        };
        let (cacert, cert, key) = (file("cacert"), file("cert"), file("key"));
        Self {
            endpoints,
            timeout: flags.get("command-timeout").and_then(duration).unwrap_or(TIMEOUT),
            tls: cacert.is_some() || cert.is_some() || key.is_some() || flags.on("insecure-skip-tls-verify"),
            skip_verify: flags.on("insecure-skip-tls-verify"),
            cacert,
            cert,
            key,
            authorities: Vec::new(),
            certificate: None,
        }
    }

    /// Reads the files, as a client does before it goes anywhere.
    pub fn open(mut self, call: &Call) -> Result<Self, Failure> {
        let read = |path: &str| {
            let text = call.files().and_then(|files| files.text(&call.path(path)));
            text.map_err(|error| Failure::arguments(format!("open {path}: {}", words(&error))))
        };
        let shown = |file: &Option<String>| file.clone().unwrap_or_default();
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let pair = chain::pair(&read(cert)?, &read(key)?);
                self.certificate = Some(pair.map_err(Failure::arguments)?);
            }
            (None, None) => {}
            (cert, key) => {
                let (key, cert) = (shown(key), shown(cert));
                let why = format!("KeyFile and CertFile must both be present[key: {key}, cert: {cert}]");
                return Err(Failure::arguments(why));
            }
        }
        if let Some(cacert) = &self.cacert {
            self.authorities = chain::certificates(&read(cacert)?);
        }
        Ok(self)
    }

    /// The member behind one endpoint, or why there is none, in the words of the connection.
    pub fn reach(&self, call: &Call, endpoint: &str) -> Result<Member, String> {
        let (scheme, address) = endpoint.split_once("://").unwrap_or(("", endpoint));
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "2379"));
        let shown = if host == "localhost" { "127.0.0.1" } else { host };
        let refused =
            || format!("transport: Error while dialing: dial tcp {shown}:{port}: connect: connection refused");
        let (machine, loopback) = machine(call, host).ok_or_else(|| match host.parse::<std::net::IpAddr>() {
            Ok(_) => format!("transport: Error while dialing: dial tcp {host}:{port}: i/o timeout"),
            Err(_) => format!("transport: Error while dialing: dial tcp: lookup {host}: no such host"),
        })?;
        let member = running(call, &machine).ok_or_else(refused)?;
        let listens = member.listens.iter().any(|url| {
            let at = url.split_once("://").map_or(url.as_str(), |(_, at)| at);
            let (ip, own) = at.rsplit_once(':').unwrap_or((at, ""));
            let local = ip == "127.0.0.1" || ip == "localhost";
            own == port && (ip == "0.0.0.0" || if loopback { local } else { ip == machine.address })
        });
        if !listens {
            return Err(refused());
        }
        let tls = scheme == "https" || (scheme.is_empty() && self.tls);
        self.shake_hands(call, (&machine, &member), (host, tls))?;
        Ok(member)
    }

    fn shake_hands(
        &self,
        call: &Call,
        (machine, member): (&Machine, &Member),
        (host, tls): (&str, bool),
    ) -> Result<(), String> {
        let secure = !member.certificate.is_empty();
        match (secure, tls) {
            (false, false) => return Ok(()),
            (true, false) => return Err("error reading server preface: EOF".to_owned()),
            (false, true) => {
                let why =
                    "transport: authentication handshake failed: tls: first record does not look like a TLS handshake";
                return Err(why.to_owned());
            }
            (true, true) => {}
        }
        let now = call.inside.client.clock().now();
        let read = |path: &str| machine.files().and_then(|files| files.text(path).ok()).unwrap_or_default();
        let server = chain::certificates(&read(&member.certificate)).into_iter().next().unwrap_or_default();
        if !self.skip_verify {
            chain::serves(&server, &self.authorities, (host, now)).map_err(|why| {
                format!("transport: authentication handshake failed: tls: failed to verify certificate: {why}")
            })?;
        }
        if !member.client_auth {
            return Ok(());
        }
        let alert = |what: &str| Err(format!("error reading server preface: remote error: tls: {what}"));
        let Some(own) = &self.certificate else { return alert("certificate required") };
        match chain::vouched(own, &chain::certificates(&read(&member.trusted)), (Purpose::Client, now)) {
            Ok(_) => Ok(()),
            Err(why) if why.to_string().contains("expired") => alert("expired certificate"),
            Err(why) if why.to_string().contains("unknown authority") => alert("unknown certificate authority"),
            Err(_) => alert("bad certificate"),
        }
    }

    /// The first member that answers. Where none does, waits as long as the real one and says why.
    pub async fn connect(&self, call: &Call, method: &str) -> Result<(String, Member), Failure> {
        let mut refused = None;
        for endpoint in &self.endpoints {
            match self.reach(call, endpoint) {
                Ok(member) => return Ok((endpoint.clone(), member)),
                Err(why) => refused = refused.or(Some((endpoint, why))),
            }
        }
        let (endpoint, why) = refused.ok_or_else(|| Failure::arguments("no available endpoints"))?;
        self.wait(call).await;
        let line = self.retrying(call, (endpoint, method), &why);
        Err(Failure(1, vec![line, "Error: context deadline exceeded".to_owned()]))
    }

    /// Waits until nobody would wait longer.
    pub async fn wait(&self, call: &Call) {
        call.inside.client.clock().sleep(self.timeout).await;
    }

    /// The line that says why an endpoint could not be reached.
    pub fn retrying(&self, call: &Call, (endpoint, method): (&str, &str), why: &str) -> String {
        let address = endpoint.split_once("://").map_or(endpoint, |(_, address)| address);
        let error = format!(
            "rpc error: code = DeadlineExceeded desc = latest balancer error: connection error: desc = \"{why}\""
        );
        serde_json::json!({
            "level": "warn",
            "ts": time(call),
            "logger": "etcd-client",
            "caller": "v3@v3.6.5/retry_interceptor.go:65",
            "msg": "retrying of unary invoker failed",
            "target": format!("etcd-endpoints://0xc0004a81e0/{address}"),
            "method": format!("/etcdserverpb.{method}"),
            "attempt": 0,
            "error": error,
        })
        .to_string()
    }
}

/// What Go calls an error of the system.
pub(in super::super) fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

/// The machine a host name or address leads to from here, and whether by loopback.
fn machine(call: &Call, host: &str) -> Option<(Arc<Machine>, bool)> {
    let host = host.trim_matches(['[', ']']);
    if matches!(host, "localhost" | "::1") || host.starts_with("127.") {
        return Some((call.machine.clone(), true));
    }
    let hosts = call.files().ok()?.text("/etc/hosts").unwrap_or_default();
    let named = hosts.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?;
        words.any(|name| name == host).then_some(address)
    });
    let all = call.inside.machines.all();
    let found = all.iter().find(|machine| machine.address == host || Some(machine.address.as_str()) == named);
    found.or_else(|| all.iter().find(|machine| machine.name == host)).map(|machine| (machine.clone(), false))
}

/// The member that runs on a machine.
fn running(call: &Call, machine: &Machine) -> Option<Member> {
    if !machine.has_control_plane() {
        return None;
    }
    Member::of(call.inside.machines.files(machine).ok()?)
}
