//! `kubeadm`: a cluster's certificates, tokens, upgrades and members, as the real one of the node's package does it on the node's files.
//! A subcommand is a file here and a row. Source: `cmd/kubeadm/app` of Kubernetes 1.35.

mod addons;
mod certificates;
mod certs;
mod cluster;
mod config;
mod configuration;
mod init;
mod join;
mod kubeconfig;
mod manifests;
mod preflight;
mod registration;
mod release;
mod requests;
mod reset;
mod service;
mod table;
mod token;
mod upgrade;
mod validation;
mod version;

use std::time::Duration;

use std::fmt::Display;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::base::clock::Clock;
use crate::sim::machine::packages::program_version;
use crate::sim::machine::root::Root;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

/// What a subcommand comes to; an error is what stands after `error: `.
type Done = Result<(), String>;

/// A subcommand.
struct Subcommand {
    name: &'static str,
    about: &'static str,
    run: for<'a> fn(&'a mut Typed) -> BoxFuture<'a, Done>,
}

/// Every subcommand.
static SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        name: "certs",
        about: "Look at certificates and renew them",
        run: |typed| Box::pin(certs::run(typed)),
    },
    Subcommand {
        name: "config",
        about: "Print configurations, list and pull images",
        run: |typed| Box::pin(config::run(typed)),
    },
    Subcommand { name: "init", about: "Set up the control plane", run: |typed| Box::pin(init::run(typed)) },
    Subcommand { name: "join", about: "Join this machine to a cluster", run: |typed| Box::pin(join::run(typed)) },
    Subcommand { name: "kubeconfig", about: "Print kubeconfig files", run: |typed| Box::pin(kubeconfig::run(typed)) },
    Subcommand { name: "reset", about: "Take back what init or join did", run: |typed| Box::pin(reset::run(typed)) },
    Subcommand { name: "token", about: "Manage bootstrap tokens", run: |typed| Box::pin(token::run(typed)) },
    Subcommand {
        name: "upgrade",
        about: "Upgrade the cluster to a newer version",
        run: |typed| Box::pin(upgrade::run(typed)),
    },
    Subcommand { name: "version", about: "Print the version of kubeadm", run: |typed| Box::pin(version::run(typed)) },
];

/// Flags of every subcommand.
static GLOBAL: Known = &[("help", 'h', false), ("rootfs", '\0', true), ("v", 'v', true), ("vmodule", '\0', true)];

/// A line of kubeadm being run: the call, and the words that are left of it.
pub(super) struct Typed {
    call: Call,
    words: Vec<String>,
    /// What was typed so far, such as `kubeadm token`.
    path: String,
}

impl Typed {
    /// Takes the next word off that is no flag.
    fn next(&mut self) -> Option<String> {
        let at = self.words.iter().position(|word| !word.starts_with('-'))?;
        Some(self.words.remove(at))
    }

    /// Takes the next word off, which has to be one of these.
    fn subcommand(&mut self, known: &[&str]) -> Result<String, String> {
        let Some(word) = self.next() else {
            if self.words.iter().any(|word| word == "-h" || word == "--help") {
                self.call.say(format_args!("Usage:\n  {} [command]\n\nAvailable Commands:", self.path));
                known.iter().for_each(|name| self.call.say(format_args!("  {name}")));
                return Err(String::new());
            }
            return Err("subcommand is required".to_owned());
        };
        if !known.contains(&word.as_str()) {
            return Err(format!("unknown command {word:?} for {:?}", self.path));
        }
        self.path = format!("{} {word}", self.path);
        Ok(word)
    }

    /// Reads the flags.
    fn flags(&self, known: Known) -> Result<Flags, String> {
        let flags = Flags::read(&self.words, &[known, GLOBAL])?;
        if flags.on("help") {
            self.call.say(format_args!("Usage:\n  {} [flags]\n\nFlags:", self.path));
            for (name, _, takes) in known {
                self.call.say(format_args!("      --{name}{}", if *takes { " string" } else { "" }));
            }
            return Err(String::new());
        }
        Ok(flags)
    }

    /// Writes a line.
    fn say(&self, line: impl Display) {
        self.call.say(line);
    }

    /// The node's files.
    fn root(&self) -> Result<&Root, String> {
        self.call.files().map_err(|error| error.to_string())
    }

    /// The version of this kubeadm, such as `v1.35.4`.
    fn version(&self) -> Result<String, String> {
        program_version(self.root()?, "kubeadm").ok_or_else(|| "kubeadm is not installed".to_owned())
    }

    /// Prints an object as `-o` asks for it: as JSON, as YAML, or as text.
    fn output(&self, flags: &Flags, object: &Value, text: impl FnOnce() -> String) -> Done {
        match flags.get("output").unwrap_or("text") {
            "text" => self.call.print(text()),
            "json" => self.call.print(configuration::json(object)?),
            "yaml" => self.call.print(configuration::yaml(object)?),
            other => return Err(table::no_printer(other)),
        }
        Ok(())
    }

    /// Waits so long by the cluster's clock, and a moment by the wall's: on a fast clock the others need it to get anywhere.
    async fn pause(&self, long: Duration) {
        let (cluster, wall) = (self.call.inside.client.clock(), Clock::system());
        tokio::join!(cluster.sleep(long), wall.sleep(MOMENT));
    }

    /// The cluster's time.
    fn now(&self) -> jiff::Timestamp {
        self.call.inside.client.clock().now()
    }
}

/// The least that is waited before something is looked at again.
const MOMENT: Duration = Duration::from_millis(200);

/// Runs it.
pub async fn run(call: Call) -> u8 {
    if call.files().ok().and_then(|root| program_version(root, "kubeadm")).is_none() {
        call.complain("bash: kubeadm: command not found");
        return 127;
    }
    let mut words = call.args().to_vec();
    let at = words.iter().position(|word| !word.starts_with('-'));
    let Some(name) = at.map(|at| words.remove(at)) else {
        call.say("Usage:\n  kubeadm [command]\n\nAvailable Commands:");
        SUBCOMMANDS.iter().for_each(|one| call.say(format_args!("  {:<12}{}", one.name, one.about)));
        return 0;
    };
    let mut typed = Typed { call, words, path: format!("kubeadm {name}") };
    let done = match SUBCOMMANDS.iter().find(|one| one.name == name) {
        Some(found) => (found.run)(&mut typed).await,
        None => Err(format!("unknown command {name:?} for \"kubeadm\"")),
    };
    match done {
        Ok(()) => 0,
        // Help was asked for.
        Err(why) if why.is_empty() => 0,
        Err(why) => {
            typed.call.complain(format_args!(
                "error: {why}\nTo see the stack trace of this error execute with --v=5 or higher"
            ));
            1
        }
    }
}
