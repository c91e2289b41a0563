//! `kubedrill pack`: write, check and prove packs.
//! The rules of packs are the scenario layer's, proving them is the app's.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;
use tokio::sync::watch;

use super::host;
use crate::app::error::{AppError, Kind};
use crate::app::home;
use crate::app::verify::{self, Plan, Proof};
use crate::base::seed::Seed;
use crate::base::topology::Etcd;
use crate::cli::consent::Consent;
use crate::cli::output::escaped;
use crate::cli::packs;
use crate::cli::{Done, Output, output};
use crate::cluster::Origin;
use crate::scenario::folder::Folder;
use crate::scenario::load::Scenario;
use crate::scenario::pack::Pack as Whole;
use crate::scenario::problem::{Severity, render};
use crate::scenario::{json_schema, lint};

/// What can be done with packs.
#[derive(Debug, Subcommand)]
pub enum Pack {
    /// Tell everything that is wrong with a pack, at once.
    Lint(Lint),
    /// Prove every scenario on a cluster.
    Verify(Verify),
    /// Print the JSON Schema of scenario.yaml, or of pack.yaml.
    Schema {
        /// The schema of pack.yaml.
        #[arg(long)]
        pack: bool,
    },
    /// Make a pack with one scenario that works, or add a scenario to one.
    New(packs::New),
    /// Copy a pack to where it is always found.
    Install {
        /// The pack's folder.
        folder: PathBuf,
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Show the packs at hand.
    List {
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
}

/// What to check.
#[derive(Debug, Args)]
pub struct Lint {
    /// The pack's folder.
    folder: PathBuf,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// How many proofs go on at once on a real cluster, which takes seconds to let go of a namespace.
const AT_ONCE: usize = 8;

/// What to prove, and where.
#[derive(Debug, Args)]
pub struct Verify {
    /// The pack's folder.
    folder: PathBuf,
    /// Only the scenarios with these names.
    #[arg(long = "scenario")]
    scenarios: Vec<String>,
    /// How many variants of each.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// embedded, kind or context:NAME.
    #[arg(long, default_value = "embedded")]
    cluster: String,
    /// What holds the objects of an embedded cluster: simulated, or real for the etcd of this machine.
    #[arg(long, default_value_t)]
    etcd: Etcd,
    /// How many proofs run at a time; when not given, two for each core, or eight on a real cluster.
    #[arg(long)]
    jobs: Option<usize>,
    #[command(flatten)]
    consent: Consent,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub async fn run(pack: Pack) -> Done {
    match pack {
        Pack::Lint(lint) => run_lint(&lint),
        Pack::Verify(verify) => run_verify(&verify).await,
        Pack::Schema { pack } => {
            output::json(&if pack { json_schema::pack() } else { json_schema::scenario() });
            Ok(ExitCode::SUCCESS)
        }
        Pack::New(new) => packs::new(&new),
        Pack::Install { folder, output } => packs::install(&folder, output),
        Pack::List { output } => packs::list(output),
    }
}

fn run_lint(asked: &Lint) -> Done {
    asked.output.refuse_junit()?;
    let problems = lint::lint(Folder::read(&asked.folder)?);
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    if asked.output == Output::Json {
        let rows: Vec<_> = problems
            .iter()
            .map(|problem| json!({ "severity": if problem.severity == Severity::Error { "error" } else { "warning" }, "code": problem.code, "file": problem.file, "at": problem.position(), "message": problem.message, "help": problem.help }))
            .collect();
        output::json(&rows);
    } else if problems.is_empty() {
        output::line("Nothing is wrong.");
    } else {
        let color = std::io::IsTerminal::is_terminal(&std::io::stdout()) && std::env::var_os("NO_COLOR").is_none();
        output::line(&render(&problems, color));
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        output::line(&format!("\n{}, {}", count(errors, "error"), count(problems.len() - errors, "warning")));
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(Kind::Pack.exit_code()) })
}

fn chosen(pack: &Whole, names: &[String]) -> Result<Vec<Arc<Scenario>>, AppError> {
    if names.is_empty() {
        return Ok(pack.scenarios.clone());
    }
    let missing =
        |name: &String| AppError::new(Kind::Usage, "nothing to prove", format!("the pack has no scenario {name:?}"));
    names.iter().map(|name| pack.scenario(name).cloned().ok_or_else(|| missing(name))).collect()
}

async fn run_verify(asked: &Verify) -> Done {
    let pack = home::sound_pack(&asked.folder)?;
    let origin: Origin = asked.cluster.parse()?;
    if asked.etcd == Etcd::Real && origin != Origin::Embedded {
        return Err(AppError::new(Kind::Usage, "nothing to prove", format!("{origin} has an etcd of its own"))
            .hint("--etcd is for the embedded cluster; leave it or --cluster out"));
    }
    asked.consent.to(&origin)?;
    let dir = tempfile::tempdir()
        .map_err(|error| AppError::new(Kind::Environment, "no folder to work in", error).hint("is the disk full?"))?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = asked.jobs.unwrap_or_else(|| if origin == Origin::Embedded { 2 * cores() } else { AT_ONCE });
    let seeds = (1..=asked.seeds.max(1)).map(Seed).collect();
    let (scenarios, dir) = (chosen(&pack, &asked.scenarios)?, dir.path().to_owned());
    let stop = stop();
    let plan = Plan { scenarios, seeds, origin, etcd: asked.etcd, speed: verify::SPEED, dir, jobs, stop };
    let proofs = verify::verify(&plan, |proof| {
        if asked.output == Output::Text {
            output::text(&told(proof));
        }
    })
    .await?;
    let failed = proofs.iter().filter(|proof| !proof.holds()).count();
    match asked.output {
        Output::Text => {
            let skipped = proofs.iter().filter(|proof| proof.skipped.is_some()).count();
            let proved = proofs.len() - failed - skipped;
            let again = proofs.iter().filter(|proof| !proof.first.is_empty() && proof.holds()).count();
            let again = if again == 0 { String::new() } else { format!(" ({again} at the second try)") };
            output::line(&format!("{proved} proved{again}, {failed} not proved, {skipped} skipped"));
        }
        Output::Json => output::json(&proofs),
        Output::Junit => output::text(&junit(&asked.folder, &proofs)),
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(Kind::Pack.exit_code()) })
}

/// Tells when this process is to end. Who wants that twice does not want to wait.
fn stop() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        host::ended().await;
        eprintln!("stopping: what was laid is taken away; Ctrl-C once more leaves it there");
        let _ = stop.send(true);
        host::ended().await;
        std::process::exit(130);
    });
    stopped
}

