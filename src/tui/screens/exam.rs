//! An exam being sat: the list of its tasks with flags, notes and time left, and the ways to and from them.
//! A task on the screen is drawn by `task`; the end by `results`.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::task::Task;
use super::{Head, Piece, Row, body, no_typing};
use crate::tui::action::{Action, Binding, bind, ctrl, key, moving, named};
use crate::tui::canvas::{Canvas, fit, pad};
use crate::tui::desk::{ExamOpened, ExamTask, Request};
use crate::tui::errand::Errand;
use crate::tui::hits::{Pane, Target};
use crate::tui::list::List;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Place};
use crate::tui::overlays::{Overlay, Question};
use crate::tui::parts::{TITLES, Title, clock, count, ruled};

pub const ROW: Row = Row { place: Place::Exam, bindings, key: no_typing, act, choose, wheel, fit: follow, head, draw };

/// Minutes before the end at which the time left is said.
const WARNINGS: [i64; 3] = [15, 5, 1];

/// An exam under way.
#[derive(Clone, Debug)]
pub struct Sitting {
    pub opened: ExamOpened,
    pub list: List,
    /// Handed in; waits for the results.
    pub handed_in: bool,
    /// The latest warning, in minutes.
    warned: i64,
}

impl Sitting {
    pub fn new(opened: ExamOpened) -> Self {
        Self { opened, list: List::default(), handed_in: false, warned: i64::MAX }
    }
}

fn bindings(_: &Model) -> Vec<Binding> {
    let mut all = vec![
        bind(&[named(KeyCode::Enter)], "⏎", ("Open", "go to the task"), Action::Enter),
        bind(&[key('f'), named(KeyCode::F(7))], "f", ("Flag", "mark the task to come back to"), Action::Flag),
        bind(&[key('m'), named(KeyCode::F(9))], "m", ("Note", "write a note on the task"), Action::Note),
        bind(&[key('s')], "s", ("Hand in", "end the exam and have it graded"), Action::Submit),
        bind(&[key('?'), named(KeyCode::F(1))], "?", ("Help", "this list of keys"), Action::Help),
        bind(
            &[key('q'), named(KeyCode::F(10)), ctrl('c')],
            "q",
            ("Leave", "leave the exam; its clock runs on"),
            Action::Back,
        ),
    ];
    all.extend(moving());
    all
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    let page = usize::from(room(model).height);
    let Some(sitting) = &mut model.exam else { return Vec::new() };
    let number = sitting.list.cursor;
    match action {
        Action::Enter => return open(model, number),
        Action::Flag => return flag(model, number),
        Action::Note => return note(model, number),
        Action::Submit => model.overlays.push(Overlay::Confirm(Question::Submit)),
        Action::Back => model.overlays.push(Overlay::Confirm(Question::LeaveExam)),
        moving => {
            sitting.list.act(moving, sitting.opened.tasks.len(), page);
        }
    }
    Vec::new()
}

/// What an action on the task's screen does to the exam.
pub fn from_task(model: &mut Model, action: &Action) -> Vec<Effect> {
    let (Some(sitting), Some(number)) = (&mut model.exam, model.task) else { return Vec::new() };
    let tasks = sitting.opened.tasks.len().max(1);
    match action {
        Action::NextTask => open(model, (number + 1) % tasks),
        Action::PreviousTask => open(model, (number + tasks - 1) % tasks),
        Action::Flag => flag(model, number),
        Action::Note => note(model, number),
        _ => {
            sitting.list.cursor = number;
            stop_clock(model);
            model.place = Place::Exam;
            model.tell(Request::LeaveTask { task: number })
        }
    }
}

fn open(model: &mut Model, number: usize) -> Vec<Effect> {
    stop_clock(model);
    if let Some(sitting) = &mut model.exam {
        sitting.list.cursor = number;
    }
    model.ask(Errand::Open, Request::Open { task: number })
}

