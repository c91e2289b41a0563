//! `kubedrill hint`: the next hint for the open task.
//! Which one is next, the session knows.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::control::{Ask, Say};
use crate::cli::open::{Which, strange};
use crate::cli::{Done, Output, output};

/// For which task.
#[derive(Debug, Args)]
pub struct Hint {
    #[command(flatten)]
    which: Which,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub async fn run(asked: &Hint) -> Done {
    asked.output.refuse_junit()?;
    let Say::Hint { number, of, text } = asked.which.ask(Ask::Hint, |_| {}).await? else { return Err(strange()) };
    match asked.output {
        Output::Json => output::json(&json!({ "number": number, "of": of, "text": text })),
        _ => output::line(&format!("Hint {number} of {of}: {}", text.trim_end())),
    }
    Ok(ExitCode::SUCCESS)
}
