//! `kubeadm config`: configurations to begin with, files of one that are looked at or written anew, and the images of a release.
//! What a configuration comes to is `init`'s and `join`'s. Source: `cmd/kubeadm/app/cmd/config.go`; the defaults are those the real 1.35.4 prints.

use serde_json::{Value, json};

use super::addons::is_disabled;
use super::configuration::{self, Exactness, For};
use super::init::settings::Settings;
use super::join::Asked;
use super::{Done, Typed, manifests};
use crate::sim::shell::flags::{Flags, Known};

macro_rules! defaults {
    ($name:literal) => {
        include_str!(concat!("../../../../../assets/machine/kubeadm/", $name, "-defaults.yaml"))
    };
}

static COMPONENTS: [(&str, &str); 2] =
    [("KubeProxyConfiguration", defaults!("kube-proxy")), ("KubeletConfiguration", defaults!("kubelet"))];

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    match typed.subcommand(&["images", "migrate", "print", "validate"])?.as_str() {
        "images" => images(typed),
        "print" => print(typed),
        "validate" => validate(typed),
        _ => migrate(typed),
    }
}

fn print(typed: &mut Typed) -> Done {
    let what = typed.subcommand(&["init-defaults", "join-defaults", "reset-defaults", "upgrade-defaults"])?;
    let known: Known = if what == "init-defaults" { &[("component-configs", '\0', true)] } else { &[] };
    let flags = typed.flags(known)?;
    let version = typed.version()?;
    let minor = version.split('.').nth(1).unwrap_or_default();
    let mut texts = vec![match what.as_str() {
        "init-defaults" => defaults!("init").replace("$(VERSION)", &format!("1.{minor}.0")),
        "join-defaults" => defaults!("join").replace("$(NODE)", &typed.call.machine.name),
        "reset-defaults" => defaults!("reset").to_owned(),
        _ => defaults!("upgrade").to_owned(),
    }];
    for asked in flags.all("component-configs") {
        let found = COMPONENTS.iter().find(|(kind, _)| *kind == asked);
        let (_, text) = found.ok_or_else(|| {
            let kinds = COMPONENTS.map(|(kind, _)| kind).join(" ");
            format!("--component-configs needs to contain some of [{kinds}]")
        })?;
        texts.push((*text).to_owned());
    }
    typed.call.print(texts.join("---\n"));
    Ok(())
}

/// The text of the file a flag names, which has to be given.
fn given(typed: &Typed, flags: &Flags, flag: &str) -> Result<String, String> {
    let file = flags.get(flag).filter(|file| !file.is_empty());
    let file = file.ok_or_else(|| format!("the --{flag} flag is mandatory"))?;
    typed.root()?.text(&typed.call.path(file)).map_err(|_| format!("open {file}: no such file or directory"))
}

/// Looks at a file.
fn validate(typed: &mut Typed) -> Done {
    let flags = typed.flags(&[("config", '\0', true), ("allow-experimental-api", '\0', false)])?;
    let text = given(typed, &flags, "config")?;
    read(typed, &flags, &text)?;
    typed.say("ok");
    Ok(())
}

/// Writes a file anew, in the newest version and with all that goes without saying.
fn migrate(typed: &mut Typed) -> Done {
    let flags = typed.flags(&[
        ("old-config", '\0', true),
        ("new-config", '\0', true),
        ("allow-experimental-api", '\0', false),
    ])?;
    let text = given(typed, &flags, "old-config")?;
    let written = read(typed, &flags, &text)?.join("---\n");
    match flags.get("new-config") {
        None => typed.call.print(written),
        Some(file) => typed
            .root()?
            .write(&typed.call.path(file), written.as_bytes(), 0o644)
            .map_err(|error| format!("failed to write the new configuration to the file {file:?}: {error}"))?,
    }
    Ok(())
}

/// The configurations of a text, whole; each has to be valid to the letter.
fn read(typed: &Typed, flags: &Flags, text: &str) -> Result<Vec<String>, String> {
    let kinds = configuration::kinds(text, Exactness::Refuses)?;
    let has = |kind: &str| kinds.iter().any(|known| known == kind);
    let (none, mut written) = (flags.only(&[]), Vec::new());
    if has("InitConfiguration") || has("ClusterConfiguration") {
        written.push(
            Settings::of_documents(typed, &none, configuration::of_init(typed, text, Exactness::Refuses)?)?
                .documents()?,
        );
    }
    if has("JoinConfiguration") {
        let mut found = configuration::documents(typed, text, (For::Join, Exactness::Refuses))?;
        let config = found.remove("JoinConfiguration").unwrap_or_default();
        let asked = Asked::of(typed, &none, &config)?;
        written.push(configuration::yaml(&asked.document(&config))?);
    }
    Ok(written)
}

fn images(typed: &mut Typed) -> Done {
    let verb = typed.subcommand(&["list", "pull"])?;
    let flags = typed.flags(&[
        ("kubernetes-version", '\0', true),
        ("config", '\0', true),
        ("image-repository", '\0', true),
        ("cri-socket", '\0', true),
        ("feature-gates", '\0', true),
        ("output", 'o', true),
        ("show-managed-fields", '\0', false),
        ("allow-missing-template-keys", '\0', false),
    ])?;
    // A file says everything, whatever flags stand beside it.
    let known: &[&str] = if flags.has("config") { &["config"] } else { &["kubernetes-version", "image-repository"] };
    let settings = Settings::read(typed, &flags.only(known));
    let settings = settings.map_err(|why| match verb.as_str() {
        "list" => format!("could not convert cfg to an internal cfg: {why}"),
        _ => why,
    })?;
    let images = all(typed, &settings)?;
    if verb == "pull" {
        images.iter().for_each(|image| typed.say(format_args!("[config/images] Pulled {image}")));
        return Ok(());
    }
    let listed = json!({ "kind": "Images", "apiVersion": "output.kubeadm.k8s.io/v1alpha3", "images": images });
    typed.output(&flags, &listed, || images.join("\n") + "\n")
}

/// The images of a cluster as this kubeadm lists them: etcd and CoreDNS are its own.
fn all(typed: &Typed, settings: &Settings) -> Result<Vec<String>, String> {
    let (own, cluster) = (typed.version()?, &settings.cluster);
    let wanted = |component: &&&str| match **component {
        "coredns" | "kube-proxy" => !is_disabled(cluster, component),
        "etcd" => cluster.pointer("/etcd/external").is_none_or(Value::is_null),
        _ => true,
    };
    let of = |component: &&str| {
        let is_own = ["coredns", "pause", "etcd"].contains(component);
        manifests::image_in(cluster, component, if is_own { &own } else { &settings.version })
    };
    Ok(manifests::IMAGES.iter().filter(wanted).map(of).collect())
}
