//! `kubedrill cluster`: a cluster of one's own, without a task.
//! Running it is the app's.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::host;
use crate::app::control::{self, Ask, Say, Status};
use crate::app::error::{AppError, Kind};
use crate::app::home;
use crate::app::own::{self, ClusterHost, OwnWish};
use crate::app::records::unwritable;
use crate::base::topology::{Etcd, Topology};
use crate::cli::open::strange;
use crate::cli::{Done, Output, output};

/// What can be done with clusters.
#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// Start one.
    Up(Up),
    /// End it.
    Down {
        #[arg(long, default_value = "default")]
        name: String,
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Bring it back to how it was when it started.
    Reset {
        #[arg(long, default_value = "default")]
        name: String,
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Show those that are up.
    List {
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
}

/// What kind of cluster.
#[derive(Clone, Debug, Args)]
pub struct Up {
    /// What it is called.
    #[arg(long, default_value = "default")]
    name: String,
    /// Nodes, the control plane included.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    nodes: u8,
    /// More machines, which have not joined the cluster.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=5))]
    blank: u8,
    /// The Kubernetes version: 1.34 for its newest patch release, or 1.34.2.
    #[arg(long, default_value = "1.35")]
    kubernetes: String,
    /// What holds its objects: simulated, or real for the etcd of this machine (Debian: etcd-server and etcd-client).
    #[arg(long, default_value_t)]
    etcd: Etcd,
    /// The API server's port on loopback; 0 for any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How many seconds pass in the cluster in one real second.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Write the kubeconfig here, too.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// Leave it running in the background and return.
    #[arg(long)]
    detach: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

impl Up {
    /// What is asked of the app.
    pub fn wish(&self) -> Result<OwnWish, AppError> {
        let wrong =
            |why: String, hint: &str| Err(AppError::new(Kind::Usage, "no such cluster can be started", why).hint(hint));
        if crate::cluster::release(&self.kubernetes).is_none() {
            return wrong(
                format!("there is no Kubernetes {} here", self.kubernetes),
                "leave --kubernetes out for 1.35; 1.33 to 1.36 are known",
            );
        }
        if !(0.1..=1000.0).contains(&self.speed) {
            return wrong(format!("a speed of {} is too slow or too fast", self.speed), "--speed takes 0.1 to 1000");
        }
        if !crate::scenario::load::is_name(&self.name) {
            return wrong(
                format!("{:?} is no name", self.name),
                "use at most 63 lower case letters, digits and -, with no - at either end",
            );
        }
        if self.kubeconfig.as_deref().is_some_and(is_users_own) {
            return wrong("~/.kube/config is never written".to_owned(), "name another file, and set KUBECONFIG to it");
        }
        Ok(OwnWish {
            name: self.name.clone(),
            topology: Topology {
                kubernetes: self.kubernetes.clone(),
                workers: self.nodes - 1,
                blank: self.blank,
                etcd: self.etcd,
            },
            port: self.port,
            speed: self.speed,
            kubeconfig: self.kubeconfig.clone(),
        })
    }

    fn args(&self) -> Vec<String> {
        let mut args = vec!["cluster".to_owned()];
        let mut give = |name: &str, value: String| args.extend([format!("--{name}"), value]);
        give("name", self.name.clone());
        give("nodes", self.nodes.to_string());
        give("blank", self.blank.to_string());
        give("kubernetes", self.kubernetes.clone());
        give("etcd", self.etcd.to_string());
        give("port", self.port.to_string());
        give("speed", self.speed.to_string());
        if let Some(file) = &self.kubeconfig {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            give("kubeconfig", file.to_string_lossy().into_owned());
        }
        args
    }
}

fn is_users_own(file: &std::path::Path) -> bool {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    std::env::var_os("HOME").is_some_and(|home| file == PathBuf::from(home).join(".kube/config"))
}

/// Runs it.
pub async fn run(asked: Cluster) -> Done {
    match asked {
        Cluster::Up(up) => run_up(&up).await,
        Cluster::Down { name, output } => {
            output.refuse_junit()?;
            own::ask(&name, Ask::Stop).await?;
            output.done(&json!({ "down": name }), &format!("The cluster {name} is gone."));
            Ok(ExitCode::SUCCESS)
        }
        Cluster::Reset { name, output } => {
            output.refuse_junit()?;
            own::ask(&name, Ask::Reset).await?;
            output.done(&json!({ "reset": name }), &format!("The cluster {name} is as it was when it started."));
            Ok(ExitCode::SUCCESS)
        }
        Cluster::List { output } => list(output).await,
    }
}

async fn run_up(up: &Up) -> Done {
    up.output.refuse_junit()?;
    let wish = up.wish()?;
    if up.detach {
        let status = host::spawn(&home::dirs()?, &up.args())?;
        tell(&status, up.output, &format!("kubedrill cluster down{} ends it.", named(&up.name)));
        return Ok(ExitCode::SUCCESS);
    }
    let host = Arc::new(ClusterHost::start(&wish).await?);
    let listener = control::listen(host.dir()).map_err(|error| unwritable(host.dir(), &error))?;
    tell(&host.status(), up.output, "Ctrl-C ends it.");
    tokio::select! {
        // It was closed by whoever said stop, and another of its name may be up by now.
        () = control::serve(listener, host.clone()) => {}
        () = host::ended() => own::close(&host).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn named(name: &str) -> String {
    if name == "default" { String::new() } else { format!(" --name {name}") }
}

fn tell(status: &Status, form: Output, ending: &str) {
    if form == Output::Json {
        return output::json(status);
    }
    output::line(&format!("The cluster {} is up at {}: {}.\n", status.name, status.server, status.title));
    output::line(&format!("  export KUBECONFIG={}\n\n{ending}", status.kubeconfig.display()));
}

async fn list(form: Output) -> Done {
    form.refuse_junit()?;
    let mut all = Vec::new();
    for name in own::up()? {
        match own::ask(&name, Ask::Status).await? {
            Say::Status(status) => all.push(*status),
            _ => return Err(strange()),
        }
    }
    if form == Output::Json {
        output::json(&all);
    } else if all.is_empty() {
        output::line("No cluster is up. kubedrill cluster up --detach starts one.");
    } else {
        let row =
            |status: &Status| vec![status.name.clone(), status.server.clone(), status.kubeconfig.display().to_string()];
        output::table(&["NAME", "SERVER", "KUBECONFIG"], all.iter().map(row).collect());
    }
    Ok(ExitCode::SUCCESS)
}