/// Writes down how long the open task has been worked on.
fn stop_clock(model: &mut Model) {
    let Some(task) = model.task() else { return };
    let (number, spent) = (task.opened.task, model.since(task.since));
    let told = model.exam.as_mut().and_then(|sitting| sitting.opened.tasks.get_mut(number));
    if let Some(told) = told.filter(|_| model.place == Place::Task) {
        told.spent = spent;
    }
}

fn flag(model: &mut Model, number: usize) -> Vec<Effect> {
    let Some(task) = model.exam.as_mut().and_then(|sitting| sitting.opened.tasks.get_mut(number)) else {
        return Vec::new();
    };
    task.flagged = !task.flagged;
    let on = task.flagged;
    model.say(if on { "Flagged." } else { "Flag taken off." });
    model.tell(Request::Flag { task: number, on })
}

fn note(model: &mut Model, number: usize) -> Vec<Effect> {
    let text = model.exam.as_ref().and_then(|sitting| sitting.opened.tasks.get(number)).map(|task| task.note.clone());
    model.overlays.push(Overlay::Note { task: number, input: text.unwrap_or_default().into() });
    Vec::new()
}

/// Watches the clock: warns, and hands in when the time is up.
pub fn tick(model: &mut Model) -> Vec<Effect> {
    let Some(left) = model.exam.as_ref().map(|sitting| model.until(sitting.opened.deadline)) else { return Vec::new() };
    let Some(sitting) = model.exam.as_mut().filter(|sitting| !sitting.handed_in) else { return Vec::new() };
    if left == 0 {
        return submit(model);
    }
    let due = WARNINGS.into_iter().filter(|minutes| left <= minutes * 60).min();
    if let Some(minutes) = due.filter(|minutes| *minutes < sitting.warned) {
        let first = sitting.warned == i64::MAX && minutes * 60 > left + 60;
        sitting.warned = minutes;
        if !first {
            model.say(format!("{} left.", count(minutes as usize, "minute")));
        }
    }
    Vec::new()
}

/// Hands the exam in.
pub fn submit(model: &mut Model) -> Vec<Effect> {
    if let Some(sitting) = &mut model.exam {
        sitting.handed_in = true;
    }
    model.overlays.clear();
    model.errands.forget(Errand::Open);
    model.ask(Errand::Submit, Request::Submit)
}

fn choose(model: &mut Model, row: usize) -> Vec<Effect> {
    if let Some(sitting) = &mut model.exam {
        sitting.list.cursor = row;
    }
    Vec::new()
}

fn wheel(model: &mut Model, _: Pane, action: &Action) {
    if let Some(sitting) = &mut model.exam {
        sitting.list.act(action, sitting.opened.tasks.len(), 1);
    }
}

/// The list's room: under its rule, above the note and the sums.
fn room(model: &Model) -> Rect {
    let body = body(model.size);
    Rect { y: body.y + 1, height: body.height.saturating_sub(4), ..body }
}

fn follow(model: &mut Model) -> Vec<Effect> {
    let height = usize::from(room(model).height);
    if let Some(sitting) = &mut model.exam {
        let rows = sitting.opened.tasks.len();
        sitting.list.follow(sitting.list.cursor, rows, height);
    }
    Vec::new()
}

fn time_left(model: &Model, sitting: &Sitting) -> Span<'static> {
    let left = model.until(sitting.opened.deadline);
    let theme = &model.theme;
    let (style, sign) = match left {
        0..300 => (theme.bad, "! "),
        300..900 => (theme.warn, ""),
        _ => (theme.title, ""),
    };
    Span::styled(format!("{sign}{} left ", clock(left)), style)
}

fn head(model: &Model) -> Head {
    let Some(sitting) = &model.exam else { return Head::default() };
    let theme = &model.theme;
    let left =
        [Span::styled(" ⎈ ", theme.brand), Span::raw(" "), Span::styled(sitting.opened.title.clone(), theme.title)];
    Head { left: left.into_iter().map(Piece::from).collect(), right: vec![Piece::from(time_left(model, sitting))] }
}

