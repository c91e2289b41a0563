//! `kubedrill reset`: brings the open task back to its beginning.
//! How, the lab knows.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::control::Ask;
use crate::cli::open::Which;
use crate::cli::{Done, Output};

/// Which task.
#[derive(Debug, Args)]
pub struct Reset {
    #[command(flatten)]
    which: Which,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub async fn run(asked: &Reset) -> Done {
    asked.output.refuse_junit()?;
    asked.which.ask(Ask::Reset, |_| {}).await?;
    asked.output.done(
        &json!({ "reset": true }),
        "The task is set up anew. In a shell that is in its folder, type: cd \"$PWD\"",
    );
    Ok(ExitCode::SUCCESS)
}
