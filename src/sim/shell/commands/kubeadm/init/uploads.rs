//! The phases of `kubeadm init` that put something into the cluster: configuration, certificates, the mark of the Node, token, add-ons.
//! The objects are data (`bootstrap`). Source: `cmd/kubeadm/app/phases/{uploadconfig,copycerts,markcontrolplane,bootstraptoken,addons}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use super::super::configuration::{merge, yaml};
use super::super::token::{self, Made};
use super::super::{Done, Typed, addons, registration};
use super::{Init, kubelet};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::bootstrap::{self, Part, Words};
use crate::sim::nodes::heartbeat;

/// The files in the Secret `kubeadm-certs`: the keys there, and where they are below the folder of certificates.
pub const SHARED: [(&str, &str); 8] = [
    ("ca.crt", "ca.crt"),
    ("ca.key", "ca.key"),
    ("etcd-ca.crt", "etcd/ca.crt"),
    ("etcd-ca.key", "etcd/ca.key"),
    ("front-proxy-ca.crt", "front-proxy-ca.crt"),
    ("front-proxy-ca.key", "front-proxy-ca.key"),
    ("sa.key", "sa.key"),
    ("sa.pub", "sa.pub"),
];

/// How long the Secret with the certificates is there (`DefaultCertTokenDuration`).
const SHARED_FOR: SignedDuration = SignedDuration::from_hours(2);

/// What is filled into the objects; the authority's certificate is in `folder`.
pub fn words(init: &Init, folder: &str) -> Result<Words, String> {
    let path = format!("{folder}/ca.crt");
    let authority = init.typed.root()?.text(&path).map_err(|_| format!("open {path}: no such file or directory"))?;
    addons::words(init.typed, &init.settings, &authority)
}

fn put(client: &Client, object: Value) -> Done {
    bootstrap::put(client, object).map_err(|status| status.to_string())
}

/// The configurations that are kept in the cluster, kubeadm's and the kubelets', as far as they are wanted; and what is said of each.
pub fn configurations(init: &Init, words: &Words) -> Result<Vec<(&'static str, Vec<Value>)>, String> {
    let (mut own, mut kubelets) = (Vec::new(), Vec::new());
    for mut object in bootstrap::objects(Part::UploadConfig, words).map_err(|status| status.to_string())? {
        match meta::name(&object) {
            "kubeadm-config" => object["data"]["ClusterConfiguration"] = json!(yaml(&init.settings.cluster)?),
            "kubelet-config" => {
                let usual = serde_yaml::from_str::<Value>(meta::text(&object, "/data/kubelet"));
                let mut config = usual.map_err(|error| error.to_string())?;
                merge(&mut config, &kubelet::configured(&init.settings));
                object["data"]["kubelet"] = json!(yaml(&config)?);
            }
            _ => {}
        }
        if meta::name(&object).ends_with("kubelet-config") { kubelets.push(object) } else { own.push(object) }
    }
    let both = [
        (
            "kubeadm",
            "[upload-config] Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace",
            own,
        ),
        (
            "kubelet",
            "[kubelet] Creating a ConfigMap \"kubelet-config\" in namespace kube-system with the configuration for the kubelets in the cluster",
            kubelets,
        ),
    ];
    Ok(both.into_iter().filter(|(part, ..)| init.wants(part)).map(|(_, line, objects)| (line, objects)).collect())
}

/// Keeps the configuration in the cluster.
pub async fn config(init: &Init<'_>) -> Done {
    let (client, typed) = (init.client().await?, init.typed);
    for (line, objects) in configurations(init, &words(init, init.settings.folder())?)? {
        typed.say(line);
        objects.into_iter().try_for_each(|object| put(&client, object))?;
    }
    if init.part == "all" {
        // The components lead from the moment they run.
        bootstrap::leases(&client, &typed.call.machine.name).map_err(|status| status.to_string())?;
    }
    Ok(())
}

