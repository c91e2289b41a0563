//! `serviceaccounts/token`: a token for a ServiceAccount, for a while and perhaps bound to an object.
//! Signing it is auth's. Source: `pkg/registry/core/serviceaccount/storage/token.go`.

use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::auth::{TokenClaims, TokenObjects};
use crate::sim::apiserver::endpoints::{ApiServer, Request, timestamp, uuid};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::status::{Result, Status};

const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;

/// Answers a TokenRequest.
pub fn issue(server: &ApiServer, request: &Request, mut asked: Value) -> Result<Value> {
    // Admission comes first and asks for the namespace.
    if server.storage.get("namespaces", "", &request.namespace).is_none() {
        return Err(Status::not_found("", "namespaces", &request.namespace));
    }
    named(request, &asked)?;
    let account =
        server.get(&Request::new(request.user.clone(), request.resource, &request.namespace, &request.name))?;
    let seconds = meta::number(&asked, "/spec/expirationSeconds").unwrap_or(3600);
    let mut errors = ErrorList::default();
    if seconds < SHORTEST {
        errors.invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
    }
    if seconds > LONGEST {
        errors.invalid("spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
    }
    if !errors.is_empty() {
        return Err(Status::invalid("authentication.k8s.io", "TokenRequest", "", errors));
    }
    let audiences: Vec<String> =
        meta::list(&asked, "/spec/audiences").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let bound = bound(server, request, &asked)?;
    let node = bound.as_ref().and_then(|(kind, name, _)| node(server, (kind, &request.namespace, name)));
    let claims = TokenClaims {
        namespace: &request.namespace,
        name: &request.name,
        uid: meta::uid(&account),
        audiences: &audiences,
        bound: bound.as_ref().map(|(kind, name, uid)| (kind.as_str(), name.as_str(), uid.as_str())),
        node: node.as_ref().map(|(name, uid)| (name.as_str(), uid.as_str())),
    };
    let issued = server.authenticator.tokens().issue(&claims, seconds, server.clock.now(), &uuid());
    let (token, until) = issued.map_err(Status::internal)?;
    asked["kind"] = json!("TokenRequest");
    asked["apiVersion"] = json!("authentication.k8s.io/v1");
    asked["metadata"] = json!({
        "name": request.name,
        "namespace": request.namespace,
        "uid": uuid(),
        "creationTimestamp": timestamp(server.clock.now()),
    });
    let spec = meta::child(&mut asked, "spec");
    // Go always writes it.
    meta::set_default(spec, "boundObjectRef", Value::Null);
    spec["expirationSeconds"] = json!(seconds);
    if audiences.is_empty() {
        spec["audiences"] = json!([crate::sim::apiserver::auth::token::ISSUER]);
    }
    asked["status"] = json!({ "token": token, "expirationTimestamp": timestamp(until) });
    Ok(asked)
}

/// A name or namespace that the body gives has to be the account's.
fn named(request: &Request, asked: &Value) -> Result<()> {
    for (key, wanted) in [("name", &request.name), ("namespace", &request.namespace)] {
        let given = asked["metadata"][key].as_str().unwrap_or_default();
        if !given.is_empty() && given != wanted {
            let mut errors = ErrorList::default();
            let why = format!("must match the service account {key} if specified");
            errors.invalid(format!("metadata.{key}"), given, why);
            return Err(Status::invalid("authentication.k8s.io", "TokenRequest", &request.name, errors));
        }
    }
    Ok(())
}

/// Name and uid of the node of the Pod a token is bound to; no uid while there is no such Node.
fn node(server: &ApiServer, (kind, namespace, name): (&str, &str, &str)) -> Option<(String, String)> {
    let pod = (kind == "Pod").then(|| server.object(kind, namespace, name))??;
    let node = Some(meta::text(&pod, "/spec/nodeName")).filter(|node| !node.is_empty())?;
    let found = server.object("Node", "", node);
    Some((node.to_owned(), found.map(|found| meta::uid(&found).to_owned()).unwrap_or_default()))
}

/// Kind, name and uid of what the token is to live and die with.
fn bound(server: &ApiServer, request: &Request, asked: &Value) -> Result<Option<(String, String, String)>> {
    let Some(reference) = asked.pointer("/spec/boundObjectRef").filter(|reference| reference.is_object()) else {
        return Ok(None);
    };
    let (kind, name) = (meta::text(reference, "/kind"), meta::text(reference, "/name"));
    let plural = match kind {
        "Pod" => "pods",
        "Secret" => "secrets",
        "Node" => "nodes",
        other => {
            let version = meta::text(reference, "/apiVersion");
            let version = if version.contains('/') { version.to_owned() } else { format!("/{version}") };
            let why = format!("cannot bind token to object of type {version}, Kind={other}");
            return Err(Status::bad_request(why));
        }
    };
    let namespace = if kind == "Node" { "" } else { &request.namespace };
    let object = server.object(kind, namespace, name).ok_or_else(|| Status::not_found("", plural, name))?;
    if kind == "Pod" && meta::text(&object, "/spec/serviceAccountName") != request.name {
        let account = &request.name;
        let why = format!(
            "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
        );
        return Err(Status::bad_request(why));
    }
    let (wanted, is) = (meta::text(reference, "/uid"), meta::uid(&object));
    if !wanted.is_empty() && wanted != is {
        let why = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        // Upstream names the kind here.
        return Err(Status::conflict("", kind, name, &why));
    }
    Ok(Some((kind.to_owned(), name.to_owned(), is.to_owned())))
}
