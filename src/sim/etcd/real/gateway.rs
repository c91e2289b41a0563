//! The API of a real etcd, by its JSON gateway: the keys it holds, and changes to them.
//! Source: `api/etcdserverpb/rpc.proto`, and https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kube::Client;
use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::pki::Kubeconfig;
use crate::sim::machine::etcd::Pair;

/// How many changes one transaction has: etcd takes 128.
const AT_ONCE: usize = 100;
/// How many bytes one transaction has: etcd takes 1.5 MiB.
const MOST: usize = 1 << 20;
/// How many keys are read at once.
const PAGE: usize = 500;

/// Why etcd did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("a client of etcd: {0}")]
    Client(#[from] kube::config::KubeconfigError),
    #[error("etcd: {0}")]
    Asked(#[from] kube::Error),
    #[error("etcd answers what cannot be understood: {0}")]
    Answer(String),
}

/// A change of a key: its new value, or that it goes.
pub type Change = (String, Option<Vec<u8>>);

/// A client of one etcd.
pub struct Gateway(Client);

/// Numbers of 64 bits are texts in protobuf's JSON; a 0 is left out.
fn number(value: &Value, pointer: &str) -> u64 {
    meta::text(value, pointer).parse().unwrap_or_default()
}

fn bytes(value: &Value, pointer: &str) -> Result<Vec<u8>, GatewayError> {
    BASE64.decode(meta::text(value, pointer)).map_err(|error| GatewayError::Answer(error.to_string()))
}

impl Gateway {
    /// A client that shows a certificate. All three are PEM.
    pub async fn open(url: &str, authority: &str, (certificate, key): (&str, &str)) -> Result<Self, GatewayError> {
        let config = Kubeconfig { server: url, authority, user: "etcd-client", certificate, key, namespace: None };
        let config = kube::config::Kubeconfig::from_yaml(&config.to_yaml())?;
        let config = kube::Config::from_custom_kubeconfig(config, &kube::config::KubeConfigOptions::default()).await?;
        Ok(Self(Client::try_from(config)?))
    }

    async fn ask(&self, path: &str, what: &Value) -> Result<Value, GatewayError> {
        let request = axum::http::Request::post(path).body(what.to_string().into_bytes());
        let request = request.map_err(|error| GatewayError::Answer(error.to_string()))?;
        let text = self.0.request_text(request).await?;
        serde_json::from_str(&text).map_err(|error| GatewayError::Answer(error.to_string()))
    }

    /// The revision it is at.
    pub async fn revision(&self) -> Result<u64, GatewayError> {
        let nothing = json!({ "key": BASE64.encode([0]), "count_only": true });
        Ok(number(&self.ask("/v3/kv/range", &nothing).await?, "/header/revision"))
    }

    /// Every key, in order, and the revision they were read at.
    pub async fn pairs(&self) -> Result<(u64, Vec<Pair>), GatewayError> {
        let (mut pairs, mut from, mut at) = (Vec::<Pair>::new(), vec![0], 0);
        loop {
            // To the end of all keys; every page as of the first one's revision.
            let end = BASE64.encode([0]);
            let mut what = json!({ "key": BASE64.encode(&from), "range_end": end, "limit": PAGE.to_string() });
            if at > 0 {
                what["revision"] = json!(at.to_string());
            }
            let page = self.ask("/v3/kv/range", &what).await?;
            if at == 0 {
                at = number(&page, "/header/revision");
            }
            for one in meta::list(&page, "/kvs") {
                let key = String::from_utf8_lossy(&bytes(one, "/key")?).into_owned();
                pairs.push(Pair { key, value: bytes(one, "/value")?, revision: number(one, "/mod_revision") });
            }
            if page["more"] != true {
                return Ok((at, pairs));
            }
            from = pairs.last().map(|last| [last.key.as_bytes(), &[0]].concat()).unwrap_or_default();
        }
    }

    /// Makes changes; for each the revision it has then.
    pub async fn change(&self, changes: &[Change]) -> Result<Vec<u64>, GatewayError> {
        let (mut revisions, mut operations, mut size) = (Vec::new(), Vec::new(), 0);
        for (at, (key, value)) in changes.iter().enumerate() {
            let key = BASE64.encode(key);
            size += value.as_ref().map_or(0, Vec::len);
            operations.push(match value {
                Some(value) => json!({ "request_put": { "key": key, "value": BASE64.encode(value) } }),
                None => json!({ "request_delete_range": { "key": key } }),
            });
            let next = changes.get(at + 1).map_or(MOST, |(_, value)| value.as_ref().map_or(0, Vec::len));
            if operations.len() == AT_ONCE || size + next >= MOST {
                let done = self.ask("/v3/kv/txn", &json!({ "success": std::mem::take(&mut operations) })).await?;
                revisions.resize(at + 1, number(&done, "/header/revision"));
                size = 0;
            }
        }
        Ok(revisions)
    }
}
