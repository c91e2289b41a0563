//! `kubeadm certs generate-csr`: keys and certificate requests for an authority that is kept elsewhere.
//! What is asked for is what `init` would sign itself. Source: `cmd/kubeadm/app/phases/{certs/certlist.go,kubeconfig/kubeconfig.go}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::configuration::yaml;
use super::init::local::CONFIGS;
use super::init::settings::Settings;
use super::{Done, Typed};
use crate::object::meta;
use crate::sim::apiserver::pki::{AlternativeNames, KeyPair, Subject, request_for};
use crate::sim::machine::lay;
use crate::sim::shell::flags::Known;

static KNOWN: Known = &[("config", '\0', true), ("cert-dir", '\0', true), ("kubeconfig-dir", '\0', true)];

/// Runs it.
pub fn run(typed: &mut Typed) -> Done {
    let flags = typed.flags(KNOWN)?;
    let settings = Settings::read(typed, &flags.only(&["config"]))?;
    let folder = flags.get("cert-dir").unwrap_or(settings.folder()).trim_end_matches('/').to_owned();
    typed.say(format_args!("generating keys and CSRs in {folder}"));
    let birth = typed.call.inside.machines.birth();
    for (name, file) in lay::CERTIFICATE_FILES.iter().filter(|(name, _)| !name.ends_with("ca") && *name != "sa") {
        let further = settings.further_names(name);
        let names = lay::Names { service: settings.service_address(1), domain: settings.domain(), further: &further };
        let (subject, names) =
            lay::holder(&typed.call.machine, (birth, name), &names).map_err(|error| error.to_string())?;
        let file = file.trim_end_matches(".crt");
        let key = request(typed, &format!("{folder}/{file}"), (&subject, &names))?;
        write(typed, &format!("{folder}/{file}.key"), &key.to_pem())?;
        typed.say(format_args!("  {file}"));
    }
    let folder = flags.get("kubeconfig-dir").unwrap_or("/etc/kubernetes").trim_end_matches('/').to_owned();
    typed.say(format_args!("generating keys and CSRs in {folder}"));
    let node = format!("system:node:{}", typed.call.machine.name);
    let mut all: Vec<(&str, &str, &[&str])> = CONFIGS.to_vec();
    all.push(("kubelet", &node, &["system:nodes"]));
    all.sort_unstable();
    for (name, user, groups) in all {
        config(typed, &settings, (&format!("{folder}/{name}.conf"), &Subject::new(user, groups)))?;
        typed.say(format_args!("  {name}.conf"));
    }
    Ok(())
}

/// Writes a request beside what it is for, where neither request nor key is yet; its key.
fn request(typed: &Typed, path: &str, (subject, names): (&Subject, &AlternativeNames)) -> Result<KeyPair, String> {
    let root = typed.root()?;
    if root.exists(&format!("{path}.key")) || root.exists(&format!("{path}.csr")) {
        return Err(format!("file already exists: key or CSR {path}"));
    }
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let text = request_for(&key, subject, names).map_err(|error| error.to_string())?;
    write(typed, &format!("{path}.csr"), &text)?;
    Ok(key)
}

/// Writes a kubeconfig with a key and no certificate yet, and the request beside it.
fn config(typed: &Typed, settings: &Settings, (path, subject): (&str, &Subject)) -> Done {
    if typed.root()?.exists(path) {
        return Err(format!("file already exists: kube config: {path}"));
    }
    let key = request(typed, path, (subject, &AlternativeNames::default()))?;
    let (user, cluster) = (&subject.common_name, meta::text(&settings.cluster, "/clusterName"));
    let context = format!("{user}@{cluster}");
    let text = yaml(&json!({
        "apiVersion": "v1",
        "clusters": [{ "cluster": { "server": settings.server(typed) }, "name": cluster }],
        "contexts": [{ "context": { "cluster": cluster, "user": user }, "name": context }],
        "current-context": context,
        "kind": "Config",
        "users": [{ "name": user, "user": { "client-key-data": STANDARD.encode(key.to_pem()) } }],
    }))?;
    write(typed, path, &text)
}

fn write(typed: &Typed, path: &str, text: &str) -> Done {
    typed.root()?.write(path, text.as_bytes(), 0o600).map_err(|error| error.to_string())
}
