//! Printing: text for people, JSON for programs.
//! A reader that hangs up (as `head` does) is no error.

use std::io::{ErrorKind, Write, stdout};

use clap::ValueEnum;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::app::error::{AppError, Kind};

/// The form a command prints in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    #[default]
    Text,
    Json,
    /// JUnit XML, of grade and pack verify only.
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

impl Output {
    /// Tells that something was done: in a sentence, or as data.
    pub fn done(self, data: &impl Serialize, sentence: &str) {
        match self {
            Self::Json => json(data),
            _ => line(sentence),
        }
    }

    /// Says so where there is no JUnit to be had.
    pub fn refuse_junit(self) -> Result<(), AppError> {
        if self == Self::Junit {
            return Err(AppError::new(
                Kind::Usage,
                "there is no such output",
                "only grade and pack verify print junit",
            )
            .hint("use -o text or -o json"));
        }
        Ok(())
    }
}

/// Prints columns, each as wide as its widest cell.
pub fn table(head: &[&str], rows: Vec<Vec<String>>) {
    let mut all = vec![head.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()];
    all.extend(rows);
    let width =
        |column: usize| all.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut printed = String::new();
    for row in &all {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width().min(*width))));
        printed.push_str(cells.collect::<Vec<_>>().join("   ").trim_end());
        printed.push('\n');
    }
    text(&printed);
}

/// Text as XML has it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