/// A new key for the certificates in the cluster, in hexadecimal digits.
pub fn certificate_key() -> String {
    use crate::sim::apiserver::endpoints::uuid;
    format!("{}{}", uuid(), uuid()).replace('-', "")
}

fn cipher(key: &str) -> Result<LessSafeKey, String> {
    let digits: Option<Vec<u8>> = (0..key.len() / 2)
        .map(|at| key.get(2 * at..2 * at + 2).and_then(|byte| u8::from_str_radix(byte, 16).ok()))
        .collect();
    let bytes =
        digits.filter(|_| key.len().is_multiple_of(2)).ok_or_else(|| "error decoding certificate key".to_owned())?;
    let key =
        UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| "invalid data; the key has to have 32 bytes".to_owned())?;
    Ok(LessSafeKey::new(key))
}

/// Bytes that only who has the key can read: a nonce, and what AES-GCM made of them (`util/crypto/crypto.go`).
fn encrypted(key: &str, mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| "no random numbers".to_owned())?;
    let sealed = cipher(key)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes);
    sealed.map_err(|_| "the certificates cannot be encrypted".to_owned())?;
    Ok([nonce.to_vec(), bytes].concat())
}

/// What somebody with the key reads.
pub fn decrypted(key: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (nonce, rest) = bytes.split_at_checked(NONCE_LEN).ok_or_else(|| "malformed ciphertext".to_owned())?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| "malformed ciphertext".to_owned())?;
    let mut rest = rest.to_vec();
    let opened = cipher(key)?.open_in_place(nonce, Aad::empty(), &mut rest).map(|read| read.to_vec());
    opened.map_err(|_| "cipher: message authentication failed".to_owned())
}

/// Keeps the certificates that control planes share in the cluster, encrypted.
pub async fn certificates(init: &Init<'_>) -> Done {
    let typed = init.typed;
    if !init.flags.on("upload-certs") {
        typed.say("[upload-certs] Skipping phase. Please see --upload-certs");
        return Ok(());
    }
    let client = init.client().await?;
    let key = init.settings.certificate_key.clone().unwrap_or_else(certificate_key);
    typed.say("[upload-certs] Storing the certificates in Secret \"kubeadm-certs\" in the \"kube-system\" Namespace");
    let made = Made {
        ttl: SHARED_FOR,
        description: Some("Proxy for managing TTL for the kubeadm-certs secret".to_owned()),
        usages: Vec::new(),
        groups: Vec::new(),
        ..Made::usual(token::generate())
    };
    let owner = token::store(&client, &made, typed.now())?;
    let mut data = json!({});
    for (name, file) in SHARED {
        let path = format!("{}/{file}", init.settings.folder());
        let bytes = typed.root()?.read(&path).map_err(|_| format!("open {path}: no such file or directory"))?;
        data[name] = json!(STANDARD.encode(encrypted(&key, bytes)?));
    }
    let reference = json!({ "apiVersion": "v1", "kind": "Secret", "name": meta::name(&owner), "uid": meta::uid(&owner), "controller": true, "blockOwnerDeletion": true });
    let metadata = json!({ "name": "kubeadm-certs", "namespace": "kube-system", "ownerReferences": [reference] });
    put(
        &client,
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data }),
    )?;
    if !init.flags.on("skip-certificate-key-print") {
        typed.say(format_args!("[upload-certs] Using certificate key:\n{key}"));
    }
    Ok(())
}

/// Marks the Node as a control plane's.
pub async fn mark(init: &Init<'_>) -> Done {
    marked(init.typed, &init.client().await?, init.settings.node.taints.as_deref().unwrap_or_default())
}

