//! `kubeadm init --dry-run`: what each phase would do. Files are written to a folder of their own and shown; the cluster stays as it is.
//! What the phases really do stands beside it. Source: `cmd/kubeadm/app/util/{dryrun,apiclient/dryrun.go}`.

use serde_json::Value;

use super::super::configuration::{merge, warn, yaml};
use super::super::{Done, Typed, addons, manifests, token};
use super::settings::Settings;
use super::{Init, checks, closing, kubelet, local, uploads};
use crate::object::meta;
use crate::sim::apiserver::endpoints::uuid;
use crate::sim::apiserver::registry;
use crate::sim::bootstrap::{self, Part};

const ENVIRONMENT: &str = "kubeadm-flags.env";

/// Makes the folder of a dry run, and says which it is.
pub fn folder(typed: &Typed) -> Result<String, String> {
    let digits: String =
        uuid().bytes().filter(u8::is_ascii_digit).map(char::from).chain("0".repeat(10).chars()).take(10).collect();
    let folder = format!("/etc/kubernetes/tmp/kubeadm-init-dryrun{digits}");
    typed.root()?.make_dir(&folder, 0o700).map_err(|error| error.to_string())?;
    let text = format!(
        "Using dry-run directory {folder}. To override it, set the environment variable KUBEADM_INIT_DRYRUN_DIR"
    );
    warn(typed, "constants.go:621", &text);
    Ok(folder)
}

/// A phase by its name, and what shows what it would do.
type Step<'a> = (&'static str, &'a dyn Fn(&Init) -> Done);

/// Goes through the phases.
pub fn run(init: &Init, folder: &str) -> Done {
    let typed = init.typed;
    let skips = |name: &str| init.settings.skipped.iter().any(|skipped| skipped == name);
    let mut inside = Settings { cluster: init.settings.cluster.clone(), ..init.settings.clone() };
    inside.cluster["certificatesDir"] = folder.into();
    let phases: [Step; 11] = [
        ("preflight", &|init| checks::preflight(init, true)),
        ("certs", &|init| local::certs(&Init { settings: inside.clone(), part: "all", ..*init })),
        ("kubeconfig", &|init| local::kubeconfigs(&Init { settings: inside.clone(), part: "all", ..*init }, folder)),
        ("etcd", &|init| etcd(init, folder)),
        ("control-plane", &|init| control_plane(init, folder)),
        ("kubelet-start", &|init| kubelet_start(init, folder)),
        ("wait-control-plane", &|init| wait(init, folder)),
        ("upload-config", &|init| upload(init, folder)),
        ("mark-control-plane", &mark),
        ("bootstrap-token", &|init| tokens(init, folder)),
        ("addon", &|init| add_ons(init, folder)),
    ];
    for (name, phase) in phases.into_iter().filter(|(name, _)| !skips(name)) {
        let init = Init { settings: init.settings.clone(), phase: name, ..*init };
        phase(&init).map_err(|why| init.failed(&why))?;
    }
    if skips("show-join-command") { Ok(()) } else { closing::tell(init, &format!("{folder}/admin.conf")) }
        .map_err(|why| format!("error execution phase show-join-command: {why}"))
        .inspect(|()| typed.say(""))
}

/// Shows what a file would hold.
fn would_write(typed: &Typed, path: &str, text: &str) {
    typed.say(format_args!("[dryrun] Would write file {path:?} with content:"));
    typed.call.print(text);
}

/// Shows an object that would be made.
fn would_create(typed: &Typed, object: &Value) -> Done {
    let (version, kind) = (meta::text(object, "/apiVersion"), meta::text(object, "/kind"));
    let plural = registry::of_kind(version, kind).map_or(kind, |resource| resource.plural);
    let group = if version.contains('/') { version.to_owned() } else { format!("core/{version}") };
    typed.say(format_args!("[dryrun] Would perform action CREATE on resource {plural:?} in API group {group:?}"));
    typed.say(format_args!("[dryrun] Attached object:\n{}", yaml(object)?));
    Ok(())
}

fn write(typed: &Typed, path: &str, text: &str) -> Done {
    typed.root()?.write(path, text.as_bytes(), 0o600).map_err(|error| error.to_string())
}

fn etcd(init: &Init, folder: &str) -> Done {
    let (typed, settings) = (init.typed, &init.settings);
    let data = meta::text(&settings.cluster, "/etcd/local/dataDir");
    typed.say(format_args!("[etcd] Would ensure that {data:?} directory is present"));
    typed.say(format_args!("[etcd] Creating static Pod manifest for local etcd in {folder:?}"));
    let text = manifests::text(typed, "etcd", (&settings.cluster, &settings.version))?;
    would_write(typed, &manifests::path("etcd"), &text);
    write(typed, &format!("{folder}/etcd.yaml"), &text)
}

