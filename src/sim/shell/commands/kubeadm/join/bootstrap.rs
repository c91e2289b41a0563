//! How the kubelet of a machine that joins gets its certificate: asked for with the token, approved and signed as any other.
//! What signs it are the controllers. Source: `cmd/kubeadm/app/cmd/phases/join/kubelet.go`, `k8s.io/client-go/util/certificate/csr`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::token::Token;
use super::super::{Done, Typed, service};
use crate::object::meta;
use crate::sim::apiserver::auth::User;
use crate::sim::apiserver::endpoints::{Request, uuid};
use crate::sim::apiserver::pki::{self, KeyPair, Subject};
use crate::sim::apiserver::registry::kinds::certificatesigningrequest::CERTIFICATESIGNINGREQUEST;

/// How often the certificate is asked after, and how long.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: u32 = 240;

/// Asks for the kubelet's certificate with the token, lays what a node holds, and registers it.
pub async fn bootstrap(typed: &Typed, token: &Token) -> Done {
    let (client, machine) = (&typed.call.inside.client, &typed.call.machine);
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let subject = Subject::new(&format!("system:node:{}", machine.name), &["system:nodes"]);
    let request = pki::request_pem(&key, &subject).map_err(|error| error.to_string())?;
    let groups: Vec<&str> =
        ["system:bootstrappers", "system:authenticated"].into_iter().chain(token.groups.split(',')).collect();
    let user = Arc::new(User::new(format!("system:bootstrap:{}", token.id), &groups));
    let name = format!("node-csr-{}", uuid().replace('-', ""));
    let asked = json!({
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": { "name": name },
        "spec": {
            "request": STANDARD.encode(request),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        },
    });
    let call = Request::new(user, &CERTIFICATESIGNINGREQUEST, "", &name);
    client
        .server()
        .create(&call, asked)
        .map_err(|status| format!("cannot create certificate signing request: {status}"))?;
    let mut issued = None;
    for _ in 0..LOOKS {
        let found = client.find(&CERTIFICATESIGNINGREQUEST, "", &name);
        issued =
            found.map(|found| meta::text(&found, "/status/certificate").to_owned()).filter(|text| !text.is_empty());
        if issued.is_some() {
            break;
        }
        typed.pause(LOOK).await;
    }
    let Some(certificate) = issued else {
        return Err("failed while waiting for TLS bootstrap: context deadline exceeded".to_owned());
    };
    let certificate = STANDARD.decode(certificate).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let certificate = certificate.ok_or_else(|| "the certificate cannot be read".to_owned())?;
    let machines = &typed.call.inside.machines;
    let laid = machines.join(machine, (&certificate, &key.to_pem()), typed.now());
    laid.map_err(|error| error.to_string())?;
    service::start(typed)?;
    typed.call.inside.control.settle().await;
    Ok(())
}