/// Says which marks of a control plane this machine's Node gets.
pub fn tell_marks(typed: &Typed, taints: &[Value]) {
    let name = &typed.call.machine.name;
    typed.say(format_args!("[mark-control-plane] Marking the node {name} as control-plane by adding the labels: [node-role.kubernetes.io/control-plane node.kubernetes.io/exclude-from-external-load-balancers]"));
    if !taints.is_empty() {
        let all: Vec<String> = taints.iter().map(registration::taint).collect();
        typed.say(format_args!(
            "[mark-control-plane] Marking the node {name} as control-plane by adding the taints [{}]",
            all.join(" ")
        ));
    }
}

/// Gives this machine's Node the labels of a control plane, and these taints.
pub fn marked(typed: &Typed, client: &Client, taints: &[Value]) -> Done {
    let name = &typed.call.machine.name;
    tell_marks(typed, taints);
    let marked = client.modify(&NODE, "", name, |node| heartbeat::mark_control_plane(node, taints));
    marked.map(drop).map_err(|status| format!("timed out waiting for the condition: {status}"))
}

/// Says which tokens are made.
pub fn tell_tokens(init: &Init) {
    if !init.flags.on("skip-token-print") {
        for made in &init.settings.tokens {
            init.typed.say(format_args!("[bootstrap-token] Using token: {}", made.token));
        }
    }
    init.typed.say("[bootstrap-token] Configuring bootstrap tokens, cluster-info ConfigMap, RBAC Roles");
}

/// Says what whoever has a token may.
pub fn tell_rules(typed: &Typed) {
    for rule in [
        "allow Node Bootstrap tokens to get nodes",
        "allow Node Bootstrap tokens to post CSRs in order for nodes to get long term certificate credentials",
        "allow the csrapprover controller automatically approve CSRs from a Node Bootstrap Token",
        "allow certificate rotation for all node client certificates in the cluster",
    ] {
        typed.say(format_args!("[bootstrap-token] Configured RBAC rules to {rule}"));
    }
    typed.say("[bootstrap-token] Creating the \"cluster-info\" ConfigMap in the \"kube-public\" namespace");
}

/// Makes the tokens with which machines join, and lets them.
pub async fn token(init: &Init<'_>) -> Done {
    let (client, typed, settings) = (init.client().await?, init.typed, &init.settings);
    tell_tokens(init);
    for made in &settings.tokens {
        token::store(&client, made, typed.now())?;
    }
    let objects = bootstrap::objects(Part::BootstrapToken, &words(init, settings.folder())?);
    objects.map_err(|status| status.to_string())?.into_iter().try_for_each(|object| put(&client, object))?;
    tell_rules(typed);
    Ok(())
}

/// Installs CoreDNS and kube-proxy.
pub async fn addons(init: &Init<'_>) -> Done {
    let (typed, settings) = (init.typed, &init.settings);
    let wants = |part: &str| init.wants(part) && !addons::is_disabled(&settings.cluster, part);
    let (dns, proxy) = (wants("coredns"), wants("kube-proxy"));
    if init.flags.on("print-manifest") {
        let parts = [(dns, Part::CoreDns), (proxy, Part::KubeProxy)].into_iter().filter(|(wanted, _)| *wanted);
        return parts
            .into_iter()
            .try_for_each(|(_, part)| addons::print(typed, part, &words(init, init.settings.folder())?));
    }
    let client = init.client().await?;
    if dns {
        addons::coredns(typed, &client, words(init, init.settings.folder())?)
            .map_err(|why| format!("/coredns: {why}"))?;
    }
    if proxy {
        addons::kube_proxy(typed, &client, (&words(init, init.settings.folder())?, &settings.proxy))
            .map_err(|why| format!("/kube-proxy: {why}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_key_reads_the_certificates() {
        let key = certificate_key();
        let secret = encrypted(&key, b"a key".to_vec()).unwrap();
        assert_eq!(decrypted(&key, &secret).as_deref(), Ok(&b"a key"[..]));
        assert_eq!(decrypted(&certificate_key(), &secret).unwrap_err(), "cipher: message authentication failed");
        assert!(decrypted("abc", &secret).is_err() && decrypted(&key, b"short").is_err());
    }
}
