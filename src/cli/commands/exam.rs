//! `kubedrill exam`: sits a timed mock exam, or goes on with the one under way.
//! The exam itself is on the screen.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::error::{AppError, Kind};
use crate::app::home::Home;
use crate::cli::consent::Consent;
use crate::cli::{Done, Output, output, room};
use crate::cluster::Origin;
use crate::tui::desk::Opening;

/// Which exam.
#[derive(Debug, Args)]
pub struct Exam {
    /// An exam's name, or its id `pack/name`; the first there is when none is given.
    name: Option<String>,
    /// Which tasks are drawn.
    #[arg(long)]
    seed: Option<u64>,
    /// Show the exams there are.
    #[arg(long)]
    list: bool,
    /// embedded, kind or context:NAME.
    #[arg(long, default_value = "embedded")]
    cluster: String,
    #[command(flatten)]
    consent: Consent,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub async fn run(asked: Exam) -> Done {
    asked.output.refuse_junit()?;
    let home = Home::open(None)?;
    if asked.list {
        return list(&home, asked.output);
    }
    if let Some(found) = home.under_way().into_iter().next() {
        if found.driven {
            return Err(AppError::new(Kind::Usage, "the exam is open already", "another kubedrill shows it")
                .hint("go on there"));
        }
        let origin: Origin = found.session.plan().cluster.parse()?;
        asked.consent.to(&origin)?;
        return room::open(home, origin, Opening::ResumeExam).await;
    }
    let origin: Origin = asked.cluster.parse()?;
    let (pack, exam) = home.catalogue.exam(asked.name.as_deref())?;
    let exam = format!("{}/{}", pack.name, exam.name);
    asked.consent.to(&origin)?;
    let home = Home { exam_seed: asked.seed.map(crate::base::seed::Seed), ..home };
    room::open(home, origin, Opening::StartExam { exam }).await
}

fn list(home: &Home, form: Output) -> Done {
    let offers = home.exam_offers();
    let sittings = home.sittings();
    let best = |id: &str| {
        let own = sittings.iter().filter(|sitting| sitting.exam == id);
        own.map(|sitting| sitting.results.whole_percent()).max()
    };
    if form == Output::Json {
        let row = |offer: &crate::app::offers::ExamOffer| json!({ "id": offer.id, "title": offer.title, "minutes": offer.minutes, "tasks": offer.tasks, "pass": offer.pass, "best": best(&offer.id) });
        output::json(&offers.iter().map(row).collect::<Vec<_>>());
    } else {
        let row = |offer: &crate::app::offers::ExamOffer| {
            let best = best(&offer.id).map_or("–".to_owned(), |best| format!("{best} %"));
            let (minutes, pass) = (format!("{} min", offer.minutes), format!("{} %", offer.pass));
            vec![offer.id.clone(), best, offer.tasks.to_string(), minutes, pass, offer.title.clone()]
        };
        output::table(&["EXAM", "BEST", "TASKS", "TIME", "PASS", "TITLE"], offers.iter().map(row).collect());
    }
    Ok(ExitCode::SUCCESS)
}
