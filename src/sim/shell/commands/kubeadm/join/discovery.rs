//! How a machine that joins finds the cluster and believes it: by a token and the key of the authority, or by a file.
//! Source: `cmd/kubeadm/app/discovery/{token,file}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::token::Token;
use super::super::{Typed, cluster};
use super::asked::{Asked, Pair};
use crate::object::meta;
use crate::sim::apiserver::pki;

/// Finds the cluster and believes it, or says why not; the token with which a certificate is asked for.
pub async fn discover(typed: &Typed, asked: &Asked) -> Result<Token, String> {
    match &asked.discovery {
        Ok(pair) => by_token(typed, asked, pair).await?,
        Err(file) => by_file(typed, file).await?,
    }
    let (id, secret) = &asked.bootstrap;
    let known = Token::all(&typed.call.inside.client).into_iter().find(|token| token.id == *id);
    let now = typed.now();
    let fits = |token: &Token| token.is_valid(now) && token.secret == *secret;
    let token = known.filter(fits).filter(|token| token.usages.iter().any(|usage| usage == "authentication"));
    token.ok_or_else(|| "Unauthorized".to_owned())
}

fn failed(why: String) -> String {
    format!("couldn't validate the identity of the API Server: {why}")
}

/// By a file: a kubeconfig that says where the cluster is and by which authority.
async fn by_file(typed: &Typed, file: &str) -> Result<(), String> {
    if file.starts_with("http") {
        return Err("a file of another machine is not simulated by this practice cluster".to_owned());
    }
    let path = typed.call.path(file);
    let text = typed.root()?.text(&path);
    let text = text.map_err(|_| failed(format!("couldn't load {file:?}: open {file}: no such file or directory")))?;
    let config: Value = serde_yaml::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let place = &config["clusters"][0]["cluster"];
    let server = place["server"].as_str().unwrap_or_default();
    cluster::answers(typed, server)
        .await
        .map_err(|why| failed(format!("failed to request the cluster-info ConfigMap: {why}")))?;
    let data = STANDARD.decode(meta::text(place, "/certificate-authority-data")).unwrap_or_default();
    let given = pki::certificate_der(&String::from_utf8_lossy(&data));
    if given.ok().as_deref() != Some(typed.call.inside.machines.authority().certificate()) {
        return Err(failed(format!(
            "failed to request the cluster-info ConfigMap: Get \"{server}/api/v1/namespaces/kube-public/configmaps/cluster-info?timeout=10s\": tls: failed to verify certificate: x509: certificate signed by unknown authority"
        )));
    }
    Ok(())
}

/// By a token, with which the cluster's own word is signed, and by the key of its authority.
async fn by_token(typed: &Typed, asked: &Asked, (id, secret): &Pair) -> Result<(), String> {
    let server = format!("https://{}", asked.server);
    cluster::answers(typed, &server)
        .await
        .map_err(|why| failed(format!("failed to request the cluster-info ConfigMap: {why}")))?;
    let now = typed.now();
    let known = Token::all(&typed.call.inside.client).into_iter().find(|token| token.id == *id);
    let token = known.filter(|token| token.is_valid(now) && token.usages.iter().any(|usage| usage == "signing"));
    let token = token.ok_or_else(|| {
        failed(format!("could not find a JWS signature in the cluster-info ConfigMap for token ID {:?}", id))
    })?;
    if token.secret != *secret {
        return Err(failed(format!(
            "failed to verify JWS signature of received cluster info object, can't trust this API Server for token ID {:?}",
            id
        )));
    }
    let authority = typed.call.inside.machines.authority().certificate_pem();
    let own = format!("sha256:{}", pki::public_key_hash(&authority).map_err(|error| error.to_string())?);
    for hash in &asked.hashes {
        let digits = hash.strip_prefix("sha256:").ok_or_else(|| {
            failed(format!("invalid discovery token CA certificate hash: invalid hash, expected \"format:hex-value\". Known format(s) are: sha256: {hash}"))
        })?;
        if digits.len() != 64 || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(failed(
                "invalid discovery token CA certificate hash: invalid hash, expected a 32 byte SHA-256 hash, found "
                    .to_owned()
                    + &(digits.len() / 2).to_string()
                    + " bytes",
            ));
        }
    }
    if !asked.hashes.is_empty() && !asked.hashes.iter().any(|hash| hash.to_lowercase() == own) {
        return Err(failed(format!(
            "cluster CA found in cluster-info ConfigMap is invalid: none of the public keys {own:?} are pinned"
        )));
    }
    Ok(())
}
