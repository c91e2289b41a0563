//! `kubedrill grade`: what holds in the open task, what does not, and why. Exit 0 only at full marks.
//! Grading itself is done where the task is driven.

use std::process::ExitCode;

use clap::Args;

use crate::app::control::{Ask, Say};
use crate::cli::open::{Which, strange};
use crate::cli::output::escaped;
use crate::cli::{Done, Output, output};
use crate::grading::report::{CheckResult, Report, Verdict};

/// What to grade.
#[derive(Debug, Args)]
pub struct Grade {
    #[command(flatten)]
    which: Which,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub async fn run(asked: &Grade) -> Done {
    let Say::Graded { report, explain, docs } = asked.which.ask(Ask::Grade, |_| {}).await? else {
        return Err(strange());
    };
    match asked.output {
        Output::Json => output::json(&report),
        Output::Junit => output::text(&junit(&report)),
        Output::Text => {
            output::text(&text(&report));
            if report.full_marks() && !explain.is_empty() {
                output::line(&format!("\n{}", explain.trim_end()));
            }
            for page in &docs {
                output::line(&format!("  {page}"));
            }
        }
    }
    Ok(match (&report.ungraded, report.full_marks()) {
        (Some(_), _) => ExitCode::from(3),
        (None, true) => ExitCode::SUCCESS,
        (None, false) => ExitCode::from(1),
    })
}

fn mark(result: &CheckResult) -> &'static str {
    match &result.verdict {
        Verdict::Pass if result.counts() => "ok    ",
        Verdict::Pass => "waits ",
        Verdict::Fail { .. } => "FAILED",
        Verdict::Broken { .. } => "BROKEN",
    }
}

/// The report for people.
fn text(report: &Report) -> String {
    let mut text = String::new();
    for result in &report.results {
        let points = match (result.guard, result.earned) {
            (true, cost) if cost < 0 => cost.to_string(),
            (true, _) => "guard".to_owned(),
            (false, earned) => format!("{earned}/{}", result.points),
        };
        text.push_str(&format!("{}  {points:>5}  {}\n", mark(result), result.name));
        match &result.verdict {
            Verdict::Fail { findings } => {
                for finding in findings {
                    text.push_str(&format!("               {}\n", finding.text));
                }
            }
            Verdict::Broken { why } => text.push_str(&format!("               {why}\n")),
            Verdict::Pass if !result.waits_for.is_empty() => {
                text.push_str(&format!("               pays once this holds: {}\n", result.waits_for.join("; ")));
            }
            Verdict::Pass => {}
        }
    }
    match &report.ungraded {
        Some(why) => text.push_str(&format!("\nnot graded: {why}\n")),
        None => text.push_str(&format!("\n{} of {} points\n", report.earned, report.out_of)),
    }
    text
}

fn junit(report: &Report) -> String {
    let count = |wanted: fn(&Verdict) -> bool| report.results.iter().filter(|result| wanted(&result.verdict)).count();
    let failures = report.results.iter().filter(|result| !result.counts()).count();
    let errors = count(|verdict| matches!(verdict, Verdict::Broken { .. }));
    let mut text = format!(
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{errors}\">\n",
        escaped(&report.scenario),
        report.results.len(),
        failures - errors,
    );
    for result in &report.results {
        let head =
            format!("  <testcase classname=\"{}\" name=\"{}\"", escaped(&report.scenario), escaped(&result.name));
        let inner = match &result.verdict {
            Verdict::Fail { findings } => {
                let told: Vec<&str> = findings.iter().map(|finding| finding.text.as_str()).collect();
                format!("><failure message=\"{}\"/></testcase>", escaped(&told.join("; ")))
            }
            Verdict::Broken { why } => format!("><error message=\"{}\"/></testcase>", escaped(why)),
            Verdict::Pass if !result.counts() => {
                format!("><failure message=\"waits for {}\"/></testcase>", escaped(&result.waits_for.join("; ")))
            }
            Verdict::Pass => "/>".to_owned(),
        };
        text.push_str(&format!("{head}{inner}\n"));
    }
    text + "</testsuite>\n"
}
