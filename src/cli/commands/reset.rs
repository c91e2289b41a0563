//! `kubedrill reset`: brings the open task back to its beginning.
//! How, the lab knows.

use std::process::ExitCode;

use clap::Args;

use crate::app::control::Ask;
use crate::cli::open::Which;
use crate::cli::{Done, output};

/// Which task.
#[derive(Debug, Args)]
pub struct Reset {
    #[command(flatten)]
    which: Which,
}

/// Runs it.
pub async fn run(asked: &Reset) -> Done {
    asked.which.ask(Ask::Reset, |_| {}).await?;
    output::line("The task is as it was at its beginning; a shell in its folder is to be entered anew.");
    Ok(ExitCode::SUCCESS)
}
