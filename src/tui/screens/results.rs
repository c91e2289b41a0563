//! An exam that is over: the score against the pass mark, by domain and by task.
//! A task's reasons are drawn by `grading`.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::grading::Grading;
use super::{Head, Piece, Row, body, home, no_typing};
use crate::exam::results::{DomainResult, TaskResult};
use crate::tui::action::{Action, Binding, bind, ctrl, key, moving, named};
use crate::tui::canvas::{Canvas, pad};
use crate::tui::desk::{ExamOver, Request};
use crate::tui::errand::Errand;
use crate::tui::hits::{Pane, Target};
use crate::tui::list::List;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Place};
use crate::tui::parts::{TITLES, Title, bar, clock, ruled};
use crate::tui::theme::Theme;

pub const ROW: Row =
    Row { place: Place::Results, bindings, key: no_typing, act, choose, wheel, fit: follow, head, draw };

/// What this screen knows.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub over: ExamOver,
    pub list: List,
}

fn bindings(_: &Model) -> Vec<Binding> {
    let back = [key('q'), named(KeyCode::Esc), named(KeyCode::F(10)), ctrl('c')];
    let mut all = vec![
        bind(&[named(KeyCode::Enter)], "⏎", ("Why", "what held in this task, what did not, and why"), Action::Enter),
        bind(&[key('?'), named(KeyCode::F(1))], "?", ("Help", "this list of keys"), Action::Help),
        bind(&back, "q", ("Done", "back to the first screen"), Action::Back),
    ];
    all.extend(moving());
    all
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    let page = usize::from(panes(model).2.height);
    let Some(outcome) = &mut model.outcome else { return Vec::new() };
    match action {
        Action::Enter => {
            let number = outcome.list.cursor;
            let title = outcome.over.results.tasks.get(number).map(|task| task.title.clone()).unwrap_or_default();
            if let Some(graded) = outcome.over.tasks.get(number).cloned() {
                model.grading = Some(Grading::of_exam(number, title, graded));
                model.place = Place::Grading;
            }
            Vec::new()
        }
        Action::Back => {
            model.outcome = None;
            let mut effects = home::go(model, 1);
            effects.extend(model.ask(Errand::Catalogue, Request::Catalogue));
            effects
        }
        moving => {
            outcome.list.act(moving, outcome.over.results.tasks.len(), page);
            Vec::new()
        }
    }
}

fn choose(model: &mut Model, row: usize) -> Vec<Effect> {
    if let Some(outcome) = &mut model.outcome {
        outcome.list.cursor = row;
    }
    Vec::new()
}

fn wheel(model: &mut Model, _: Pane, action: &Action) {
    if let Some(outcome) = &mut model.outcome {
        outcome.list.act(action, outcome.over.results.tasks.len(), 1);
    }
}

/// The score, the domains and the tasks; the last two with their rules.
fn panes(model: &Model) -> (Rect, Rect, Rect) {
    let body = body(model.size);
    let score = Rect { height: 3, ..body };
    let rest = Rect { y: score.bottom(), height: body.height - score.height, ..body };
    let domains = model.outcome.as_ref().map_or(0, |outcome| outcome.over.results.domains.len()) as u16;
    if rest.width >= 130 {
        let left = Rect { width: 62, ..rest };
        let right = Rect { x: left.right() + 2, width: rest.width - left.width - 2, ..rest };
        return (score, left, right);
    }
    let top = Rect { height: (domains + 2).min(rest.height / 2), ..rest };
    (score, top, Rect { y: top.bottom(), height: rest.height - top.height, ..rest })
}

fn follow(model: &mut Model) -> Vec<Effect> {
    let height = usize::from(panes(model).2.height.saturating_sub(2));
    if let Some(outcome) = &mut model.outcome {
        let rows = outcome.over.results.tasks.len();
        outcome.list.follow(outcome.list.cursor, rows, height);
    }
    Vec::new()
}

