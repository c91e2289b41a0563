//! `kubedrill list`: what there is to practise, with the best score.
//! What that is, the app knows.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::app::home::Home;
use crate::app::offers::Offer;
use crate::cli::{Done, Output, output};
use crate::cluster::Origin;

/// What to list.
#[derive(Debug, Args)]
pub struct List {
    /// Only this domain.
    #[arg(long)]
    domain: Option<String>,
    /// Only this topic.
    #[arg(long)]
    topic: Option<String>,
    /// A pack's folder, beside the packs at hand.
    #[arg(long)]
    pack: Option<PathBuf>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs it.
pub fn run(asked: &List) -> Done {
    let home = Home::open(asked.pack.as_deref())?;
    for broken in home.broken() {
        eprintln!("warning: an installed pack is left out: {}", broken.render(false));
    }
    let fits = |offer: &Offer| {
        asked.domain.as_ref().is_none_or(|domain| *domain == offer.domain)
            && asked.topic.as_ref().is_none_or(|topic| offer.topics.contains(topic))
    };
    let offers: Vec<Offer> = home.offers(&Origin::Embedded)?.into_iter().filter(fits).collect();
    asked.output.refuse_junit()?;
    if asked.output == Output::Json {
        output::json(&offers);
        return Ok(ExitCode::SUCCESS);
    }
    if offers.is_empty() {
        output::line("No scenario has this domain or topic. kubedrill list shows them all.");
        return Ok(ExitCode::SUCCESS);
    }
    let row = |offer: &Offer| {
        let best = offer.best.map_or("–".to_owned(), |best| format!("{best} %"));
        let lacks =
            if offer.lacks.is_empty() { String::new() } else { format!("  (needs {})", offer.lacks.join(", ")) };
        vec![
            offer.id.clone(),
            best,
            format!("{} min", offer.minutes),
            offer.domain.clone(),
            format!("{}{lacks}", offer.title),
        ]
    };
    output::table(&["SCENARIO", "BEST", "TIME", "DOMAIN", "TITLE"], offers.iter().map(row).collect());
    Ok(ExitCode::SUCCESS)
}
