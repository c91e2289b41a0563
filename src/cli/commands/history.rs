//! `kubedrill history`: what was done, and where the learner is weak.
//! What follows from attempts is progress's.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::home::Home;
use crate::app::offers::percent;
use crate::app::records;
use crate::cli::{Done, Output, output};
use crate::progress::standing::{By, Standing, standings};

/// How to tell it.
#[derive(Debug, Args)]
pub struct History {
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub fn run(asked: &History) -> Done {
    asked.output.refuse_junit()?;
    let home = Home::open(None)?;
    let history = records::read(&home.history())?;
    if !history.unreadable.is_empty() {
        let lines: Vec<String> = history.unreadable.iter().map(usize::to_string).collect();
        eprintln!("warning: {} has lines that cannot be read: {}", home.history().display(), lines.join(", "));
    }
    let candidates = home.candidates();
    let by = |by| standings(&history, &candidates, by, home.clock.now());
    let (domains, topics) = (by(By::Domain), by(By::Topic));
    if asked.output == Output::Json {
        let exams: Vec<_> = home
            .sittings()
            .iter()
            .map(|sitting| json!({ "exam": sitting.exam, "started": sitting.started, "ended": sitting.ended, "results": sitting.results }))
            .collect();
        output::json(&json!({ "attempts": history.attempts(), "exams": exams, "domains": domains, "topics": topics }));
        return Ok(ExitCode::SUCCESS);
    }
    if history.attempts().is_empty() {
        output::line(
            "No attempt is written down yet: that is done when a graded task is stopped. kubedrill next says where to begin.",
        );
        return Ok(ExitCode::SUCCESS);
    }
    let row = |attempt: &crate::progress::attempt::Attempt| {
        let score = format!("{} %", percent(attempt.earned, attempt.out_of));
        let time = format!("{} of {} min", (attempt.spent + 59) / 60, attempt.expected / 60);
        let exam = attempt.exam.clone().unwrap_or_default();
        vec![attempt.ended.strftime("%Y-%m-%d %H:%M").to_string(), attempt.scenario.clone(), score, time, exam]
    };
    output::table(
        &["WHEN (UTC)", "SCENARIO", "SCORE", "TIME", "EXAM"],
        history.attempts().iter().rev().map(row).collect(),
    );
    output::line("");
    standing_table("DOMAIN", &domains);
    output::line("");
    standing_table("TOPIC", &topics);
    Ok(ExitCode::SUCCESS)
}

fn standing_table(what: &str, standings: &[Standing]) {
    let row = |standing: &Standing| {
        let score = standing.score.map_or("–".to_owned(), |score| format!("{score:.0} %"));
        let weak = if standing.is_weak() { "weak" } else { "" };
        vec![standing.name.clone(), score, format!("{} of {}", standing.practised, standing.scenarios), weak.to_owned()]
    };
    let rows = standings.iter().map(row).collect();
    output::table(&[what, "SCORE", "PRACTISED", ""], rows);
}