fn head(model: &Model) -> Head {
    let theme = &model.theme;
    let title = model.outcome.as_ref().map(|outcome| outcome.over.title.clone()).unwrap_or_default();
    let left =
        [Span::styled(" ⎈ ", theme.brand), Span::styled(" Results  ", theme.accent), Span::styled(title, theme.title)];
    Head { left: left.into_iter().map(Piece::from).collect(), right: Vec::new() }
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, _: Rect) {
    let Some(outcome) = &model.outcome else { return };
    let (score, domains, tasks) = panes(model);
    let results = &outcome.over.results;
    draw_score(model, canvas, score, outcome);
    let inside = ruled(canvas, domains, &Title::new("Domains"));
    for (row, domain) in inside.rows().zip(&results.domains) {
        canvas.line(row, domain_line(domain, row.width, &model.theme));
    }
    let inside = ruled(canvas, tasks, &Title::new("Tasks").focused(true));
    let columns = format!("{:8}{:room$}{:>7}  {:>7}", "", "", "points", "time", room = task_room(inside.width));
    canvas.line(inside, Span::styled(columns, model.theme.dim));
    let inside = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    canvas.hits.add(inside, Target::Pane(Pane::First));
    for (number, row) in (outcome.list.offset..results.tasks.len()).zip(inside.rows()) {
        let chosen = number == outcome.list.cursor;
        canvas.line(row, task_line(number, &results.tasks[number], (row.width, chosen), &model.theme));
        if chosen {
            canvas.paint(row, model.theme.selected);
        }
        canvas.hits.add(row, Target::Row(number));
    }
}

/// The score as a bar with the pass mark in it, and in words.
fn draw_score(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect, outcome: &Outcome) {
    let theme = &model.theme;
    let results = &outcome.over.results;
    let (verdict, style) = match results.passed {
        Some(true) => ("✓ PASSED", theme.good),
        Some(false) => ("✗ NOT PASSED", theme.bad),
        None => ("! NOT GRADED", theme.warn),
    };
    let pass = results.pass.unwrap_or(0);
    let time = match results.allowed {
        Some(allowed) => format!("   {} of {}", clock(results.spent), clock(allowed)),
        None => format!("   {}", clock(results.spent)),
    };
    let words = Line::from(vec![
        Span::styled(format!("  {} %  ", results.whole_percent()), theme.title),
        Span::styled(verdict, style),
        Span::styled(format!("   pass mark {pass} %{time}"), theme.dim),
    ]);
    let width = usize::from(area.width.saturating_sub(4));
    let mut line = vec![Span::raw("  ")];
    line.extend(bar(results.score, width, theme));
    canvas.lines(area, [words, Line::from(line)]);
    let at = (width * pass as usize / 100) as u16;
    let row = Rect { x: area.x + 2 + at, y: area.y + 1, width: 1, height: 1 };
    canvas.fill(row, "┃", theme.warn);
}

fn domain_line(domain: &DomainResult, width: u16, theme: &Theme) -> Line<'static> {
    let percent = domain.percent();
    let room = usize::from(width).saturating_sub(35).clamp(12, 36);
    let mut line = vec![Span::raw(format!("  {} ", pad(&domain.domain, room)))];
    line.extend(bar(percent.unwrap_or(0.0), 14, theme));
    let shown = percent.map_or("  –  ".to_owned(), |percent| format!("{percent:>3.0} %"));
    line.push(Span::styled(format!(" {shown}"), theme.title));
    line.push(Span::styled(format!("  of {:>2}", domain.worth), theme.dim));
    Line::from(line)
}

/// Columns for a task's title.
fn task_room(width: u16) -> usize {
    usize::from(width).saturating_sub(35).min(TITLES)
}

fn task_line(number: usize, task: &TaskResult, (width, chosen): (u16, bool), theme: &Theme) -> Line<'static> {
    let (mark, style) = match (&task.ungraded, task.earned) {
        (Some(_), _) => ("!", theme.warn),
        (None, Some(earned)) if earned == task.out_of => ("✓", theme.good),
        (None, Some(0) | None) => ("✗", theme.bad),
        _ => ("◐", theme.warn),
    };
    let earned = task.earned.map_or("–".to_owned(), |earned| earned.to_string());
    let points = format!("{earned}/{}", task.out_of);
    let right = format!("{points:>7}  {:>7} of {:>2} min", clock(task.spent), task.expected / 60);
    let room = task_room(width);
    Line::from(vec![
        Span::styled(if chosen { "▌" } else { " " }, theme.accent),
        Span::styled(format!("{:>3} ", number + 1), theme.dim),
        Span::styled(mark, style),
        Span::raw("  "),
        Span::raw(pad(&task.title, room)),
        Span::styled(right, theme.dim),
    ])
}
