//! `kubedrill start`: practise a scenario, on the screen or with its cluster in the background.
//! What runs in the background is `host`'s.

use std::process::ExitCode;

use clap::Args;

use super::host;
use crate::app::control::Status;
use crate::app::home::Home;
use crate::cli::consent::Consent;
use crate::cli::{Done, Output, output, room};
use crate::cluster::Origin;
use crate::tui::desk::Opening;

/// What to practise, and where.
#[derive(Debug, Args)]
pub struct Start {
    /// A scenario's name, its id `pack/name`, or its folder.
    scenario: String,
    /// Which variant; drawn when not given.
    #[arg(long)]
    seed: Option<u64>,
    /// embedded, kind or context:NAME.
    #[arg(long, default_value = "embedded")]
    cluster: String,
    /// Leave the cluster running in the background, print where it is, and return.
    #[arg(long)]
    headless: bool,
    #[command(flatten)]
    consent: Consent,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub async fn run(asked: Start) -> Done {
    asked.output.refuse_junit()?;
    let (home, name) = Home::with(&asked.scenario)?;
    let scenario = home.scenario(&name)?;
    let origin: Origin = asked.cluster.parse()?;
    crate::app::sessions::need_kubectl()?;
    asked.consent.to(&origin)?;
    if !asked.headless {
        let opening = Opening::Practise { scenario: scenario.id(), seed: asked.seed };
        return room::open(home, origin, opening).await;
    }
    // Drawn here first, so that a pack at fault is told here.
    let seed = asked.seed.unwrap_or_else(|| crate::base::seed::Seed::random().0);
    scenario.variant(crate::base::seed::Seed(seed))?;
    let mut args = vec!["task".to_owned(), asked.scenario.clone(), "--seed".to_owned(), seed.to_string()];
    args.extend(["--cluster".to_owned(), origin.to_string()]);
    let status = host::spawn(&home.dirs, &args)?;
    tell(&status, asked.output);
    Ok(ExitCode::SUCCESS)
}

fn tell(status: &Status, form: Output) {
    if form == Output::Json {
        return output::json(status);
    }
    let seed = status.seed.map(|seed| seed.0).unwrap_or_default();
    let work = status.work.as_ref().map(|work| work.display().to_string()).unwrap_or_default();
    output::line(&format!("{} ({}, seed {seed})\n\n{}\n", status.title, status.name, status.task.trim_end()));
    output::line(&format!("  export KUBECONFIG={}", status.kubeconfig.display()));
    output::line(&format!("  cd {work}\n"));
    output::line(&format!(
        "The API server is {}. kubedrill grade says what holds; kubedrill stop ends it.",
        status.server
    ));
}
