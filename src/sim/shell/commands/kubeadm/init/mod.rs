//! `kubeadm init`: a cluster is begun on this machine, phase by phase; each phase can be done by itself, too.
//! What a phase does stands beside it. Source: `cmd/kubeadm/app/cmd/{init.go,phases/init}`.

pub mod checks;
mod closing;
pub mod kubelet;
pub mod local;
mod rehearsal;
pub mod settings;
pub mod uploads;

use futures::future::BoxFuture;

use self::settings::Settings;
use self::uploads::certificate_key;
use super::{Done, Typed, cluster};
use crate::sim::apiserver::client::Client;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known = &[
    ("cert-dir", '\0', true),
    ("certificate-key", '\0', true),
    ("kubeconfig-dir", '\0', true),
    ("kubeconfig", '\0', true),
    ("config", '\0', true),
    ("apiserver-advertise-address", '\0', true),
    ("apiserver-bind-port", '\0', true),
    ("apiserver-cert-extra-sans", '\0', true),
    ("control-plane-endpoint", '\0', true),
    ("feature-gates", '\0', true),
    ("kubernetes-version", '\0', true),
    ("image-repository", '\0', true),
    ("node-name", '\0', true),
    ("patches", '\0', true),
    ("print-manifest", '\0', false),
    ("pod-network-cidr", '\0', true),
    ("service-cidr", '\0', true),
    ("service-dns-domain", '\0', true),
    ("upload-certs", '\0', false),
    ("cri-socket", '\0', true),
    ("dry-run", '\0', false),
    ("ignore-preflight-errors", '\0', true),
    ("skip-certificate-key-print", '\0', false),
    ("skip-phases", '\0', true),
    ("skip-token-print", '\0', false),
    ("token", '\0', true),
    ("token-ttl", '\0', true),
];

/// A beginning: what was typed, and what comes of it.
pub struct Init<'a> {
    typed: &'a Typed,
    flags: &'a Flags,
    settings: Settings,
    /// The phase that is done, and which part of it, if it is not all.
    part: &'a str,
    phase: &'static str,
}

/// A phase.
struct Phase {
    name: &'static str,
    /// Its parts, where each can be done by itself.
    parts: &'static [&'static str],
    run: for<'a> fn(&'a Init<'a>) -> BoxFuture<'a, Done>,
}

/// Every phase, in order.
static PHASES: &[Phase] = &[
    Phase { name: "preflight", parts: &[], run: |init| Box::pin(async { checks::preflight(init, false) }) },
    Phase { name: "certs", parts: local::CERTIFICATES, run: |init| Box::pin(async { local::certs(init) }) },
    Phase {
        name: "kubeconfig",
        parts: &["admin", "super-admin", "kubelet", "controller-manager", "scheduler"],
        run: |init| {
            Box::pin(async { local::kubeconfigs(init, init.flags.get("kubeconfig-dir").unwrap_or("/etc/kubernetes")) })
        },
    },
    Phase { name: "etcd", parts: &["local"], run: |init| Box::pin(async { local::etcd(init) }) },
    Phase {
        name: "control-plane",
        parts: &["apiserver", "controller-manager", "scheduler"],
        run: |init| Box::pin(async { local::control_plane(init) }),
    },
    Phase { name: "kubelet-start", parts: &[], run: |init| Box::pin(async { kubelet::start(init) }) },
    Phase { name: "wait-control-plane", parts: &[], run: |init| Box::pin(kubelet::wait(init)) },
    Phase { name: "upload-config", parts: &["kubeadm", "kubelet"], run: |init| Box::pin(uploads::config(init)) },
    Phase { name: "upload-certs", parts: &[], run: |init| Box::pin(uploads::certificates(init)) },
    Phase { name: "mark-control-plane", parts: &[], run: |init| Box::pin(uploads::mark(init)) },
    Phase { name: "bootstrap-token", parts: &[], run: |init| Box::pin(uploads::token(init)) },
    Phase {
        name: "kubelet-finalize",
        parts: &["enable-client-cert-rotation"],
        run: |init| Box::pin(async { kubelet::finalize(init) }),
    },
    Phase { name: "addon", parts: &["coredns", "kube-proxy"], run: |init| Box::pin(uploads::addons(init)) },
    Phase {
        name: "show-join-command",
        parts: &[],
        run: |init| Box::pin(async { closing::tell(init, cluster::ADMIN) }),
    },
];

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    if typed.words.first().is_some_and(|word| word == "phase") {
        typed.words.remove(0);
        "kubeadm init phase".clone_into(&mut typed.path);
        return alone(typed).await;
    }
    let flags = typed.flags(KNOWN)?;
    if let Some(word) = flags.rest.first() {
        return Err(format!("unknown command {word:?} for \"kubeadm init\""));
    }
    let settings = Settings::read(typed, &flags)?;
    let dry = flags.on("dry-run").then(|| rehearsal::folder(typed)).transpose()?;
    typed.say(format_args!("[init] Using Kubernetes version: {}", settings.version));
    let parts = PHASES.iter().map(|phase| (phase.name, phase.parts));
    known_phases(&settings.skipped, parts)?;
    let mut init = Init { typed, flags: &flags, settings, part: "all", phase: "" };
    if let Some(folder) = dry {
        return rehearsal::run(&init, &folder);
    }
    init.settings.certificate_key.get_or_insert_with(certificate_key);
    for phase in PHASES
        .iter()
        .filter(|phase| !init.settings.skipped.iter().any(|skipped| skipped == phase.name))
        .collect::<Vec<_>>()
    {
        init.phase = phase.name;
        (phase.run)(&init).await.map_err(|why| init.failed(&why))?;
    }
    Ok(())
}

