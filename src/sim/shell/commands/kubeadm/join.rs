//! `kubeadm join`: a machine becomes a node. The token and the authority's key are really looked at, and the kubelet's certificate is asked for
//! and signed as any other.
//! Tokens are `token`'s. Source: `cmd/kubeadm/app/{cmd/join.go,cmd/phases/join,discovery/token}`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::preflight::{self, Findings};
use super::token::{self, Token};
use super::{Done, Typed, cluster, service};
use crate::object::meta;
use crate::sim::apiserver::auth::User;
use crate::sim::apiserver::endpoints::{Request, uuid};
use crate::sim::apiserver::pki::{self, KeyPair, Subject};
use crate::sim::apiserver::registry::kinds::certificatesigningrequest::CERTIFICATESIGNINGREQUEST;
use crate::sim::apiserver::registry::kinds::csinode::CSINODE;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::machine::packages::program_version;
use crate::sim::nodes::heartbeat::Plan;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known = &[
    ("token", '\0', true),
    ("discovery-token", '\0', true),
    ("discovery-token-ca-cert-hash", '\0', true),
    ("discovery-token-unsafe-skip-ca-verification", '\0', false),
    ("discovery-file", '\0', true),
    ("tls-bootstrap-token", '\0', true),
    ("node-name", '\0', true),
    ("cri-socket", '\0', true),
    ("control-plane", '\0', false),
    ("certificate-key", '\0', true),
    ("apiserver-advertise-address", '\0', true),
    ("config", '\0', true),
    ("dry-run", '\0', false),
    ("ignore-preflight-errors", '\0', true),
    ("patches", '\0', true),
    ("skip-phases", '\0', true),
];

const DONE: &str = "\nThis node has joined the cluster:\n* Certificate signing request was sent to apiserver and a response was received.\n* The Kubelet was informed of the new secure connection details.\n\nRun 'kubectl get nodes' on the control-plane to see this node join the cluster.\n";

/// How often the certificate is asked after, and how long.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: u32 = 240;

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    let flags = typed.flags(KNOWN)?;
    let asked = validate(&flags)?;
    if flags.on("control-plane") {
        return Err("joining a second control plane is not simulated by this practice cluster".to_owned());
    }
    typed.say("[preflight] Running pre-flight checks");
    checks(typed, &flags).map_err(phase("preflight"))?;
    let token = discover(typed, &asked).await.map_err(phase("preflight"))?;
    let client = typed.call.inside.client.clone();
    cluster::configuration(typed, &client, "preflight").map_err(phase("preflight"))?;
    let name = typed.call.machine.name.clone();
    if let Some(node) = client.find(&NODE, "", &name)
        && meta::list(&node, "/status/conditions").iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
    {
        return Err(phase("kubelet-start")(format!(
            "a Node with name {name:?} and status \"Ready\" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node"
        )));
    }
    if flags.on("dry-run") {
        return Ok(());
    }
    for (what, path) in [
        ("kubelet configuration to file", "instance-config.yaml"),
        ("kubelet configuration to file", "config.yaml"),
        ("kubelet environment file with flags to file", "kubeadm-flags.env"),
    ] {
        typed.say(format_args!("[kubelet-start] Writing {what} \"/var/lib/kubelet/{path}\""));
    }
    typed.say("[kubelet-start] Starting the kubelet");
    typed.say(
        "[kubelet-check] Waiting for a healthy kubelet at http://127.0.0.1:10248/healthz. This can take up to 4m0s",
    );
    typed.say("[kubelet-check] The kubelet is healthy after 501.210547ms");
    typed.say("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap");
    bootstrap(typed, &token).await.map_err(phase("kubelet-wait-bootstrap"))?;
    typed.say(DONE);
    Ok(())
}

fn phase(name: &str) -> impl Fn(String) -> String + use<> {
    let name = name.to_owned();
    move |why| format!("error execution phase {name}: {why}")
}

/// What was asked: where the API server is, the token, and the keys its authority may have.
struct Asked {
    server: String,
    id: String,
    secret: String,
    hashes: Vec<String>,
}

