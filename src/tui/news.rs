//! What the desk's answers change.
//! An answer is for who asked: the same news may mean another thing to another errand, and none to nobody.

use super::desk::{News, Trouble};
use super::errand::Errand;
use super::list::Scroll;
use super::message::Effect;
use super::model::{Model, Place};
use super::overlays::Overlay;
use super::session;

/// Takes an answer to the request with this ticket.
pub fn take(model: &mut Model, ticket: u64, news: News) -> Vec<Effect> {
    let Some(wait) = model.errands.of(ticket) else { return Vec::new() };
    let errand = wait.errand;
    match news {
        News::Progress(progress) => {
            wait.progress = Some(progress);
            return Vec::new();
        }
        News::Checks(_) | News::Settled { .. } => {
            if let Some(grading) = &mut model.grading {
                grading.take(news);
            }
            return Vec::new();
        }
        _ => {}
    }
    if errand != Errand::Attend {
        model.errands.end(ticket);
    }
    match news {
        News::Trouble(trouble) => trouble_with(model, errand, trouble),
        News::Catalogue(catalogue) => {
            model.home.catalogue = Some(catalogue);
            Vec::new()
        }
        News::History(history) => {
            model.past.history = Some(history);
            Vec::new()
        }
        News::TaskOpened(opened) => session::open_task(model, *opened),
        News::ExamOpened(opened) => session::open_exam(model, opened),
        News::Graded(_) => {
            if let Some(grading) = &mut model.grading {
                grading.take(news);
            }
            Vec::new()
        }
        News::Hint { text, .. } => {
            if let Some(task) = model.task_mut() {
                task.hints.push(text);
            }
            if errand == Errand::Attend {
                model.say("A hint was taken in the terminal.");
            }
            if let Some(Overlay::Hints(scroll)) = model.overlays.last_mut() {
                *scroll = Scroll(usize::MAX / 2);
            }
            Vec::new()
        }
        News::Solution { text } => {
            model.overlays.push(Overlay::Solution { text, scroll: Scroll::default() });
            Vec::new()
        }
        News::Reset { shell } => session::after_reset(model, shell),
        News::Results(over) => session::end_exam(model, *over),
        News::Progress(_) | News::Checks(_) | News::Settled { .. } => Vec::new(),
    }
}

/// No more answers will come. Whoever still waits for one is told so.
pub fn ended(model: &mut Model, ticket: u64) -> Vec<Effect> {
    match model.errands.end(ticket) {
        None | Some(Errand::Quiet | Errand::Attend) => Vec::new(),
        Some(errand) => {
            let trouble = Trouble {
                kind: "Kubedrill made a mistake".to_owned(),
                cause: "The work stopped without a result.".to_owned(),
                hint: "Try again. If it happens again, start with KUBEDRILL_LOG=info kubedrill, and report it with kubedrill.log from the folder that kubedrill doctor names.".to_owned(),
            };
            trouble_with(model, errand, trouble)
        }
    }
}

fn trouble_with(model: &mut Model, errand: Errand, trouble: Trouble) -> Vec<Effect> {
    match errand {
        Errand::Grade if model.place == Place::Grading && model.task.is_some() => model.place = Place::Task,
        // The exam is not over: it can be handed in again.
        Errand::Submit => {
            if let Some(sitting) = &mut model.exam {
                sitting.handed_in = true;
            }
        }
        _ => {}
    }
    if let (Errand::Hint, Some(Overlay::Hints(_))) = (errand, model.overlays.last()) {
        model.overlays.pop();
    }
    model.overlays.push(Overlay::Trouble(trouble));
    Vec::new()
}
