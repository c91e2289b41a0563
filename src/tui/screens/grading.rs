//! Grading: checks settling one by one, then why each failed, and the explanation.
//! Also shows a graded task of an exam that is over. Points are counted by the grading layer, not here.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Head, Piece, Row, body, no_typing, task};
use crate::grading::report::{CheckResult, Verdict};
use crate::tui::action::{Action, Binding, bind, ctrl, key, moving, named};
use crate::tui::canvas::{Canvas, fit, pad};
use crate::tui::desk::{CheckLine, Graded, News, Request};
use crate::tui::errand::Errand;
use crate::tui::hits::{Pane, Target};
use crate::tui::list::{List, Scroll};
use crate::tui::markdown;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Place};
use crate::tui::parts::{Title, bar, clock, count, ruled, spinner};
use crate::tui::theme::Theme;
use crate::tui::{diff, session};

pub const ROW: Row =
    Row { place: Place::Grading, bindings, key: no_typing, act, choose, wheel, fit: follow, head, draw };

/// From this width on the reasons stand beside the checks, not below them.
const BESIDE: u16 = 110;

/// What this screen knows.
#[derive(Clone, Debug)]
pub struct Grading {
    pub task: usize,
    pub title: String,
    pub checks: Vec<CheckLine>,
    pub verdicts: Vec<Option<Verdict>>,
    pub graded: Option<Graded>,
    pub list: List,
    pub scroll: Scroll,
    /// The explanation is shown instead of the check's reasons.
    pub explained: bool,
    /// Where one goes back to.
    pub from: Place,
}

impl Grading {
    /// A grading that has just been asked for.
    pub fn new(task: usize, title: String) -> Self {
        Self {
            task,
            title,
            checks: Vec::new(),
            verdicts: Vec::new(),
            graded: None,
            list: List::default(),
            scroll: Scroll::default(),
            explained: false,
            from: Place::Task,
        }
    }

    /// A grading that is over, of an exam.
    pub fn of_exam(task: usize, title: String, graded: Graded) -> Self {
        let mut grading = Self { from: Place::Results, ..Self::new(task, title) };
        grading.settle_all(graded);
        grading
    }

    /// Takes what grading says.
    pub fn take(&mut self, news: News) {
        match news {
            News::Checks(checks) => {
                self.verdicts = vec![None; checks.len()];
                self.checks = checks;
            }
            News::Settled { check, verdict } => {
                if let Some(place) = self.verdicts.get_mut(check) {
                    *place = Some(verdict);
                }
            }
            News::Graded(graded) => self.settle_all(*graded),
            _ => {}
        }
    }

    fn settle_all(&mut self, graded: Graded) {
        let results = &graded.report.results;
        let line =
            |result: &CheckResult| CheckLine { name: result.name.clone(), points: result.points, guard: result.guard };
        self.checks = results.iter().map(line).collect();
        self.verdicts = results.iter().map(|result| Some(result.verdict.clone())).collect();
        self.list.cursor = results.iter().position(|result| !result.counts()).unwrap_or(0);
        self.explained = graded.report.full_marks() && !graded.explain.is_empty();
        self.graded = Some(graded);
    }

    fn result(&self, check: usize) -> Option<&CheckResult> {
        self.graded.as_ref()?.report.results.get(check)
    }
}

fn bindings(model: &Model) -> Vec<Binding> {
    let from_exam = model.grading.as_ref().is_some_and(|grading| grading.from == Place::Results);
    let graded = model.grading.as_ref().and_then(|grading| grading.graded.as_ref());
    let back = [named(KeyCode::Enter), named(KeyCode::Esc), key('q'), named(KeyCode::F(10))];
    let label = if from_exam { "Back" } else { "Back to the task" };
    let mut all = vec![bind(&back, "⏎", (label, "back to where one came from"), Action::Back)];
    if !from_exam {
        let again = [key('g'), named(KeyCode::F(5))];
        all.push(bind(&again, "g", ("Grade again", "grade the task as it stands now"), Action::Grade));
    }
    if graded.is_some_and(|graded| !graded.explain.is_empty()) {
        all.push(bind(&[key('e')], "e", ("Explain", "why the answer is what it is; gives it away"), Action::Explain));
    }
    if !from_exam && graded.is_some_and(|graded| graded.next.is_some()) {
        all.push(bind(
            &[key('n')],
            "n",
            ("Next task", "leave this task and start what is suggested next"),
            Action::NextTask,
        ));
    }
    all.push(bind(&[key('?'), named(KeyCode::F(1))], "?", ("Help", "this list of keys"), Action::Help));
    all.push(bind(&[ctrl('c')], "^C", ("Back", "back to where one came from"), Action::Back).hidden());
    all.extend(moving());
    all
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    let (_, reasons) = panes(model);
    let Some(grading) = &mut model.grading else { return Vec::new() };
    match action {
        Action::Back => {
            model.place = grading.from;
            model.errands.forget(Errand::Grade);
            return Vec::new();
        }
        Action::Grade if grading.from == Place::Task => return task::grade(model),
        Action::Explain if grading.graded.is_some() => {
            grading.explained = !grading.explained;
            grading.scroll = Scroll::default();
        }
        Action::NextTask => {
            let next = grading.graded.as_ref().and_then(|graded| graded.next.clone());
            let Some(next) = next.filter(|_| grading.from == Place::Task) else { return Vec::new() };
            let mut effects = session::leave(model);
            effects.extend(model.ask(Errand::Open, Request::Practise { scenario: next.scenario, seed: None }));
            return effects;
        }
        Action::Up | Action::Down | Action::Top | Action::Bottom => {
            grading.list.act(action, grading.checks.len(), 1);
            grading.explained = false;
            grading.scroll = Scroll::default();
        }
        scrolling => {
            grading.scroll.act(scrolling, usize::from(reasons.height));
        }
    }
    Vec::new()
}

