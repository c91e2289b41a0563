//! CoreDNS and kube-proxy as kubeadm installs them, and has them be again: `init phase addon`, and what an upgrade does.
//! The objects are data (`bootstrap`). Source: `cmd/kubeadm/app/phases/addons/{dns,proxy}`.

use serde_json::{Value, json};

use super::configuration::{merge, yaml};
use super::init::settings::Settings;
use super::{Done, Typed, manifests};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::registry::kinds::deployment::DEPLOYMENT;
use crate::sim::bootstrap::{self, Part, Words};
use crate::sim::network::is_usual_corefile;

/// What is filled into the objects of a cluster with these settings; `authority` is its certificate, PEM.
pub fn words(typed: &Typed, settings: &Settings, authority: &str) -> Result<Words, String> {
    let image = |component: &str| manifests::image_in(&settings.cluster, component, &settings.version);
    let (dns, proxy) = (image("coredns"), image("kube-proxy"));
    let folder = |image: &str| image.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned());
    let tag = |image: &str| image.rsplit_once(':').map_or_else(String::new, |(_, tag)| tag.to_owned());
    let server = settings.server(typed);
    let words = Words::new((&settings.version, &settings.advertise), authority, typed.now());
    Ok(words
        .of_services(settings.service_subnet())
        .with("$(ENDPOINT)", server.trim_start_matches("https://"))
        .with("$(POD_SUBNET)", settings.pod_subnet().unwrap_or("\"\""))
        .with("$(DNS_DOMAIN)", settings.domain())
        .with("$(DNS_IMAGES)", &folder(&dns))
        .with("$(COREDNS)", &tag(&dns))
        .with("$(IMAGES)", &folder(&proxy)))
}

/// Whether an add-on is not wanted in a cluster.
pub fn is_disabled(cluster: &Value, addon: &str) -> bool {
    meta::truth(cluster, if addon == "coredns" { "/dns/disabled" } else { "/proxy/disabled" })
}

/// Installs CoreDNS, or has what is there become so: but for the number of replicas, and a Corefile that somebody wrote.
pub fn coredns(typed: &Typed, client: &Client, words: Words) -> Done {
    let known = client.find(&DEPLOYMENT, "kube-system", "coredns");
    let replicas = known.and_then(|known| meta::number(&known, "/spec/replicas")).unwrap_or(2);
    let objects = bootstrap::objects(Part::CoreDns, &words.with("$(DNS_REPLICAS)", &replicas.to_string()));
    for object in objects.map_err(|status| status.to_string())? {
        let map = client.find(&CONFIGMAP, "kube-system", "coredns").filter(|_| object["kind"] == "ConfigMap");
        let corefile = map.as_ref().map(|map| meta::text(map, "/data/Corefile")).unwrap_or_default();
        if !corefile.is_empty() && !is_usual_corefile(corefile, meta::text(&object, "/data/Corefile")) {
            continue;
        }
        bootstrap::put(client, object).map_err(|status| status.to_string())?;
    }
    typed.say("[addons] Applied essential addon: CoreDNS");
    Ok(())
}

/// Installs kube-proxy, or has what is there become so; `config` is what it is to be told besides.
pub fn kube_proxy(typed: &Typed, client: &Client, (words, config): (&Words, &Value)) -> Done {
    let objects = bootstrap::objects(Part::KubeProxy, words);
    for mut object in objects.map_err(|status| status.to_string())? {
        if object["kind"] == "ConfigMap" && !config.is_null() {
            let own = serde_yaml::from_str::<Value>(meta::text(&object, "/data/config.conf"));
            let mut whole = own.map_err(|error| error.to_string())?;
            merge(&mut whole, config);
            object["data"]["config.conf"] = json!(yaml(&whole)?);
        }
        bootstrap::put(client, object).map_err(|status| status.to_string())?;
    }
    typed.say("[addons] Applied essential addon: kube-proxy");
    Ok(())
}

/// The manifests of an add-on, as `--print-manifest` shows them.
pub fn print(typed: &Typed, part: Part, words: &Words) -> Done {
    for object in bootstrap::objects(part, words).map_err(|status| status.to_string())? {
        typed.call.print(format!("---\n{}", yaml(&object)?));
    }
    Ok(())
}

/// What kube-proxies of a cluster are configured with.
pub fn proxy_configuration(client: &Client) -> Value {
    let map = client.find(&CONFIGMAP, "kube-system", "kube-proxy");
    let text = map.as_ref().map(|map| meta::text(map, "/data/config.conf")).unwrap_or_default();
    serde_yaml::from_str(text).unwrap_or_default()
}
