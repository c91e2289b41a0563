//! Printing: text for people, JSON for programs.
//! A reader that hangs up (as `head` does) is no error.

use std::io::{ErrorKind, Write, stdout};

use clap::ValueEnum;
use serde::Serialize;

/// The form a command prints in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    #[default]
    Text,
    Json,
    Junit,
}

/// Prints text.
pub fn text(text: &str) {
    let mut out = stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        eprintln!("error: cannot print: {error}");
    }
}

/// Prints a line.
pub fn line(line: &str) {
    text(&format!("{line}\n"));
}

/// Prints JSON.
pub fn json(value: &impl Serialize) {
    line(&serde_json::to_string_pretty(value).unwrap_or_default());
}
