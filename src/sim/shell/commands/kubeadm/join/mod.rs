//! `kubeadm join`: a machine becomes a node, phase by phase; each can be done by itself, too. The token and the authority's key are really looked
//! at, and the kubelet's certificate is asked for and signed as any other.
//! Tokens are `token`'s. Source: `cmd/kubeadm/app/{cmd/join.go,cmd/phases/join,discovery}`.

mod asked;
mod bootstrap;
mod control_plane;
mod discovery;
mod node;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::OnceCell;

pub use self::asked::Asked;
use super::init::known_phases;
use super::token::Token;
use super::{Done, Typed, cluster};
use crate::sim::apiserver::client::Client;
use crate::sim::shell::flags::Known;

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
    ("apiserver-bind-port", '\0', true),
    ("dry-run", '\0', false),
    ("ignore-preflight-errors", '\0', true),
    ("patches", '\0', true),
    ("skip-phases", '\0', true),
];

/// A join: what was asked, and what was found of the cluster.
pub struct Join<'a> {
    typed: &'a Typed,
    asked: Asked,
    dry: bool,
    /// The part of the phase that is done by itself; `all` of it else.
    part: String,
    phase: &'static str,
    /// Whether the phase is done by itself.
    alone: bool,
    found: OnceCell<Found>,
}

/// The cluster that was found: the token for a certificate, a client, and its configuration.
pub struct Found {
    token: Token,
    client: Client,
    config: Value,
}

/// A phase.
struct Phase {
    name: &'static str,
    parts: &'static [&'static str],
    run: for<'a> fn(&'a Join<'a>) -> BoxFuture<'a, Done>,
}

/// Every phase, in order.
static PHASES: &[Phase] = &[
    Phase { name: "preflight", parts: &[], run: |join| Box::pin(node::preflight(join)) },
    Phase {
        name: "control-plane-prepare",
        parts: &["download-certs", "certs", "kubeconfig", "control-plane"],
        run: |join| Box::pin(control_plane::prepare(join)),
    },
    Phase { name: "check-etcd", parts: &[], run: |join| Box::pin(async { control_plane::check_etcd(join) }) },
    Phase { name: "kubelet-start", parts: &[], run: |join| Box::pin(node::start(join)) },
    Phase { name: "etcd-join", parts: &[], run: |join| Box::pin(control_plane::etcd(join)) },
    Phase { name: "kubelet-wait-bootstrap", parts: &[], run: |join| Box::pin(node::wait(join)) },
    Phase {
        name: "control-plane-join",
        parts: &["mark-control-plane"],
        run: |join| Box::pin(control_plane::mark(join)),
    },
    Phase { name: "wait-control-plane", parts: &[], run: |join| Box::pin(control_plane::wait(join)) },
];

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    if typed.words.first().is_some_and(|word| word == "phase") {
        typed.words.remove(0);
        "kubeadm join phase".clone_into(&mut typed.path);
        return alone(typed).await;
    }
    let flags = typed.flags(KNOWN)?;
    let asked = Asked::read(typed, &flags)?;
    known_phases(&asked.skipped, PHASES.iter().map(|phase| (phase.name, phase.parts)))?;
    let dry = flags.on("dry-run");
    let mut join = Join { typed, asked, dry, part: "all".to_owned(), phase: "", alone: false, found: OnceCell::new() };
    for phase in PHASES {
        if !join.asked.skipped.iter().any(|skipped| skipped == phase.name) {
            join.phase = phase.name;
            (phase.run)(&join).await.map_err(|why| join.failed(&why))?;
        }
    }
    typed.say(if join.asked.plane { control_plane::DONE } else { node::DONE });
    Ok(())
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
    let asked = Asked::read(typed, &flags)?;
    let dry = flags.on("dry-run");
    let join = Join { typed, asked, dry, part, phase: phase.name, alone: true, found: OnceCell::new() };
    (phase.run)(&join).await.map_err(|why| join.failed(&why))
}

impl Join<'_> {
    /// Whether a part of the phase is to be done.
    fn wants(&self, part: &str) -> bool {
        let skipped = format!("{}/{part}", self.phase);
        self.part == "all" && !self.asked.skipped.contains(&skipped) || self.part == part
    }

    fn failed(&self, why: &str) -> String {
        match why.strip_prefix('/').and_then(|rest| rest.split_once(": ")) {
            Some((part, why)) => format!("error execution phase {}/{part}: {why}", self.phase),
            None => format!("error execution phase {}: {why}", self.phase),
        }
    }

    /// The cluster, found and believed when it is first asked for.
    async fn found(&self) -> Result<&Found, String> {
        let find = || async {
            let token = discovery::discover(self.typed, &self.asked).await?;
            let client = self.typed.call.inside.client.clone();
            let config = cluster::configuration(self.typed, &client, "preflight")?;
            Ok(Found { token, client, config })
        };
        self.found.get_or_try_init(find).await
    }
}
