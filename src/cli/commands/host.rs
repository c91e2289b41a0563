//! `kubedrill host`: drives a task or a cluster in the background, and answers for it on a socket. Started by `start` and `cluster up`.
//! What it answers stands in the app's `host` and `own`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, ExitCode, Stdio};
use std::sync::Arc;

use clap::Subcommand;

use super::cluster::Up;
use crate::app::control::{self, Status};
use crate::app::driver::{Driver, Nobody};
use crate::app::error::{AppError, Kind};
use crate::app::home::Home;
use crate::app::host::TaskHost;
use crate::app::own::{self, ClusterHost};
use crate::app::records::unwritable;
use crate::base::dirs::Dirs;
use crate::base::files;
use crate::base::seed::Seed;
use crate::cli::Done;
use crate::cluster::Origin;
use crate::exam::event::Command;

/// What to drive.
#[derive(Debug, Subcommand)]
pub enum Host {
    /// A task.
    Task {
        scenario: String,
        #[arg(long)]
        seed: u64,
        #[arg(long)]
        cluster: String,
    },
    /// A cluster without a task.
    Cluster(Up),
}

/// What the parent is told, as one line.
type Ready = Result<Status, AppError>;

/// Starts a host in the background and waits until it is ready.
pub fn spawn(dirs: &Dirs, args: &[String]) -> Ready {
    let failed = |why: String| AppError::new(Kind::Environment, "nothing starts in the background", why);
    let log = dirs.state.join("host.log");
    files::private_dir(&dirs.state).map_err(|error| unwritable(&dirs.state, &error))?;
    let file =
        std::fs::OpenOptions::new().create(true).append(true).open(&log).map_err(|error| unwritable(&log, &error))?;
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut process = Process::new(program);
    process.arg("host").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
    let mut child = process.spawn().map_err(|error| failed(error.to_string()))?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line).map_err(|error| failed(error.to_string()))?;
    }
    let ready: Ready = serde_json::from_str(&line)
        .map_err(|_| failed("it ended at once".to_owned()).hint(format!("{} may say why", log.display())))?;
    ready
}

/// Runs it.
pub async fn run(asked: Host) -> Done {
    // In a session of its own it outlives the terminal it was started from; a leader already is alone.
    let _ = rustix::process::setsid();
    let hosted = match asked {
        Host::Task { scenario, seed, cluster } => task(&scenario, Seed(seed), &cluster).await,
        Host::Cluster(up) => cluster(&up).await,
    };
    match hosted {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tell(&Err(error.clone()));
            Err(error)
        }
    }
}

fn tell(ready: &Ready) {
    let mut out = std::io::stdout().lock();
    let line = serde_json::to_string(ready).unwrap_or_default();
    // Who started this may be gone.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Waits until this process is to end: by a signal, Ctrl-C, or because its terminal is closed.
pub(super) async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    if signals.is_empty() {
        return std::future::pending().await;
    }
    let came = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures::future::select_all(came).await;
}

async fn task(scenario: &str, seed: Seed, cluster: &str) -> Result<(), AppError> {
    let (home, name) = Home::with(scenario)?;
    let origin: Origin = cluster.parse()?;
    let driver = Arc::new(home.practise(&name, Some(seed), &origin)?);
    if let Err(error) = driver.run(Command::Open(0), &Nobody).await {
        let _ = driver.run(Command::Stop, &Nobody).await;
        return Err(error);
    }
    let listener = control::listen(driver.dir()).map_err(|error| unwritable(driver.dir(), &error))?;
    let host = Arc::new(TaskHost { driver: driver.clone(), screen: None });
    let status = host.status(0).await?;
    tell(&Ok(status));
    tokio::select! {
        () = control::serve(listener, host) => Ok(()),
        () = beat(&driver) => Ok(()),
        () = ended() => driver.run(Command::Stop, &Nobody).await,
    }
}

/// Writes down each minute that the practice goes on.
async fn beat(driver: &Driver) {
    loop {
        driver.home.clock.sleep(std::time::Duration::from_secs(60)).await;
        if let Err(error) = driver.command(Command::Beat) {
            tracing::warn!("{error}");
        }
    }
}

async fn cluster(up: &Up) -> Result<(), AppError> {
    let host = Arc::new(ClusterHost::start(&up.wish()?).await?);
    let listener = control::listen(host.dir()).map_err(|error| unwritable(host.dir(), &error))?;
    tell(&Ok(host.status()));
    tokio::select! {
        // It was closed by whoever said stop, and another of its name may be up by now.
        () = control::serve(listener, host.clone()) => Ok(()),
        () = ended() => own::close(&host).await,
    }
}
