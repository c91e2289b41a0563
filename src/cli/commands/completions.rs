//! `kubedrill completions`: what a shell needs to complete our words.
//! clap knows them.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::{Arguments, Done, output};

/// For which shell.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

/// Runs it.
pub fn run(asked: &Completions) -> Done {
    let mut text = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "kubedrill", &mut text);
    output::text(&String::from_utf8_lossy(&text));
    Ok(ExitCode::SUCCESS)
}
