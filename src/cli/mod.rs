//! Arguments, commands, output.
//! What a command does is the app's; here is how it is asked and told. One command, one file, one row.

mod called;
mod commands;
mod consent;
mod log;
mod open;
mod output;
mod packs;
mod room;
mod visit;

use std::process::ExitCode;

use clap::Parser;

use crate::app::error::AppError;
use crate::base::program;
use commands::Command;
pub use output::Output;

/// A practice room for the Certified Kubernetes Administrator exam, in the terminal.
///
/// Without a command it opens the practice room.
#[derive(Debug, Parser)]
#[command(name = "kubedrill", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What a command came to.
pub type Done = Result<ExitCode, AppError>;

/// Runs the program with its arguments.
pub fn main() -> ExitCode {
    if let Ok(file) = std::env::current_exe() {
        program::is(file);
    }
    if let Some(ended) = called::early() {
        return ended;
    }
    let arguments = Arguments::parse();
    if let Err(why) = log::begin() {
        eprintln!("warning: {why}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads to work with: {error}");
            return ExitCode::from(3);
        }
    };
    let done = runtime.block_on(commands::run(arguments.command));
    // What still runs in the background has nothing left to tell.
    runtime.shutdown_background();
    done.unwrap_or_else(|error| {
        eprintln!("error: {}: {}", error.what, error.why);
        if !error.hint.is_empty() {
            eprintln!("hint: {}", error.hint);
        }
        ExitCode::from(error.kind.exit_code())
    })
}
