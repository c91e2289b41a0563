//! What was done so far: how the domains stand, which topics are weak, and every attempt.
//! Counting stands with the progress layer.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::home::{self, ending, head_of, tabs_bindings};
use super::{Head, Row, body, no_typing};
use crate::tui::action::{Action, Binding, bind, moving, named};
use crate::tui::canvas::{Canvas, pad};
use crate::tui::desk::{Attempt, History, Standing};
use crate::tui::hits::{Pane, Target};
use crate::tui::list::List;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Place};
use crate::tui::parts::{TITLES, Title, bar, clock, count, ruled};
use crate::tui::theme::Theme;

pub const ROW: Row =
    Row { place: Place::History, bindings, key: no_typing, act, choose, wheel, fit: follow, head, draw };

/// How many weak topics are named.
const TOPICS: usize = 6;

/// What this screen knows.
#[derive(Clone, Debug, Default)]
pub struct Past {
    pub history: Option<History>,
    pub list: List,
}

fn bindings(_: &Model) -> Vec<Binding> {
    let mut all = vec![bind(&[named(KeyCode::Enter)], "⏎", ("Show", "show this task in the catalogue"), Action::Enter)];
    all.push(bind(&[named(KeyCode::Esc)], "Esc", ("Back", "back to the tasks"), Action::Back).hidden());
    all.extend(tabs_bindings());
    all.extend(ending());
    all.extend(moving());
    all
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    match action {
        Action::Tab(tab) => return home::go(model, *tab),
        Action::NextTab | Action::Back => return home::go(model, 0),
        Action::Enter => return show(model),
        _ => {}
    }
    let page = usize::from(panes(model).2.height);
    let attempts = model.past.history.as_ref().map_or(0, |history| history.attempts.len());
    model.past.list.act(action, attempts, page);
    Vec::new()
}

/// Shows the chosen attempt's task in the catalogue.
fn show(model: &mut Model) -> Vec<Effect> {
    let chosen = model.past.history.as_ref().and_then(|history| history.attempts.get(model.past.list.cursor));
    let Some(scenario) = chosen.map(|attempt| attempt.scenario.clone()) else { return Vec::new() };
    if scenario.is_empty() {
        return home::go(model, 1);
    }
    model.home.choose(&scenario);
    home::go(model, 0)
}

fn choose(model: &mut Model, row: usize) -> Vec<Effect> {
    model.past.list.cursor = row;
    Vec::new()
}

fn wheel(model: &mut Model, _: Pane, action: &Action) {
    let attempts = model.past.history.as_ref().map_or(0, |history| history.attempts.len());
    model.past.list.act(action, attempts, 1);
}

/// The domains, the topics and the attempts, each with its rule.
fn panes(model: &Model) -> (Rect, Rect, Rect) {
    let body = body(model.size);
    let domains = model.past.history.as_ref().map_or(0, |history| history.domains.len().max(TOPICS)) as u16;
    let top = Rect { height: (domains + 2).min(body.height / 2), ..body };
    let left = Rect { width: body.width * 3 / 5, ..top };
    let right = Rect { x: left.right() + 2, width: top.width - left.width - 2, ..top };
    (left, right, Rect { y: top.bottom(), height: body.height - top.height, ..body })
}

fn follow(model: &mut Model) -> Vec<Effect> {
    let height = usize::from(panes(model).2.height.saturating_sub(1));
    let rows = model.past.history.as_ref().map_or(0, |history| history.attempts.len());
    let list = &mut model.past.list;
    list.cursor = list.cursor.min(rows.saturating_sub(1));
    list.follow(list.cursor, rows, height);
    Vec::new()
}

fn head(model: &Model) -> Head {
    head_of(model, 2)
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let theme = &model.theme;
    let Some(history) = &model.past.history else {
        return canvas.line(area, Span::styled("  Reading the history…", theme.dim));
    };
    if history.attempts.is_empty() {
        let told = ["", "  No attempt is written down yet.", "  A graded task is listed here once you leave it."];
        return canvas.lines(area, told.map(|text| Line::styled(text, theme.dim)));
    }
    let (domains, topics, attempts) = panes(model);
    let inside = ruled(canvas, domains, &Title::new("Domains").right("mean of latest · practised"));
    canvas.lines(inside, history.domains.iter().map(|domain| standing(domain, inside.width, theme)));
    let inside = ruled(canvas, topics, &Title::new("Weakest topics"));
    canvas.lines(inside, history.topics.iter().take(TOPICS).map(|topic| standing(topic, inside.width, theme)));
    let title = Title::new("Attempts").right(count(history.attempts.len(), "attempt")).focused(true);
    let inside = ruled(canvas, attempts, &title);
    canvas.hits.add(inside, Target::Pane(Pane::First));
    let list = model.past.list;
    for (number, row) in (list.offset..history.attempts.len()).zip(inside.rows()) {
        let chosen = number == list.cursor;
        canvas.line(row, attempt_line(&history.attempts[number], (row.width, chosen), theme));
        if chosen {
            canvas.paint(row, theme.selected);
        }
        canvas.hits.add(row, Target::Row(number));
    }
}

fn standing(standing: &Standing, width: u16, theme: &Theme) -> Line<'static> {
    let wide = width >= 44;
    let bars = if wide { 12 } else { 0 };
    let right = if wide { format!("  {:>2}/{:<2}", standing.practised, standing.of) } else { String::new() };
    let room = usize::from(width).saturating_sub(11 + bars + right.len()).min(TITLES);
    let mut line = vec![Span::raw(format!("  {} ", pad(&standing.title, room)))];
    line.extend(bar(f64::from(standing.score.unwrap_or(0)), bars, theme));
    let score = standing.score.map_or("–".to_owned(), |score| format!("{score} %"));
    line.push(Span::styled(format!(" {score:>5}"), theme.title));
    line.push(Span::styled(right, theme.dim));
    Line::from(line)
}

fn attempt_line(attempt: &Attempt, (width, chosen): (u16, bool), theme: &Theme) -> Line<'static> {
    let (mark, style) = match attempt.score {
        Some(100..) => ("✓", theme.good),
        Some(_) => ("◐", theme.warn),
        None => ("·", theme.dim),
    };
    let score = attempt.score.map_or("–".to_owned(), |score| format!("{score} %"));
    let mut right = format!("{score:>5}  {:>7} / {:>3}m ", clock(attempt.spent), attempt.expected / 60);
    if width >= 110 {
        right = format!("{} {} {right}", pad(&attempt.domain, 32), pad(&attempt.remark, 16));
    }
    let room = usize::from(width).saturating_sub(21 + right.chars().count()).min(TITLES);
    let title = if attempt.exam { format!("Exam: {}", attempt.title) } else { attempt.title.clone() };
    Line::from(vec![
        Span::styled(if chosen { "▌" } else { " " }, theme.accent),
        Span::styled(format!(" {}", pad(&attempt.when, 13)), theme.dim),
        Span::raw(" "),
        Span::styled(mark, style),
        Span::raw("  "),
        Span::raw(pad(&title, room)),
        Span::styled(format!(" {right}"), theme.dim),
    ])
}