fn choose(model: &mut Model, row: usize) -> Vec<Effect> {
    if let Some(grading) = &mut model.grading {
        grading.list.cursor = row;
        grading.explained = false;
        grading.scroll = Scroll::default();
    }
    Vec::new()
}

fn wheel(model: &mut Model, pane: Pane, action: &Action) {
    let Some(grading) = &mut model.grading else { return };
    match pane {
        Pane::First => {
            grading.list.act(action, grading.checks.len(), 1);
        }
        Pane::Second => {
            grading.scroll.act(action, 3);
        }
    }
}

/// The checks' room and the reasons', each under its rule; the first line of the body says how it stands.
fn panes(model: &Model) -> (Rect, Rect) {
    let body = body(model.size);
    let area = Rect { y: body.y + 2, height: body.height.saturating_sub(2), ..body };
    let under = |area: Rect| Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if area.width >= BESIDE {
        let left = Rect { width: area.width * 2 / 5, ..area };
        let right = Rect { x: left.right() + 2, width: area.width - left.width - 2, ..area };
        return (under(left), under(right));
    }
    let checks = model.grading.as_ref().map_or(1, |grading| grading.checks.len().max(1)) as u16;
    let top = Rect { height: (checks + 2).min(area.height / 2 + 1), ..area };
    let bottom = Rect { y: top.bottom(), height: area.height - top.height, ..area };
    (under(top), under(bottom))
}

fn follow(model: &mut Model) -> Vec<Effect> {
    let (checks, reasons) = panes(model);
    let theme = model.theme.clone();
    let Some(grading) = &mut model.grading else { return Vec::new() };
    let rows = grading.checks.len();
    grading.list.follow(grading.list.cursor, rows, usize::from(checks.height));
    let lines = reasons_of(grading, reasons.width.saturating_sub(2), &theme).len();
    grading.scroll.keep(lines, usize::from(reasons.height));
    Vec::new()
}

fn head(model: &Model) -> Head {
    let theme = &model.theme;
    let title = model.grading.as_ref().map(|grading| grading.title.clone()).unwrap_or_default();
    let room = usize::from(model.size.0).saturating_sub(22);
    let left = vec![
        Span::styled(" ⎈ ", theme.brand),
        Span::styled(" Grading  ", theme.accent),
        Span::styled(fit(&title, room), theme.title),
    ];
    Head { left: left.into_iter().map(Piece::from).collect(), right: Vec::new() }
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let Some(grading) = &model.grading else { return };
    let (checks, reasons) = panes(model);
    canvas.line(area, standing(model, grading));
    let above = |area: Rect| Rect { y: area.y - 1, height: area.height + 1, ..area };
    let place = scroll_place(grading.list.offset, grading.checks.len(), usize::from(checks.height));
    ruled(canvas, above(checks), &Title::new("Checks").right(place).focused(true));
    canvas.hits.add(checks, Target::Pane(Pane::First));
    for (number, row) in (grading.list.offset..grading.checks.len()).zip(checks.rows()) {
        draw_check(model, canvas, row, (grading, number));
    }
    let inside = Rect { x: reasons.x + 1, width: reasons.width.saturating_sub(2), ..reasons };
    let lines = reasons_of(grading, inside.width, &model.theme);
    let place = grading.scroll.place(lines.len(), usize::from(inside.height)).unwrap_or_default();
    let title = if grading.explained { "Explanation" } else { "Why" };
    ruled(canvas, above(reasons), &Title::new(title).right(place));
    canvas.hits.add(reasons, Target::Pane(Pane::Second));
    canvas.lines(inside, lines.into_iter().skip(grading.scroll.0));
}

fn scroll_place(offset: usize, rows: usize, height: usize) -> String {
    Scroll(offset).place(rows, height).unwrap_or_default()
}

