//! What comes of asking somebody: an answer, or why there was none and who is the reason.
//! How the tools put it into words is the programs'.

use std::fmt;
use std::net::IpAddr;

/// What is asked over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET` when it is empty.
    pub method: String,
    /// Begins with `/`.
    pub path: String,
    /// The `Host` header, without a port.
    pub host: String,
    pub tls: bool,
    /// Other headers than `Host`.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Who asks, as the other end sees it; the network fills it in.
    pub from: Option<IpAddr>,
}

impl Request {
    /// A GET of a path.
    pub fn of(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// Whether a web server can make sense of it.
    pub fn is_sound(&self) -> bool {
        self.path.starts_with('/')
    }

    /// The method's word.
    pub fn verb(&self) -> &str {
        if self.method.is_empty() { "GET" } else { &self.method }
    }
}

/// An answer over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub server: String,
    /// Where a redirect leads.
    pub location: Option<String>,
    pub body: String,
}

impl Reply {
    /// The type of what it holds, as servers guess it.
    pub fn content_type(&self) -> &'static str {
        match self.body.trim_start().chars().next() {
            Some('<') => "text/html; charset=utf-8",
            Some('{') => "application/json",
            _ => "text/plain; charset=utf-8",
        }
    }
}

/// What a program sees when it is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// No such name.
    Unknown,
    /// Nobody says whether there is such a name.
    NoDns,
    /// The other side says no.
    Refused,
    /// Nobody says anything.
    Timeout,
    /// There is somebody, who does not speak what was spoken.
    Strange,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No such name in DNS.
    NoSuchName(String),
    /// The DNS server was not reached.
    NoDns { server: IpAddr, because: Box<Why> },
    /// The DNS server answered that it cannot answer.
    DnsFailed(String),
    /// A Service with no ready endpoints.
    NoEndpoints { service: String },
    /// A Service that has no endpoint on the node, and whose traffic policy is Local.
    NoLocalEndpoints { service: String, node: String },
    /// A Service that does not have the port.
    NoSuchPort { service: String, port: u16, has: Vec<i64> },
    /// No kube-proxy on the node, so that Services do not work there.
    NoProxy { node: String },
    /// An address nobody has.
    Nobody(IpAddr),
    /// Nothing listens on the port; these are the ports on which something does.
    Closed { who: String, port: u16, open: Vec<u16> },
    /// Policies select the Pod, and none allows it.
    Denied(Denial),
    /// What listens does not speak HTTP, or TLS; it said this.
    Strange { who: String, said: String },
    /// The Pod that asks is not there or has no address.
    NoCaller(String),
}

/// Policies that keep traffic away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The policies that select the Pod, as `namespace/name`.
    pub policies: Vec<String>,
    /// The Pod they select.
    pub pod: String,
    /// `ingress` or `egress`.
    pub direction: &'static str,
    /// Whether none of them has any rule for the direction.
    pub no_rules: bool,
    /// The other end.
    pub other: String,
    /// Such as `TCP port 80`.
    pub port: String,
}

impl Why {
    /// What a program sees of it.
    pub fn silence(&self) -> Silence {
        match self {
            Self::NoSuchName(_) | Self::DnsFailed(_) => Silence::Unknown,
            // A resolver whose question is refused does not wait.
            Self::NoDns { because, .. } if because.silence() == Silence::Refused => Silence::Unknown,
            Self::NoDns { .. } => Silence::NoDns,
            Self::NoEndpoints { .. } | Self::NoSuchPort { .. } | Self::Closed { .. } => Silence::Refused,
            Self::Strange { .. } => Silence::Strange,
            _ => Silence::Timeout,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchName(name) => write!(f, "DNS knows no {name}"),
            Self::NoDns { server, because } => write!(f, "the DNS server {server} cannot be asked: {because}"),
            Self::DnsFailed(name) => write!(f, "the DNS server cannot tell the address of {name}"),
            Self::NoEndpoints { service } => write!(f, "Service {service} has no ready endpoints"),
            Self::NoLocalEndpoints { service, node } => {
                write!(f, "Service {service} has no ready endpoint on node {node}, and its traffic policy is Local")
            }
            Self::NoSuchPort { service, port, has } => {
                write!(f, "Service {service} has no port {port}; it has {}", listed(has))
            }
            Self::NoProxy { node } => write!(f, "no kube-proxy is ready on node {node}"),
            Self::Nobody(address) => write!(f, "nobody has the address {address}"),
            Self::Closed { who, port, open } if open.is_empty() => write!(f, "nothing listens on port {port} of {who}"),
            Self::Closed { who, port, open } => {
                write!(f, "nothing listens on port {port} of {who}; something does on {}", listed(open))
            }
            Self::Denied(denial) => denial.fmt(f),
            Self::Strange { who, .. } => write!(f, "{who} does not speak what is asked"),
            Self::NoCaller(pod) => write!(f, "{pod} does not run"),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policies, pod, direction, no_rules, other, port } = self;
        let way = if *direction == "ingress" { "from" } else { "to" };
        let many = policies.len() > 1;
        let names = policies.join(", ");
        let (noun, verb) = if many { ("NetworkPolicies", "select") } else { ("NetworkPolicy", "selects") };
        write!(f, "{noun} {names} {verb} {pod} and ")?;
        match (many, no_rules) {
            (true, true) => write!(f, "none allows any {direction}"),
            (false, true) => write!(f, "allows no {direction}"),
            (true, false) => write!(f, "none allows {direction} {way} {other} on {port}"),
            (false, false) => write!(f, "does not allow {direction} {way} {other} on {port}"),
        }
    }
}

fn listed<T: ToString>(numbers: &[T]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
