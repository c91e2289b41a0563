//! The second tab of the first screen: the exams there are, and the one that goes on.
//! An exam being sat stands in `exam`.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::home;
use crate::tui::action::Action;
use crate::tui::canvas::{Canvas, pad};
use crate::tui::desk::{Catalogue, Exam, Request};
use crate::tui::diff::wrapped;
use crate::tui::errand::Errand;
use crate::tui::hits::{Pane, Target};
use crate::tui::message::Effect;
use crate::tui::model::Model;
use crate::tui::overlays::{Overlay, Question};
use crate::tui::parts::{Title, bar, clock, count, ruled, score_mark};

/// What an action does on this tab.
pub fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    let Some(catalogue) = &model.home.catalogue else { return Vec::new() };
    if *action != Action::Enter {
        let (count, page) = (catalogue.exams.len(), usize::from(home::panes(model).0.height));
        model.home.exams.act(action, count, page);
        return Vec::new();
    }
    if catalogue.under_way.is_some() {
        return model.ask(Errand::Exam, Request::ResumeExam);
    }
    let Some(exam) = catalogue.exams.get(model.home.exams.cursor) else { return Vec::new() };
    if let Some(missing) = exam.missing.clone() {
        model.say(missing);
        return Vec::new();
    }
    let question = Question::StartExam { id: exam.id.clone(), title: exam.title.clone(), minutes: exam.minutes };
    model.overlays.push(Overlay::Confirm(question));
    Vec::new()
}

/// Draws the tab.
pub fn draw(model: &Model, canvas: &mut Canvas<'_, '_>) {
    let Some(catalogue) = &model.home.catalogue else { return };
    let (list, details) = home::panes(model);
    let above = Rect { y: list.y - 1, height: list.height + 1, ..list };
    ruled(canvas, above, &Title::new("Exams").right(count(catalogue.exams.len(), "exam")).focused(true));
    canvas.hits.add(list, Target::Pane(Pane::First));
    if catalogue.exams.is_empty() {
        canvas.line(list, Span::styled("  This pack has no exam.", model.theme.dim));
    }
    for (number, (row, exam)) in list.rows().zip(&catalogue.exams).enumerate() {
        draw_row(model, canvas, row, (number, exam));
    }
    let inside = ruled(canvas, details, &Title::new("Details"));
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if let Some(exam) = catalogue.exams.get(model.home.exams.cursor) {
        canvas.lines(inside, details_of(model, catalogue, exam, usize::from(inside.width)));
    }
}

fn draw_row(model: &Model, canvas: &mut Canvas<'_, '_>, row: Rect, (number, exam): (usize, &Exam)) {
    let theme = &model.theme;
    let chosen = number == model.home.exams.cursor;
    let (mark, style) = score_mark(exam.best.map(|best| if best >= exam.pass { 100 } else { best }), theme);
    let right = format!("{} min ", exam.minutes);
    let room = usize::from(row.width).saturating_sub(5 + right.len());
    canvas.line(
        row,
        vec![
            Span::styled(if chosen { "▌ " } else { "  " }, theme.accent),
            Span::styled(mark, style),
            Span::raw(" "),
            Span::raw(pad(&exam.title, room)),
            Span::styled(right, theme.dim),
        ],
    );
    if chosen {
        canvas.paint(row, theme.selected);
    }
    canvas.hits.add(row, Target::Row(number));
}

fn details_of(model: &Model, catalogue: &Catalogue, exam: &Exam, columns: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let mut lines = vec![Line::styled(exam.title.clone(), theme.title)];
    let facts = format!("{} · {} min · pass {} %", count(exam.tasks as usize, "task"), exam.minutes, exam.pass);
    lines.push(Line::styled(facts, theme.dim));
    lines.push(Line::default());
    if let Some(under_way) = &catalogue.under_way {
        let (state, next) = match model.until(under_way.deadline) {
            ..=0 => ("its time is up".to_owned(), "Enter grades it and shows the results."),
            left => (format!("{} left", clock(left)), "Enter returns to it. Its clock runs on."),
        };
        lines.extend(wrapped(&format!("{}: {state}", under_way.title), columns, "", theme.warn));
        lines.extend(wrapped(next, columns, "", theme.text));
        lines.push(Line::default());
    }
    match exam.best {
        Some(best) => {
            let mut line = bar(f64::from(best), 12, theme);
            let passed = if best >= exam.pass { "passed" } else { "not passed yet" };
            line.push(Span::raw(format!(" {best} %  {passed}")));
            lines.push(Line::from(line));
            lines.push(Line::styled(count(exam.attempts as usize, "attempt"), theme.dim));
        }
        None => lines.push(Line::styled("Not sat yet", theme.dim)),
    }
    lines.push(Line::default());
    let widest = columns.saturating_sub(22).clamp(10, 34);
    for (title, weight) in &exam.weights {
        let mut line = vec![Span::raw(pad(title, widest)), Span::raw(" ")];
        line.extend(bar(f64::from(*weight) * 2.0, 12, theme));
        line.push(Span::styled(format!(" {weight:>3} %"), theme.dim));
        lines.push(Line::from(line));
    }
    lines.push(Line::default());
    let rules = "Tasks can be done in any order. The clock runs on when you leave. Nothing is graded before you hand in, \
                 or before the time is up; there are no hints.";
    lines.extend(wrapped(rules, columns, "", theme.dim));
    lines
}
