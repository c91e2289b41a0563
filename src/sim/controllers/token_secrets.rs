//! tokens-controller: fills Secrets of type `kubernetes.io/service-account-token`, and takes away those whose account is gone.
//! Since 1.24 nobody makes such Secrets but users. Source: `pkg/controller/serviceaccount/tokens_controller.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Controller;
use crate::object::meta;
use crate::object::selector::FieldSelector;
use crate::sim::apiserver::auth::TokenClaims;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::secret::SECRET;
use crate::sim::apiserver::registry::kinds::serviceaccount::SERVICEACCOUNT;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, key, own};

/// The controller; its keys are Secrets.
pub static TOKENS_CONTROLLER: Controller = Controller {
    name: "tokens-controller",
    watches: &[
        Watched {
            resource: &SECRET,
            keys: |context, secret| if is_token(secret) { own(context, secret) } else { Vec::new() },
        },
        Watched { resource: &SERVICEACCOUNT, keys: secrets_of },
    ],
    reconcile,
};

const TYPE: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

fn is_token(secret: &Value) -> bool {
    meta::text(secret, "/type") == TYPE
}

fn secrets_of(context: &Context, account: &Object) -> Vec<Key> {
    let Ok(tokens) = FieldSelector::parse(&format!("type={TYPE}")) else { return Vec::new() };
    let mut secrets = context.client.where_fields(&SECRET, meta::namespace(account), &tokens);
    secrets.retain(|secret| meta::annotation(secret, ACCOUNT) == Some(meta::name(account)));
    secrets.iter().map(key).collect()
}

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let client = &context.client;
    let Some(secret) = client.find(&SECRET, namespace, name).filter(|secret| is_token(secret)) else {
        return Ok(Next::Done);
    };
    let wanted = meta::annotation(&secret, ACCOUNT_UID).filter(|uid| !uid.is_empty());
    let account = client.find(&SERVICEACCOUNT, namespace, meta::annotation(&secret, ACCOUNT).unwrap_or_default());
    let account = account.filter(|account| wanted.is_none_or(|uid| uid == meta::uid(account)));
    let written = match account {
        Some(account) => client.update(&SECRET, filled(context, &secret, &account)?).map(drop),
        None => client.delete(&SECRET, namespace, name, &DeleteOptions::of_uid(meta::uid(&secret))).map(drop),
    };
    match written {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}

fn filled(context: &Context, secret: &Value, account: &Value) -> Result<Value> {
    let mut filled = secret.clone();
    let (namespace, name) = (meta::namespace(account), meta::name(account));
    if meta::text(secret, "/data/token").is_empty() {
        let claims = TokenClaims { namespace, name, uid: meta::uid(account), ..TokenClaims::default() };
        let tokens = context.client.server().authenticator.tokens();
        let token = tokens.issue_legacy(&claims, meta::name(secret)).map_err(Status::internal)?;
        meta::child(&mut filled, "data")["token"] = json!(STANDARD.encode(token));
    }
    let data = meta::child(&mut filled, "data");
    data["ca.crt"] = json!(STANDARD.encode(context.authority.certificate_pem()));
    meta::set_default(data, "namespace", STANDARD.encode(namespace));
    meta::set_annotation(&mut filled, ACCOUNT, name);
    meta::set_annotation(&mut filled, ACCOUNT_UID, meta::uid(account));
    Ok(filled)
}
