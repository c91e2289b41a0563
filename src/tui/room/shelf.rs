//! The catalogue and the history as the screens show them.
//! What is in them is the app's.

use std::sync::Arc;

use super::words;
use crate::app::Origin;
use crate::app::error::AppError;
use crate::app::home::Home;
use crate::app::offers::{Offer, percent};
use crate::app::records;
use crate::app::sittings::Sitting;
use crate::exam::plan::Kind;
use crate::progress::attempt::Attempt as Done;
use crate::progress::next::{Reason, Suggestion};
use crate::progress::standing::{self, By, standings};
use crate::scenario::pack::Pack;
use crate::tui::desk::{
    Attempt, Catalogue, Difficulty, Domain, Exam, History, Next, Scenario, Standing, Trouble, UnderWay,
};

/// An error as the screens show it.
pub fn trouble(error: AppError) -> Trouble {
    let mut kind = error.what;
    if let Some(first) = kind.get(..1) {
        kind = first.to_uppercase() + &kind[1..];
    }
    Trouble { kind, cause: error.why, hint: error.hint }
}

/// A scenario's difficulty.
pub fn difficulty(difficulty: crate::scenario::Difficulty) -> Difficulty {
    match difficulty {
        crate::scenario::Difficulty::Easy => Difficulty::Easy,
        crate::scenario::Difficulty::Medium => Difficulty::Medium,
        crate::scenario::Difficulty::Hard => Difficulty::Hard,
    }
}

/// What to do next, and why, leaving one scenario out.
pub fn next(suggestions: &[Suggestion], except: &str) -> Option<Next> {
    let first = suggestions.iter().find(|suggestion| suggestion.scenario != except)?;
    let why = match first.reason {
        Reason::Due { .. } => "it is due again",
        Reason::New => "new, where the exam would cost most",
        Reason::Later { .. } => "nothing is due; it comes next",
    };
    Some(Next { scenario: first.scenario.clone(), why: why.to_owned() })
}

/// All there is to practise.
pub fn catalogue(home: &Home, origin: &Origin) -> Result<Catalogue, AppError> {
    let offers = home.offers(origin)?;
    let sittings = home.sittings();
    let packs = home.catalogue.packs();
    let mut domains: Vec<Domain> = Vec::new();
    for domain in packs.iter().flat_map(|pack| &pack.spec.domains) {
        if !domains.iter().any(|known| known.id == domain.id) {
            domains.push(Domain { id: domain.id.clone(), title: domain.title.clone(), weight: domain.weight });
        }
    }
    let named: Vec<String> = packs.iter().map(|pack| format!("{} {}", pack.name, pack.spec.version)).collect();
    let under_way = home.under_way().into_iter().next().and_then(|found| {
        let plan = found.session.plan();
        let Kind::Exam { exam, .. } = &plan.kind else { return None };
        let title = home.exam_title(&format!("{}/{exam}", plan.pack));
        Some(UnderWay { title, deadline: found.session.deadline()? })
    });
    let place = if *origin == Origin::Embedded { String::new() } else { format!(" · on {origin}") };
    Ok(Catalogue {
        pack: named.join(", ") + &place,
        domains,
        scenarios: offers.into_iter().map(|offer| scenario(home, offer)).collect(),
        exams: packs.iter().flat_map(|pack| exams(pack, &sittings)).collect(),
        next: next(&home.suggestions(origin)?, ""),
        under_way,
    })
}

fn scenario(home: &Home, offer: Offer) -> Scenario {
    let now = home.clock.now();
    let lacks = offer.lacks.join(", ");
    let closed = offer.lacks.contains(&"node-shell");
    Scenario {
        summary: summary(home, &offer.id),
        title: offer.title,
        domain: offer.domain,
        topics: offer.topics,
        difficulty: difficulty(offer.difficulty),
        minutes: offer.minutes,
        points: offer.points,
        best: offer.best,
        attempts: u32::try_from(offer.attempts).unwrap_or(u32::MAX),
        last: offer.last.map(|last| words::ago(last, now)),
        due: offer.due.map(|due| words::due(due, now)),
        missing: (!lacks.is_empty()).then(|| match closed {
            true => "nodes cannot be entered on this machine; kubedrill doctor says why".to_owned(),
            false => format!("the cluster lacks {lacks}; try --cluster kind or context:NAME"),
        }),
        id: offer.id,
    }
}

