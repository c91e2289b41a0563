//! `kubedrill solve`: the solutions of the open task, and doing the first.
//! What a solution is, the pack says.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::control::{Ask, Say};
use crate::cli::open::{Which, strange};
use crate::cli::{Done, Output, output};

/// Of which task.
#[derive(Debug, Args)]
pub struct Solve {
    #[command(flatten)]
    which: Which,
    /// Do what the first solution says.
    #[arg(long)]
    apply: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub async fn run(asked: &Solve) -> Done {
    asked.output.refuse_junit()?;
    let Say::Solution { text } = asked.which.ask(Ask::Solve { apply: asked.apply }, |_| {}).await? else {
        return Err(strange());
    };
    match asked.output {
        Output::Json => output::json(&json!({ "solution": text, "applied": asked.apply })),
        _ => output::line(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}
