//! `kubedrill next`: the scenario to do now.
//! Which it is, progress knows.

use std::process::ExitCode;

use clap::Args;

use crate::app::error::{AppError, Kind};
use crate::app::home::Home;
use crate::cli::{Done, Output, output};
use crate::cluster::Origin;
use crate::progress::next::Reason;

/// How to tell it.
#[derive(Debug, Args)]
pub struct Next {
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub fn run(asked: &Next) -> Done {
    asked.output.refuse_junit()?;
    let home = Home::open(None)?;
    let suggestions = home.suggestions(&Origin::Embedded)?;
    let first = suggestions.first().ok_or_else(|| {
        AppError::new(Kind::Usage, "there is nothing to do", "no scenario can be done on the embedded cluster")
            .hint("kubedrill pack install FOLDER adds more")
    })?;
    if asked.output == Output::Json {
        output::json(first);
        return Ok(ExitCode::SUCCESS);
    }
    let why = match first.reason {
        Reason::Due { remembered } => format!("it is due again: remembered with {:.0} %", 100.0 * remembered),
        Reason::New => "it is new, in the domain that would cost most in the exam".to_owned(),
        Reason::Later { due } => format!("nothing is due before {}", due.strftime("%-d %B %Y")),
    };
    output::line(&format!("{}\n  {why}\n  kubedrill start {}", first.scenario, first.scenario));
    Ok(ExitCode::SUCCESS)
}