/// The pack says no more about a scenario than its title and topics: the task itself would spoil the drawing.
fn summary(home: &Home, id: &str) -> String {
    let Ok(scenario) = home.catalogue.find(id) else { return String::new() };
    match scenario.variety() {
        0 | 1 => "Always the same task.".to_owned(),
        variety => format!("Drawn anew each time: {variety} variants."),
    }
}

fn exams<'a>(pack: &'a Arc<Pack>, sittings: &'a [Sitting]) -> impl Iterator<Item = Exam> + use<'a> {
    pack.spec.exams.iter().map(move |exam| {
        let id = format!("{}/{}", pack.name, exam.name);
        let own = || sittings.iter().filter(|sitting| sitting.exam == id);
        Exam {
            title: exam.title.clone(),
            minutes: exam.minutes,
            tasks: crate::app::offers::tasks_of(exam),
            pass: exam.pass,
            weights: pack.spec.domains.iter().map(|domain| (domain.title.clone(), domain.weight)).collect(),
            best: own().map(|sitting| sitting.results.whole_percent()).max(),
            attempts: u32::try_from(own().count()).unwrap_or(u32::MAX),
            missing: None,
            id,
        }
    })
}

/// What was done so far.
pub fn history(home: &Home) -> Result<History, AppError> {
    let history = records::read(&home.history())?;
    let now = home.clock.now();
    let practised = history.attempts().iter().filter(|attempt| attempt.exam.is_none());
    let mut attempts: Vec<_> = practised.map(|attempt| (attempt.ended, practice(home, attempt))).collect();
    attempts.extend(home.sittings().iter().map(|sitting| (sitting.ended, exam(home, sitting))));
    attempts.sort_by_key(|(ended, _)| std::cmp::Reverse(*ended));
    let candidates = home.candidates();
    let standing = |standing: standing::Standing| Standing {
        title: domain_title(home, &standing.name),
        score: standing.score.map(|score| score as u32),
        practised: u32::try_from(standing.practised).unwrap_or(u32::MAX),
        of: u32::try_from(standing.scenarios).unwrap_or(u32::MAX),
    };
    let by = |by| standings(&history, &candidates, by, now).into_iter().map(standing).collect();
    let mut topics: Vec<Standing> = by(By::Topic);
    // What was never practised says nothing about the learner yet.
    topics.sort_by_key(|topic| topic.score.is_none());
    Ok(History {
        attempts: attempts.into_iter().map(|(_, attempt)| attempt).collect(),
        domains: by(By::Domain),
        topics,
    })
}

/// A domain's title by its id; what is none stays as it is.
pub fn domain_title(home: &Home, id: &str) -> String {
    let domain = home.catalogue.packs().iter().find_map(|pack| pack.domain(id));
    domain.map_or_else(|| id.to_owned(), |domain| domain.title.clone())
}

fn practice(home: &Home, done: &Done) -> Attempt {
    let title = home.catalogue.find(&done.scenario).map_or_else(|_| done.scenario.clone(), |s| s.head.title.clone());
    let remark = match (done.solution_shown, done.hints) {
        (true, _) => "solution shown".to_owned(),
        (false, 0) => String::new(),
        (false, 1) => "1 hint".to_owned(),
        (false, hints) => format!("{hints} hints"),
    };
    Attempt {
        when: words::when(done.ended, home.clock.now()),
        title,
        scenario: done.scenario.clone(),
        exam: false,
        domain: domain_title(home, &done.domain),
        score: Some(percent(done.earned, done.out_of)),
        spent: done.spent,
        expected: done.expected,
        remark,
    }
}

fn exam(home: &Home, sitting: &Sitting) -> Attempt {
    Attempt {
        when: words::when(sitting.ended, home.clock.now()),
        title: home.exam_title(&sitting.exam),
        scenario: String::new(),
        exam: true,
        domain: String::new(),
        score: Some(sitting.results.whole_percent()),
        spent: sitting.results.spent,
        expected: sitting.results.allowed.unwrap_or_default(),
        remark: match sitting.results.passed {
            Some(true) => "passed".to_owned(),
            Some(false) => "not passed".to_owned(),
            None => String::new(),
        },
    }
}
