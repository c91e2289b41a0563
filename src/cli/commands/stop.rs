//! `kubedrill stop`: ends the open task and takes its cluster down.
//! What was graded stays in the history.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::control::Ask;
use crate::cli::open::Which;
use crate::cli::{Done, Output};

/// Which task.
#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    which: Which,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub async fn run(asked: &Stop) -> Done {
    asked.output.refuse_junit()?;
    asked.which.ask(Ask::Stop, |_| {}).await?;
    asked.output.done(&json!({ "stop": true }), "The task is over. What was set up for it is removed.");
    Ok(ExitCode::SUCCESS)
}
