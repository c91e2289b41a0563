//! `connect`: a Pod reaches somebody, and is answered as expected.
//! Also who asks whom, which `refuse` shares. Asking is grading's.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::Statement;
use crate::object::selector::LabelSelector;
use crate::scenario::form::schema_of_form;
use crate::scenario::inspect::Inspect;

/// A Pod reaches somebody.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// The Pods that ask; each must be answered.
    pub from: Caller,
    /// Who is asked: `host:port` for a connection, a URL such as `http://web.shop/cart` for an answer over HTTP. `NODE_IP` as the host
    /// stands for the address of the node the asking Pod is on.
    pub to: Destination,
    /// The `Host` header that is sent, for an Ingress.
    #[serde(default)]
    pub host: Option<String>,
    /// The status of the answer over HTTP; any from 200 to 399 where it is left out.
    #[serde(default)]
    #[schemars(schema_with = "crate::scenario::template::number_schema")]
    pub status: Option<u64>,
    /// Text that the answer's body contains.
    #[serde(default)]
    pub body: Option<String>,
}

/// Which Pods ask: the one called `pod`, or all running ones with `labels`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "CallerForm")]
pub struct Caller {
    pub namespace: String,
    pub which: Callers,
}

/// Which Pods of the namespace ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    /// The one with this name.
    Pod(String),
    /// All that run and have these labels.
    Labels(BTreeMap<String, String>),
}

/// Which Pods ask: the one called `pod`, or all running ones with `labels`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "Caller", deny_unknown_fields)]
struct CallerForm {
    /// The Pods' namespace.
    namespace: String,
    /// The name of the Pod.
    #[serde(default)]
    pod: Option<String>,
    /// Labels that the Pods have.
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

schema_of_form!(Caller, CallerForm);

impl TryFrom<CallerForm> for Caller {
    type Error = &'static str;

    fn try_from(form: CallerForm) -> Result<Self, &'static str> {
        let which = match (form.pod, form.labels) {
            (Some(name), None) => Callers::Pod(name),
            (None, Some(labels)) if !labels.is_empty() => Callers::Labels(labels),
            _ => return Err("say which Pods ask: `pod` or `labels`"),
        };
        Ok(Self { namespace: form.namespace, which })
    }
}

/// Who is asked, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Destination {
    /// A name, an address, or `NODE_IP`.
    pub host: String,
    pub port: u16,
    /// The path asked for over HTTP; `None` for a connection alone.
    pub path: Option<String>,
    /// Whether HTTP is spoken through TLS.
    pub tls: bool,
}

schema_of_form!(Destination, String);

impl TryFrom<String> for Destination {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is neither host:port nor an http:// or https:// URL: {why}");
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (Some(scheme), rest),
            Some((other, _)) => return Err(wrong(&format!("nobody here speaks {other}"))),
            None => (None, text.as_str()),
        };
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, "/".to_owned()),
        };
        let usual = match scheme {
            Some("https") => Some(443),
            Some(_) => Some(80),
            None if rest.contains('/') => return Err(wrong("a path needs http:// before the host")),
            None => None,
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong("the port is a number up to 65535"))?),
            None => (authority, usual.ok_or_else(|| wrong("there is no port"))?),
        };
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong("the host is a name or an address"));
        }
        Ok(Self { host: host.to_owned(), port, path: scheme.map(|_| path), tls: scheme == Some("https") })
    }
}

impl Destination {
    /// The host that stands for the address of the asking Pod's node.
    pub const NODE: &str = "NODE_IP";

    /// The names in the host that somebody has to have told: of the Service and its namespace.
    fn names(&self) -> Vec<&str> {
        if self.host == Self::NODE || self.host.parse::<IpAddr>().is_ok() {
            return Vec::new();
        }
        let inner = self.host.trim_end_matches('.');
        let inner = inner.strip_suffix(".svc.cluster.local").or_else(|| inner.strip_suffix(".svc")).unwrap_or(inner);
        inner.split('.').collect()
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.path {
            None => write!(formatter, "{}:{}", self.host, self.port),
            Some(path) => {
                let (scheme, usual) = if self.tls { ("https", 443) } else { ("http", 80) };
                let port = if self.port == usual { String::new() } else { format!(":{}", self.port) };
                write!(formatter, "{scheme}://{}{port}{path}", self.host)
            }
        }
    }
}

impl Caller {
    /// The names it asks for, and what is wrong with its labels.
    pub(super) fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["from", "namespace"], &self.namespace);
        match &self.which {
            Callers::Pod(name) => inspect.name(&["from", "pod"], name),
            Callers::Labels(labels) => {
                let labels = labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
                if let Err(error) = LabelSelector::from_map(Some(&labels)) {
                    inspect.error(&["from", "labels"], "bad-selector", error.to_string());
                }
            }
        }
    }
}

impl Destination {
    /// The names it asks for.
    pub(super) fn inspect(&self, inspect: &mut Inspect<'_>) {
        for name in self.names() {
            inspect.name(&["to"], name);
        }
    }
}

impl Statement for Connect {
    fn needs_network(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        self.from.inspect(inspect);
        self.to.inspect(inspect);
        let over_http = self.to.path.is_some();
        for (key, given) in
            [("host", self.host.is_some()), ("status", self.status.is_some()), ("body", self.body.is_some())]
        {
            if given && !over_http {
                inspect.error(&[key], "bad-value", format!("`{key}` is of HTTP: write `to` as an http:// URL"));
            }
        }
        if self.status.is_some_and(|status| !(100..600).contains(&status)) {
            inspect.error(&["status"], "bad-value", "HTTP has statuses from 100 to 599");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_and_written() {
        let read = |text: &str| Destination::try_from(text.to_owned());
        for (text, host, port, path) in [
            ("db.data:5432", "db.data", 5432, None),
            ("http://web.shop", "web.shop", 80, Some("/")),
            ("https://web:8443/a/b?c=d", "web", 8443, Some("/a/b?c=d")),
            ("NODE_IP:30080", "NODE_IP", 30080, None),
        ] {
            let found = read(text).unwrap();
            assert_eq!((found.host.as_str(), found.port, found.path.as_deref()), (host, port, path), "{text}");
        }
        assert_eq!(read("http://web.shop:80/x").unwrap().to_string(), "http://web.shop/x");
        for wrong in ["web", "web:http", "web:80/path", "ftp://web", "http://", "a b:80"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
