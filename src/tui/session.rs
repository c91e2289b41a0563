//! Beginning and ending what is open at the desk, as the screens see it: tasks, shells, the exam.
//! What the desk does about it is its own.

use super::desk::{ExamOpened, ExamOver, Request, Shell, TaskOpened};
use super::errand::Errand;
use super::list::List;
use super::message::{Effect, Order};
use super::model::{Model, Place};
use super::screens::exam::Sitting;
use super::screens::results::Outcome;
use super::screens::task::Task;

/// Shows a task; in an exam its terminal may be open from before.
pub fn open_task(model: &mut Model, opened: TaskOpened) -> Vec<Effect> {
    let number = opened.task;
    let effects = if model.exam.is_some() { Vec::new() } else { close_shells(model) };
    if let Some(told) = model.exam.as_mut().and_then(|sitting| sitting.opened.tasks.get_mut(number)) {
        told.opened = true;
        told.spent = opened.spent;
    }
    let now = model.now;
    match model.tasks.get_mut(&number) {
        Some(task) => task.again(opened, now),
        None => {
            let shell = model.new_shell();
            model.tasks.insert(number, Task::new(opened, shell, now));
        }
    }
    model.task = Some(number);
    model.grading = None;
    model.place = Place::Task;
    effects
}

/// Shows an exam's list of tasks.
pub fn open_exam(model: &mut Model, opened: ExamOpened) -> Vec<Effect> {
    let effects = close_shells(model);
    model.task = None;
    model.exam = Some(Sitting::new(opened));
    model.place = Place::Exam;
    effects
}

/// Leaves what is open, and looks anew at what there is to do.
pub fn leave(model: &mut Model) -> Vec<Effect> {
    let mut effects = close_shells(model);
    model.home.tab = usize::from(model.exam.is_some());
    model.task = None;
    model.exam = None;
    model.grading = None;
    model.overlays.clear();
    model.place = Place::Home;
    effects.extend(model.tell(Request::Leave));
    effects.extend(model.ask(Errand::Catalogue, Request::Catalogue));
    effects
}

/// Shows how the exam went.
pub fn end_exam(model: &mut Model, over: ExamOver) -> Vec<Effect> {
    let effects = close_shells(model);
    model.task = None;
    model.exam = None;
    model.grading = None;
    model.overlays.clear();
    model.outcome = Some(Outcome { over, list: List::default() });
    model.place = Place::Results;
    effects
}

/// The lab is as it was; with a new shell where the old one is of no use.
pub fn after_reset(model: &mut Model, shell: Option<Shell>) -> Vec<Effect> {
    model.say("The task is set up anew.");
    let Some(spec) = shell else { return Vec::new() };
    let new = model.new_shell();
    let Some(task) = model.task_mut() else { return Vec::new() };
    let old = task.shell;
    task.opened.shell = spec;
    task.restart(new);
    vec![Effect::Shell { shell: old, order: Order::Close }]
}

fn close_shells(model: &mut Model) -> Vec<Effect> {
    let close = |task: Task| Effect::Shell { shell: task.shell, order: Order::Close };
    std::mem::take(&mut model.tasks).into_values().map(close).collect()
}