fn told(proof: &Proof) -> String {
    let mark = match (&proof.skipped, proof.holds()) {
        (Some(_), _) => "skipped",
        (None, true) => "proved",
        (None, false) => "NOT PROVED",
    };
    let again = if proof.first.is_empty() { "" } else { ", at the second try, alone" };
    let mut text = format!(
        "{mark:<10} {} seed {} ({} claims, {:.1} s{again})\n",
        proof.scenario,
        proof.seed.0,
        proof.claims.len(),
        proof.seconds
    );
    if let Some(why) = &proof.skipped {
        text.push_str(&format!("           {why}\n"));
    }
    for claim in &proof.claims {
        if let Some(failure) = &claim.failure {
            text.push_str(&format!("           {}: {failure}\n", claim.claim));
        }
    }
    text
}

fn junit(folder: &Path, proofs: &[Proof]) -> String {
    let failures = proofs.iter().flat_map(|proof| &proof.claims).filter(|claim| claim.failure.is_some()).count();
    let tests: usize = proofs.iter().map(|proof| proof.claims.len()).sum();
    let mut text = format!(
        "<testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\">\n",
        escaped(&folder.to_string_lossy())
    );
    for proof in proofs {
        for claim in &proof.claims {
            let head = format!(
                "  <testcase classname=\"{} seed {}\" name=\"{}\"",
                escaped(&proof.scenario),
                proof.seed.0,
                escaped(&claim.claim)
            );
            match &claim.failure {
                Some(failure) => {
                    text.push_str(&format!("{head}><failure message=\"{}\"/></testcase>\n", escaped(failure)))
                }
                None => text.push_str(&format!("{head}/>\n")),
            }
        }
    }
    text + "</testsuite>\n"
}
