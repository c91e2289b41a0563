//! Questions before something that cannot be taken back.
//! Each says what will happen and names its answers.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{Row, no_typing};
use crate::tui::action::{Action, Binding, bind, ctrl, key, named};
use crate::tui::canvas::Canvas;
use crate::tui::desk::Request;
use crate::tui::diff::wrapped;
use crate::tui::errand::Errand;
use crate::tui::message::Effect;
use crate::tui::model::Model;
use crate::tui::parts::{buttons, clock, count, dialog};
use crate::tui::screens::exam;
use crate::tui::session;

pub const ROW: Row = Row { bindings, key: no_typing, act, buttons: true, draw };

/// Columns of the dialog.
const WIDTH: u16 = 58;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    LeaveTask,
    Reset,
    Solution,
    StartExam {
        id: String,
        title: String,
        minutes: u32,
    },
    Submit,
    LeaveExam,
    /// The scenario's id.
    PracticeDuringExam(String),
}

impl Question {
    /// The question, what will happen, and the words for yes and no.
    fn words(&self, model: &Model) -> (&'static str, String, &'static str, &'static str) {
        match self {
            Self::LeaveTask => (
                "Leave this task?",
                "What was set up for the task is removed, and what you did in it is gone.".into(),
                "Leave",
                "Stay",
            ),
            Self::Reset => {
                let text = "The cluster goes back to how it was at the start. What you did is gone.";
                ("Set the task up anew?", text.into(), "Reset", "Keep")
            }
            Self::Solution => {
                let text = "The task then does not count as solved by yourself, and comes back soon.";
                ("Show the solution?", text.into(), "Show", "Not yet")
            }
            Self::StartExam { title, minutes, .. } => {
                let text = format!("{title}: {minutes} minutes. The clock starts now and runs on whatever happens.");
                ("Start the exam?", text, "Start", "Not now")
            }
            Self::Submit => ("Hand the exam in?", submit_words(model), "Hand in", "Go on"),
            Self::LeaveExam => {
                let left = model.exam.as_ref().map_or(0, |sitting| model.until(sitting.opened.deadline));
                let text = format!(
                    "Clusters and files are kept, programs in the terminals are ended. The clock runs on: {} left. You can come back until then.",
                    clock(left)
                );
                ("Leave the exam?", text, "Leave", "Stay")
            }
            Self::PracticeDuringExam(_) => {
                let text = "An exam is under way and its clock runs on while you practise.";
                ("Practise now?", text.into(), "Practise", "Back")
            }
        }
    }
}

fn submit_words(model: &Model) -> String {
    let Some(sitting) = &model.exam else { return String::new() };
    let tasks = &sitting.opened.tasks;
    let untouched = tasks.iter().filter(|task| !task.opened).count();
    let flagged = tasks.iter().filter(|task| task.flagged).count();
    let left = clock(model.until(sitting.opened.deadline));
    let mut told = format!("{left} left.");
    if untouched > 0 {
        told += &format!(" {} never opened.", count(untouched, "task"));
    }
    if flagged > 0 {
        told += &format!(" {} still flagged.", count(flagged, "task"));
    }
    told + " All tasks are graded as they stand, and the exam is over."
}

fn asked(model: &Model) -> Option<&Question> {
    match model.overlays.last() {
        Some(super::Overlay::Confirm(question)) => Some(question),
        _ => None,
    }
}

fn bindings(model: &Model) -> Vec<Binding> {
    let Some((_, _, yes, no)) = asked(model).map(|question| question.words(model)) else { return Vec::new() };
    vec![
        bind(&[key('y'), named(KeyCode::Enter)], "⏎ y", (yes, "yes"), Action::Yes),
        bind(&[key('n'), key('q'), named(KeyCode::Esc), ctrl('c')], "n", (no, "no"), Action::No),
    ]
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    let Some(question) = asked(model).cloned() else { return Vec::new() };
    model.overlays.pop();
    if *action != Action::Yes {
        return Vec::new();
    }
    let task = model.task.unwrap_or_default();
    match question {
        Question::LeaveTask => session::leave(model),
        Question::Reset => model.ask(Errand::Reset, Request::Reset { task }),
        Question::Solution => model.ask(Errand::Solution, Request::Solution { task }),
        Question::StartExam { id, .. } => model.ask(Errand::Exam, Request::StartExam { exam: id }),
        Question::Submit => exam::submit(model),
        Question::LeaveExam => session::leave(model),
        Question::PracticeDuringExam(scenario) => model.ask(Errand::Open, Request::Practise { scenario, seed: None }),
    }
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let Some((title, text, ..)) = asked(model).map(|question| question.words(model)) else { return };
    let lines = wrapped(&text, usize::from(WIDTH - 6), "", model.theme.text);
    let inside = dialog(canvas, area, title, (WIDTH, lines.len() as u16 + 5));
    let below = inside.y + 1 + lines.len() as u16 + 1;
    canvas.lines(Rect { y: inside.y + 1, ..inside }, lines);
    buttons(canvas, Rect { y: below, height: 1, ..inside }, &bindings(model));
}