/// The first line while a task of the exam is on the screen.
pub fn task_head(model: &Model, sitting: &Sitting, task: &Task, brand: Span<'static>) -> Head {
    let theme = &model.theme;
    let number = task.opened.task;
    let of = sitting.opened.tasks.len();
    let told = sitting.opened.tasks.get(number).cloned().unwrap_or_default();
    let room = usize::from(model.size.0).saturating_sub(46);
    let flag = if told.flagged { "⚑ " } else { "" };
    let left = [
        Piece::from(brand),
        Piece { span: Span::styled(format!(" {}/{of} ", number + 1), theme.accent), action: Some(Action::Overview) },
        Piece::from(Span::styled(flag, theme.warn)),
        Piece::from(Span::styled(fit(&task.opened.title, room), theme.title)),
    ];
    let right = [
        Span::styled(
            format!("{} %  {} of {} min  ", told.worth, clock(model.since(task.since)), told.minutes),
            theme.dim,
        ),
        time_left(model, sitting),
    ];
    Head { left: left.into(), right: right.into_iter().map(Piece::from).collect() }
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let Some(sitting) = &model.exam else { return };
    let theme = &model.theme;
    let tasks = &sitting.opened.tasks;
    let list = room(model);
    ruled(canvas, area, &Title::new("Tasks").right(format!("pass {} %", sitting.opened.pass)).focused(true));
    canvas.hits.add(list, Target::Pane(Pane::First));
    for (number, row) in (sitting.list.offset..tasks.len()).zip(list.rows()) {
        draw_task(model, canvas, row, (number, &tasks[number]));
    }
    let sums = ruled(canvas, Rect { y: list.bottom(), height: 3, ..list }, &Title::default());
    let note = tasks.get(sitting.list.cursor).map(|task| task.note.as_str()).unwrap_or_default();
    let opened = tasks.iter().filter(|task| task.opened).count();
    let flagged = tasks.iter().filter(|task| task.flagged).count();
    let told = format!("  {opened} of {} opened · {flagged} flagged · in any order", count(tasks.len(), "task"));
    let note_line = match note {
        "" => Span::styled("  No note on this task", theme.dim),
        note => Span::styled(format!("  ✎ {}", fit(note, usize::from(sums.width.saturating_sub(5)))), theme.text),
    };
    canvas.lines(sums, [note_line.into(), Span::styled(told, theme.dim).into()]);
}

fn draw_task(model: &Model, canvas: &mut Canvas<'_, '_>, row: Rect, (number, task): (usize, &ExamTask)) {
    let theme = &model.theme;
    let chosen = model.exam.as_ref().is_some_and(|sitting| sitting.list.cursor == number);
    let wide = row.width >= 110;
    let domain = if wide { format!("{} ", pad(&task.domain, 36)) } else { String::new() };
    let time = if task.opened { clock(task.spent) } else { "–".to_owned() };
    let right = format!("{domain}{:>3} %  {time:>7} of {:>2} min ", task.worth, task.minutes);
    let room = usize::from(row.width).saturating_sub(12 + right.chars().count()).min(TITLES);
    canvas.line(
        row,
        vec![
            Span::styled(if chosen { "▌" } else { " " }, theme.accent),
            Span::styled(format!("{:>3} ", number + 1), theme.dim),
            Span::styled(if task.flagged { "⚑ " } else { "  " }, theme.warn),
            Span::styled(if task.opened { "● " } else { "· " }, if task.opened { theme.accent } else { theme.dim }),
            Span::raw(pad(&task.title, room)),
            Span::styled(if task.note.is_empty() { "  " } else { "✎ " }, theme.dim),
            Span::styled(right, theme.dim),
        ],
    );
    if chosen {
        canvas.paint(row, theme.selected);
    }
    canvas.hits.add(row, Target::Row(number));
}