fn validate(flags: &Flags) -> Result<Asked, String> {
    let server = flags.rest.first().cloned();
    let token = flags.get("discovery-token").or(flags.get("token"));
    let (Some(server), Some(token)) = (server, token) else {
        return Err("discovery: Invalid value: \"\": bootstrapToken or file must be set".to_owned());
    };
    let Some((id, secret)) = token::parts(token) else {
        return Err(format!(
            "[discovery.bootstrapToken.token: Invalid value: {token:?}: the bootstrap token is invalid, discovery.tlsBootstrapToken: Invalid value: {token:?}: the bootstrap token is invalid]"
        ));
    };
    let hashes: Vec<String> = flags.all("discovery-token-ca-cert-hash").into_iter().map(str::to_owned).collect();
    if hashes.is_empty() && !flags.on("discovery-token-unsafe-skip-ca-verification") {
        return Err("discovery.bootstrapToken.caCertHashes: Invalid value: \"\": using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file or pass --discovery-token-unsafe-skip-ca-verification flag to continue".to_owned());
    }
    Ok(Asked { server, id: id.to_owned(), secret: secret.to_owned(), hashes })
}

fn checks(typed: &Typed, flags: &Flags) -> Done {
    let mut findings = Findings::default();
    for path in ["/etc/kubernetes/kubelet.conf", "/etc/kubernetes/bootstrap-kubelet.conf"] {
        findings.absent(typed, path)?;
    }
    preflight::machine(typed, &mut findings)?;
    if typed.call.inside.client.find(&NODE, "", &typed.call.machine.name).is_some()
        && typed.root()?.exists("/var/lib/kubelet/config.yaml")
    {
        findings.error("Port-10250", "Port 10250 is in use");
    }
    findings.absent(typed, "/etc/kubernetes/pki/ca.crt")?;
    findings.tell(typed, flags)
}

/// Finds the cluster and believes it, or says why not.
async fn discover(typed: &Typed, asked: &Asked) -> Result<Token, String> {
    let failed = |why: String| format!("couldn't validate the identity of the API Server: {why}");
    let server = format!("https://{}", asked.server);
    cluster::answers(typed, &server)
        .await
        .map_err(|why| failed(format!("failed to request the cluster-info ConfigMap: {why}")))?;
    let now = typed.now();
    let known = Token::all(&typed.call.inside.client).into_iter().find(|token| token.id == asked.id);
    let token = known.filter(|token| token.is_valid(now) && token.usages.iter().any(|usage| usage == "signing"));
    let token = token.ok_or_else(|| {
        failed(format!("could not find a JWS signature in the cluster-info ConfigMap for token ID {:?}", asked.id))
    })?;
    if token.secret != asked.secret {
        return Err(failed(format!(
            "failed to verify JWS signature of received cluster info object, can't trust this API Server for token ID {:?}",
            asked.id
        )));
    }
    let authority = typed.call.inside.machines.birth().authority.certificate_pem();
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
    if !token.usages.iter().any(|usage| usage == "authentication") {
        return Err("Unauthorized".to_owned());
    }
    Ok(token)
}

/// Asks for the kubelet's certificate with the token, lays what a node holds, and registers it.
async fn bootstrap(typed: &Typed, token: &Token) -> Done {
    let (client, machine) = (&typed.call.inside.client, &typed.call.machine);
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let subject = Subject::new(&format!("system:node:{}", machine.name), &["system:nodes"]);
    let request = pki::request_pem(&key, &subject).map_err(|error| error.to_string())?;
    let groups: Vec<&str> =
        ["system:bootstrappers", "system:authenticated"].into_iter().chain(token.groups.split(',')).collect();
    let user = std::sync::Arc::new(User::new(format!("system:bootstrap:{}", token.id), &groups));
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
    let laid = typed.call.inside.machines.join(machine, (&certificate, &key.to_pem()), typed.now());
    laid.map_err(|error| error.to_string())?;
    register(typed)?;
    service::start(typed)
}

/// The Node as its kubelet registers it.
fn register(typed: &Typed) -> Done {
    let (client, machine) = (&typed.call.inside.client, &typed.call.machine);
    if client.find(&NODE, "", &machine.name).is_some() {
        return Ok(());
    }
    let index =
        machine.address.rsplit('.').next().and_then(|last| last.parse::<u8>().ok()).unwrap_or(10).saturating_sub(10);
    let version = program_version(typed.root()?, "kubelet").unwrap_or_default();
    let plan = Plan { name: machine.name.clone(), control_plane: false, blank: false, index, version };
    let node = client.create(&NODE, plan.node(typed.now())).map_err(|status| status.to_string())?;
    client.create(&CSINODE, plan.csi_node(&node)).map(drop).map_err(|status| status.to_string())
}
