//! `kubedrill ssh`: into a node. Refused for now: simulated nodes have no inside yet.
//! The capability `node-shell` says the same to scenarios.

use clap::Args;

use crate::app::error::{AppError, Kind};
use crate::cli::Done;

/// Which node.
#[derive(Debug, Args)]
pub struct Ssh {
    /// The node.
    node: String,
    /// What to run there.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Runs it.
pub fn run(asked: &Ssh) -> Done {
    let _ = &asked.command;
    Err(AppError::new(
        Kind::Environment,
        format!("{} cannot be entered", asked.node),
        "simulated nodes have no inside yet",
    )
    .hint("kubectl describe node shows what is known of it from outside"))
}
