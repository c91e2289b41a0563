//! `kubedrill stop`: ends the open task and takes its cluster down.
//! What was graded stays in the history.

use std::process::ExitCode;

use clap::Args;

use crate::app::control::Ask;
use crate::cli::open::Which;
use crate::cli::{Done, output};

/// Which task.
#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    which: Which,
}

/// Runs it.
pub async fn run(asked: &Stop) -> Done {
    asked.which.ask(Ask::Stop, |_| {}).await?;
    output::line("The task is over and its cluster is gone.");
    Ok(ExitCode::SUCCESS)
}
