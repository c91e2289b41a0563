//! `agnhost test-service-account-issuer-discovery`: checks its own token with what the issuer tells of itself.
//! Source: `test/images/agnhost/openidmetadata/openidmetadata.go`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;

use super::agnhost::option;
use super::network::fetch;
use crate::object::meta;
use crate::sim::nodes::process::program::Program;

/// Where a Pod has the token it shows to the API server.
const OWN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Runs it.
pub async fn check(program: &Program) -> i32 {
    match validated(program).await {
        Ok(()) => 0,
        Err(why) => {
            say(program, &format!("failed to validate with in-cluster discovery: {why}")).await;
            1
        }
    }
}

async fn say(program: &Program, line: &str) {
    let now = program.engine().now().strftime("%Y/%m/%d %H:%M:%S").to_string();
    program.errors.write(program.engine(), format!("{now} {line}\n").as_bytes()).await;
}

async fn validated(program: &Program) -> Result<(), String> {
    let path = option(program, "token-path").unwrap_or_default();
    let token = program.read(&path).await.map_err(|error| format!("open {path}: {error}"))?;
    let token = String::from_utf8_lossy(&token).trim().to_owned();
    say(program, "OK: Got token").await;
    say(program, "validating with in-cluster discovery").await;
    let claims = part(token.split('.').nth(1).unwrap_or_default())?;
    let issuer = meta::text(&claims, "/iss").to_owned();
    say(program, &format!("OK: got issuer {issuer}")).await;
    let known = document(program, &format!("{issuer}/.well-known/openid-configuration")).await?;
    if meta::text(&known, "/issuer") != issuer {
        let told = meta::text(&known, "/issuer");
        return Err(format!(
            "oidc: issuer did not match the issuer returned by provider, expected {issuer:?} got {told:?}"
        ));
    }
    say(program, &format!("OK: Constructed OIDC provider for issuer {issuer}")).await;
    let keys = document(program, meta::text(&known, "/jwks_uri")).await?;
    let wanted = option(program, "audience").unwrap_or_default();
    if !meta::list(&claims, "/aud").iter().any(|audience| audience == wanted.as_str()) {
        return Err(format!("oidc: expected audience {wanted:?} got {}", claims["aud"]));
    }
    signed(&token, &keys)?;
    say(program, "OK: Validated signature on JWT").await;
    say(program, "OK: Got valid claims from token!").await;
    Ok(())
}

fn part(text: &str) -> Result<Value, String> {
    let malformed = || "oidc: malformed jwt".to_owned();
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
    serde_json::from_slice(&bytes).map_err(|_| malformed())
}

/// What is served at a URL to who shows the Pod's own token.
async fn document(program: &Program, url: &str) -> Result<Value, String> {
    let token = program.read(OWN).await.unwrap_or_default();
    let bearer = format!("Bearer {}", String::from_utf8_lossy(&token).trim());
    let reply = fetch(program, url, ("Authorization", &bearer)).await?;
    if reply.status != 200 {
        return Err(format!("{}: {}", reply.status, reply.body));
    }
    serde_json::from_str(&reply.body)
        .map_err(|error| format!("oidc: failed to decode provider discovery object: {error}"))
}

/// Whether one of the keys has signed a token.
fn signed(token: &str, keys: &Value) -> Result<(), String> {
    let (text, signature) = token.rsplit_once('.').unwrap_or_default();
    let kid = part(text.split('.').next().unwrap_or_default())?["kid"].clone();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let verifies = |key: &Value| {
        let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(meta::text(key, name)).unwrap_or_default();
        let point = [vec![4], coordinate("/x"), coordinate("/y")].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(text.as_bytes(), &signature).is_ok()
    };
    let known = meta::list(keys, "/keys").iter().any(|key| key["kid"] == kid && verifies(key));
    if known { Ok(()) } else { Err("failed to verify signature: failed to verify id token signature".to_owned()) }
}