fn control_plane(init: &Init, folder: &str) -> Done {
    let (typed, settings) = (init.typed, &init.settings);
    typed.say(format_args!("[control-plane] Using manifest folder {folder:?}"));
    for component in &manifests::COMPONENTS[1..] {
        typed.say(format_args!("[control-plane] Creating static Pod manifest for {component:?}"));
        let text = manifests::text(typed, component, (&settings.cluster, &settings.version))?;
        write(typed, &format!("{folder}/{component}.yaml"), &text)?;
    }
    Ok(())
}

fn kubelet_start(init: &Init, folder: &str) -> Done {
    let (typed, node) = (init.typed, &init.settings.node);
    node.write_flags(typed, (folder, false))?;
    node.write_instance(typed, folder)?;
    typed.say(kubelet::PATCHED);
    let path = format!("{folder}/config.yaml");
    typed.say(format_args!("[kubelet-start] Writing kubelet configuration to file {path:?}"));
    let usual = include_str!("../../../../../../assets/machine/kubeadm/kubelet-defaults.yaml");
    let mut config: Value = serde_yaml::from_str(usual).map_err(|error| error.to_string())?;
    merge(&mut config, &kubelet::configured(&init.settings));
    config["containerRuntimeEndpoint"] = node.socket.as_str().into();
    write(typed, &path, &yaml(&config)?)
}

fn wait(init: &Init, folder: &str) -> Done {
    let typed = init.typed;
    typed.say(format_args!(
        "[dryrun] Wrote certificates, kubeconfig files and control plane manifests to the {folder:?} directory"
    ));
    typed.say("[dryrun] The certificates or kubeconfig files would not be printed due to their sensitive nature");
    typed.say(format_args!("[dryrun] Please examine the {folder:?} directory for details about what would be written"));
    let of_component = |component: &&str| (manifests::path(component), format!("{component}.yaml"));
    let of_kubelet = |file: &&str| (format!("/var/lib/kubelet/{file}"), (*file).to_owned());
    let files = manifests::COMPONENTS[1..].iter().map(of_component);
    for (path, file) in files.chain(["config.yaml", ENVIRONMENT].iter().map(of_kubelet)) {
        // A phase that was left out has written nothing.
        if let Ok(text) = typed.root()?.text(&format!("{folder}/{file}")) {
            would_write(typed, &path, &text);
        }
    }
    typed.say(format_args!(
        "[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods from directory {folder:?}"
    ));
    typed.say("[dryrun] Would make sure the kubelet returns 'ok' at http://127.0.0.1:10248/healthz");
    Ok(())
}

fn upload(init: &Init, folder: &str) -> Done {
    for (line, objects) in uploads::configurations(init, &uploads::words(init, folder)?)? {
        init.typed.say(line);
        objects.iter().try_for_each(|object| would_create(init.typed, object))?;
    }
    Ok(())
}

fn mark(init: &Init) -> Done {
    let name = &init.typed.call.machine.name;
    uploads::tell_marks(init.typed, init.settings.node.taints.as_deref().unwrap_or_default());
    for action in ["GET", "PATCH"] {
        init.typed.say(format_args!(
            "[dryrun] Would perform action {action} on resource \"nodes\" in API group \"core/v1\"\n[dryrun] Resource name {name:?}, namespace \"\""
        ));
    }
    Ok(())
}

fn tokens(init: &Init, folder: &str) -> Done {
    uploads::tell_tokens(init);
    for made in &init.settings.tokens {
        let mut secret = token::secret(made, init.typed.now());
        secret["apiVersion"] = "v1".into();
        secret["kind"] = "Secret".into();
        would_create(init.typed, &secret)?;
    }
    uploads::tell_rules(init.typed);
    let objects = bootstrap::objects(Part::BootstrapToken, &uploads::words(init, folder)?);
    let objects = objects.map_err(|status| status.to_string())?;
    objects.iter().try_for_each(|object| would_create(init.typed, object))
}

fn add_ons(init: &Init, folder: &str) -> Done {
    let parts = [("coredns", "CoreDNS", Part::CoreDns), ("kube-proxy", "kube-proxy", Part::KubeProxy)];
    let wanted = |part: &str| init.wants(part) && !addons::is_disabled(&init.settings.cluster, part);
    for (_, name, part) in parts.into_iter().filter(|(part, ..)| wanted(part)) {
        let objects = bootstrap::objects(part, &uploads::words(init, folder)?).map_err(|status| status.to_string())?;
        objects.iter().try_for_each(|object| would_create(init.typed, object))?;
        init.typed.say(format_args!("[addons] Applied essential addon: {name}"));
    }
    Ok(())
}
