//! `kubedrill man`: the manual page.
//! clap knows what stands in it.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::app::error::{AppError, Kind};
use crate::cli::{Arguments, Done, output};

/// Runs it.
pub fn run() -> Done {
    let mut text = Vec::new();
    clap_mangen::Man::new(Arguments::command())
        .render(&mut text)
        .map_err(|error| AppError::new(Kind::Environment, "the manual cannot be written", error))?;
    output::text(&String::from_utf8_lossy(&text));
    Ok(ExitCode::SUCCESS)
}