/// How it stands, in one line: settling, or points and what is missing.
fn standing(model: &Model, grading: &Grading) -> Line<'static> {
    let theme = &model.theme;
    let Some(graded) = &grading.graded else {
        let settled = grading.verdicts.iter().flatten().count();
        let told = match grading.checks.len() {
            0 => " Looking at the cluster…".to_owned(),
            all => format!(" Checking: {settled} of {all} settled"),
        };
        return Line::from(vec![Span::raw("  "), Span::styled(spinner(model.turn), theme.accent), Span::raw(told)]);
    };
    let report = &graded.report;
    let percent = 100.0 * f64::from(report.earned) / f64::from(report.out_of.max(1));
    let mut line = vec![Span::raw("  ")];
    line.extend(bar(percent, 20, theme));
    line.push(Span::styled(format!("  {} of {}", report.earned, count(report.out_of as usize, "point")), theme.title));
    let time = format!("  in {}", clock(graded.spent));
    if report.full_marks() {
        line.push(Span::styled("  ✓ Solved", theme.good));
    } else if report.ungraded.is_some() {
        line.push(Span::styled("  ! not all could be checked", theme.warn));
    } else {
        line.push(Span::styled(format!("  ✗ {} to go", count(report.lost().len(), "check")), theme.bad));
    }
    line.push(Span::styled(time, theme.dim));
    Line::from(line)
}

/// A sign and its style for where a check stands.
fn mark(verdict: Option<&Verdict>, result: Option<&CheckResult>, turn: usize, theme: &Theme) -> (&'static str, Style) {
    match (verdict, result) {
        (None, _) => (spinner(turn), theme.dim),
        (Some(Verdict::Pass), Some(result)) if !result.counts() => ("○", theme.warn),
        (Some(Verdict::Pass), _) => ("✓", theme.good),
        (Some(Verdict::Fail { .. }), _) => ("✗", theme.bad),
        (Some(Verdict::Broken { .. }), _) => ("!", theme.warn),
    }
}

fn draw_check(model: &Model, canvas: &mut Canvas<'_, '_>, row: Rect, (grading, number): (&Grading, usize)) {
    let theme = &model.theme;
    let check = &grading.checks[number];
    let result = grading.result(number);
    let (sign, style) = mark(grading.verdicts[number].as_ref(), result, model.turn, theme);
    let points = match (result, check.guard) {
        (Some(result), true) if result.earned < 0 => format!("{}", result.earned),
        (_, true) => "guard".to_owned(),
        (Some(result), false) => format!("{}/{}", result.earned, check.points),
        (None, false) => format!("{}", check.points),
    };
    let chosen = number == grading.list.cursor && !grading.explained;
    let room = usize::from(row.width).saturating_sub(13);
    canvas.line(
        row,
        vec![
            Span::styled(if chosen { "▌ " } else { "  " }, theme.accent),
            Span::styled(sign, style),
            Span::raw("  "),
            Span::raw(pad(&check.name, room)),
            Span::styled(format!(" {points:>6}"), theme.dim),
        ],
    );
    if chosen {
        canvas.paint(row, theme.selected);
    }
    canvas.hits.add(row, Target::Row(number));
}

/// What the lower pane says: of the chosen check, or the explanation.
fn reasons_of(grading: &Grading, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let columns = usize::from(width);
    if let (true, Some(graded)) = (grading.explained, &grading.graded) {
        let mut lines = markdown::render(&graded.explain, width, theme).lines;
        if !graded.docs.is_empty() {
            lines.push(Line::default());
            lines.extend(graded.docs.iter().map(|link| Line::styled(link.clone(), theme.link)));
        }
        return lines;
    }
    let ungraded = grading.graded.as_ref().and_then(|graded| graded.report.ungraded.as_ref());
    if let (true, Some(why)) = (grading.checks.is_empty(), ungraded) {
        let mut lines = diff::wrapped("This task could not be graded, so it does not count:", columns, "", theme.warn);
        lines.extend(diff::wrapped(why, columns, "  ", theme.text));
        return lines;
    }
    let Some(check) = grading.checks.get(grading.list.cursor) else { return Vec::new() };
    let mut lines = diff::wrapped(&check.name, columns, "", theme.title);
    let Some(Some(verdict)) = grading.verdicts.get(grading.list.cursor) else {
        lines.push(Line::styled("Still being looked at", theme.dim));
        return lines;
    };
    if check.guard {
        let told = "It was so before and should stay so: it earns nothing, and costs when it is spoilt.";
        lines.extend(diff::wrapped(told, columns, "", theme.dim));
    }
    match verdict {
        Verdict::Pass => lines.push(Line::styled("✓ holds", theme.good)),
        _ => {
            lines.push(Line::default());
            lines.extend(diff::of_verdict(verdict, columns, theme));
        }
    }
    if let Some(result) = grading.result(grading.list.cursor).filter(|result| !result.waits_for.is_empty()) {
        let told = format!("It pays only once these hold: {}", result.waits_for.join(", "));
        lines.push(Line::default());
        lines.extend(diff::wrapped(&told, columns, "", theme.warn));
    }
    lines
}
