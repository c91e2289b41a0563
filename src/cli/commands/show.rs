//! `kubedrill show`: a task's text, drawn from a seed.
//! Drawing it is the scenario layer's.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::home::Home;
use crate::base::seed::Seed;
use crate::cli::{Done, Output, output};

/// What to show.
#[derive(Debug, Args)]
pub struct Show {
    /// A scenario's name, its id `pack/name`, or its folder.
    scenario: String,
    /// Which variant.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub fn run(asked: &Show) -> Done {
    asked.output.refuse_junit()?;
    let (home, name) = Home::with(&asked.scenario)?;
    let variant = home.scenario(&name)?.variant(Seed(asked.seed))?;
    if asked.output == Output::Json {
        output::json(&json!({
            "id": variant.id(), "title": variant.title, "seed": asked.seed, "domain": variant.domain, "topics": variant.topics,
            "difficulty": variant.difficulty, "minutes": variant.minutes, "task": variant.task, "params": variant.params,
            "requires": variant.requires, "docs": variant.docs,
        }));
    } else {
        let head = format!("{} ({}, seed {}, {} min)", variant.title, variant.id(), asked.seed, variant.minutes);
        output::line(&format!("{head}\n\n{}", variant.task.trim_end()));
    }
    Ok(ExitCode::SUCCESS)
}
