//! `kubedrill doctor`: what this machine can do, and how to get what it lacks.
//! Looking is the app's.

use std::process::ExitCode;

use clap::Args;

use crate::app::diagnosis::{self, Finding, State};
use crate::cli::{Done, Output, output};

/// How to tell it.
#[derive(Debug, Args)]
pub struct Doctor {
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub async fn run(asked: &Doctor) -> Done {
    asked.output.refuse_junit()?;
    let mut findings = diagnosis::examine().await;
    findings.push(terminal());
    if asked.output == Output::Json {
        output::json(&findings);
    } else {
        for finding in &findings {
            let mark = match finding.state {
                State::Good => "ok     ",
                State::Lacking => "lacking",
                State::Bad => "BAD    ",
            };
            output::line(&format!("{mark}  {:<17} {}", finding.what, finding.found));
            if !finding.remedy.is_empty() {
                output::line(&format!("{:27}{}", "", finding.remedy));
            }
        }
    }
    let bad = findings.iter().any(|finding| finding.state == State::Bad);
    Ok(if bad { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

fn terminal() -> Finding {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns >= 80 && rows >= 24 => Finding::good("terminal", format!("{columns} by {rows}")),
        Ok((columns, rows)) => Finding::lacking(
            "terminal",
            format!("{columns} by {rows}"),
            "the room wants 80 by 24; make the window larger",
        ),
        Err(_) => Finding::lacking("terminal", "none", "the room needs one; --headless practises without"),
    }
}