/// Whether phases that are to be left out are such; each has its name and its parts.
pub fn known_phases<'a>(skipped: &[String], phases: impl Iterator<Item = (&'a str, &'a [&'a str])> + Clone) -> Done {
    let is_known = |name: &str| {
        let (phase, part) = name.split_once('/').unwrap_or((name, ""));
        phases.clone().any(|(known, parts)| known == phase && (part.is_empty() || parts.contains(&part)))
    };
    match skipped.iter().find(|name| !is_known(name)) {
        Some(name) => Err(format!("invalid phase name: {name}")),
        None => Ok(()),
    }
}

/// One phase by itself.
async fn alone(typed: &mut Typed) -> Done {
    let names: Vec<&str> = PHASES.iter().map(|phase| phase.name).collect();
    let name = typed.subcommand(&names)?;
    let Some(phase) = PHASES.iter().find(|phase| phase.name == name) else { return Ok(()) };
    let part = match phase.parts {
        [] => "all".to_owned(),
        parts => typed.subcommand(&[&["all"], parts].concat())?,
    };
    let flags = typed.flags(KNOWN)?;
    if flags.on("dry-run") {
        return Err("a dry run of one phase is not simulated by this practice cluster".to_owned());
    }
    let settings = Settings::read(typed, &flags)?;
    if phase.name == "etcd" {
        checks::only(typed)?;
    }
    let mut init = Init { typed, flags: &flags, settings, part: &part, phase: phase.name };
    init.settings.certificate_key.get_or_insert_with(certificate_key);
    (phase.run)(&init).await.map_err(|why| init.failed(&why))
}

impl Init<'_> {
    /// Whether a part of the phase is to be done.
    fn wants(&self, part: &str) -> bool {
        let skipped = format!("{}/{part}", self.phase);
        matches!(self.part, "all") && !self.settings.skipped.contains(&skipped) || self.part == part
    }

    fn failed(&self, why: &str) -> String {
        match why.strip_prefix('/').and_then(|rest| rest.split_once(": ")) {
            Some((part, why)) => format!("error execution phase {}/{part}: {why}", self.phase),
            None => format!("error execution phase {}: {why}", self.phase),
        }
    }

    /// A client for the cluster that has begun.
    async fn client(&self) -> Result<Client, String> {
        cluster::connect(self.typed, self.flags.get("kubeconfig").unwrap_or(cluster::ADMIN)).await
    }
}
