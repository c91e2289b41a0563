//! What a machine that joins was told: by flags, or by a JoinConfiguration.
//! What is done with it stands beside. Source: `cmd/kubeadm/app/{cmd/join.go,util/config/joinconfiguration.go}`.

use serde_json::{Value, json};

use super::super::configuration::{self, Exactness, For};
use super::super::init::settings::mixed;
use super::super::registration::Registration;
use super::super::{Typed, token, validation};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::shell::flags::Flags;

/// A token: its id and its secret.
pub type Pair = (String, String);

/// Everything that was asked.
pub struct Asked {
    /// Where the API server is, `HOST:PORT`; empty where a file says it.
    pub server: String,
    /// The token by which the cluster is believed, or the file that says which it is.
    pub discovery: Result<Pair, String>,
    /// The token with which a certificate is asked for.
    pub bootstrap: Pair,
    /// The keys the cluster's authority may have; none for any.
    pub hashes: Vec<String>,
    /// Whether this is to be a control plane, and the key to the certificates that control planes share.
    pub plane: bool,
    pub key: Option<String>,
    pub node: Registration,
    /// Phases that are left out.
    pub skipped: Vec<String>,
}

fn pair(token: &str) -> Result<Pair, String> {
    let (id, secret) = token::parts(token).ok_or_else(|| {
        format!(
            "[discovery.bootstrapToken.token: Invalid value: {token:?}: the bootstrap token is invalid, discovery.tlsBootstrapToken: Invalid value: {token:?}: the bootstrap token is invalid]"
        )
    })?;
    Ok((id.to_owned(), secret.to_owned()))
}

impl Asked {
    /// Reads it.
    pub fn read(typed: &Typed, flags: &Flags) -> Result<Self, String> {
        mixed(flags)?;
        let config = match flags.get("config") {
            None => Value::Null,
            Some(file) => {
                let text = configuration::text(typed, file)?;
                let mut found = configuration::documents(typed, &text, (For::Join, Exactness::Warns))?;
                found.remove("JoinConfiguration").ok_or("no JoinConfiguration found in the supplied config")?
            }
        };
        Self::of(typed, flags, &config)
    }

    /// Reads it from a configuration and the flags.
    pub fn of(typed: &Typed, flags: &Flags, config: &Value) -> Result<Self, String> {
        let text = |pointer: &str| meta::text(config, pointer).to_owned();
        let key = flags.get("certificate-key").map_or_else(|| text("/controlPlane/certificateKey"), str::to_owned);
        let mut asked = Self::discovery(flags, config)?;
        asked.plane = flags.on("control-plane") || config.get("controlPlane").is_some_and(Value::is_object);
        asked.node = Registration::read(typed, flags, config)?;
        let skipped = meta::list(config, "/skipPhases").iter().filter_map(Value::as_str).map(str::to_owned);
        asked.skipped = if flags.has("skip-phases") { flags.texts("skip-phases") } else { skipped.collect() };
        let mut errors = ErrorList::default();
        validation::registration(&asked.node, &mut errors);
        if asked.plane {
            validation::certificate_key(&key, &mut errors);
        }
        asked.key = Some(key).filter(|key| !key.is_empty());
        if errors.is_empty() { Ok(asked) } else { Err(errors.sentence()) }
    }

    /// As a configuration file says it, of which this was read.
    pub fn document(&self, config: &Value) -> Value {
        let mut whole = json!({
            "apiVersion": configuration::VERSION,
            "caCertPath": "/etc/kubernetes/pki/ca.crt",
            "discovery": { "tlsBootstrapToken": format!("{}.{}", self.bootstrap.0, self.bootstrap.1) },
            "kind": "JoinConfiguration",
            "nodeRegistration": {
                "criSocket": self.node.socket,
                "imagePullPolicy": "IfNotPresent",
                "imagePullSerial": true,
                "name": self.node.name,
                "taints": null,
            },
            "timeouts": configuration::timeouts(),
        });
        configuration::merge(&mut whole, config);
        whole["apiVersion"] = json!(configuration::VERSION);
        if !self.node.arguments.is_empty() {
            let argument = |(name, value): &(String, String)| json!({ "name": name, "value": value });
            whole["nodeRegistration"]["kubeletExtraArgs"] = self.node.arguments.iter().map(argument).collect();
        }
        whole
    }

    /// How the cluster is found and believed.
    fn discovery(flags: &Flags, config: &Value) -> Result<Self, String> {
        let text = |pointer: &str| Some(meta::text(config, pointer)).filter(|text| !text.is_empty());
        let file = flags.get("discovery-file").or(text("/discovery/file/kubeConfigPath"));
        let server = flags.rest.first().map(String::as_str).or(text("/discovery/bootstrapToken/apiServerEndpoint"));
        let token = flags.get("token").or(text("/discovery/bootstrapToken/token"));
        let own = flags.get("discovery-token").or(token);
        let bootstrap = flags.get("tls-bootstrap-token").or(text("/discovery/tlsBootstrapToken")).or(own);
        let (server, discovery) = match (file, server, own) {
            (Some(_), _, Some(_)) if flags.get("token").is_none() => {
                return Err("discovery: Invalid value: \"\": bootstrapToken and file cannot both be set".to_owned());
            }
            (Some(file), ..) => (String::new(), Err(file.to_owned())),
            (None, Some(server), Some(own)) => (server.to_owned(), Ok(pair(own)?)),
            _ => return Err("discovery: Invalid value: \"\": bootstrapToken or file must be set".to_owned()),
        };
        let bootstrap =
            bootstrap.ok_or_else(|| "discovery.tlsBootstrapToken: Required value: token is required".to_owned());
        let given = meta::list(config, "/discovery/bootstrapToken/caCertHashes").iter().filter_map(Value::as_str);
        let hashes: Vec<String> = given.map(str::to_owned).chain(flags.texts("discovery-token-ca-cert-hash")).collect();
        let unpinned = flags.on("discovery-token-unsafe-skip-ca-verification")
            || meta::truth(config, "/discovery/bootstrapToken/unsafeSkipCAVerification");
        if hashes.is_empty() && !unpinned && discovery.is_ok() {
            return Err("discovery.bootstrapToken.caCertHashes: Invalid value: \"\": using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file or pass --discovery-token-unsafe-skip-ca-verification flag to continue".to_owned());
        }
        Ok(Self {
            server,
            discovery,
            bootstrap: pair(bootstrap?)?,
            hashes,
            plane: false,
            key: None,
            node: Registration::default(),
            skipped: Vec::new(),
        })
    }
}
