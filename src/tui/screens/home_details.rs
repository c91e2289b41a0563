//! The details of the scenario that is chosen on the first screen: how hard, how long, how it went so far, what it is about.
//! Choosing stands in `home`.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::canvas::{Canvas, fit};
use crate::tui::desk::Scenario;
use crate::tui::diff::wrapped;
use crate::tui::markdown;
use crate::tui::model::Model;
use crate::tui::parts::{Title, bar, count, dots, ruled, word};
use crate::tui::theme::Theme;

/// Draws the pane.
pub fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let inside = ruled(canvas, area, &Title::new("Details"));
    let Some(scenario) = model.home.chosen() else { return };
    let theme = &model.theme;
    let width = inside.width.saturating_sub(2);
    let inside = Rect { x: inside.x + 1, width, ..inside };
    let columns = usize::from(width);
    let mut lines: Vec<Line<'static>> = textwrap::wrap(&scenario.title, columns.max(8))
        .into_iter()
        .map(|line| Line::styled(line.into_owned(), theme.title))
        .collect();
    let facts = format!(
        "{} {} · {} min · {}",
        dots(scenario.difficulty),
        word(scenario.difficulty),
        scenario.minutes,
        count(scenario.points as usize, "point")
    );
    lines.push(Line::styled(facts, theme.dim));
    lines.push(Line::styled(fit(&scenario.topics.join(" · "), columns), theme.code));
    lines.push(Line::default());
    lines.extend(standing(scenario, columns, theme));
    if let Some(missing) = &scenario.missing {
        lines.push(Line::default());
        lines.extend(wrapped(missing, columns, "! ", theme.warn));
    }
    lines.push(Line::default());
    lines.extend(markdown::render(&scenario.summary, width, theme).lines);
    canvas.lines(inside, lines);
}

fn standing(scenario: &Scenario, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(best) = scenario.best else {
        return vec![Line::styled("Not tried yet", theme.dim)];
    };
    let mut first = bar(f64::from(best), 12, theme);
    first.push(Span::raw(format!(" {best} %")));
    let mut lines = vec![Line::from(first)];
    let told = [Some(count(scenario.attempts as usize, "attempt")), scenario.last.clone(), scenario.due.clone()];
    let told: Vec<String> = told.into_iter().flatten().collect();
    lines.extend(wrapped(&told.join(" · "), columns, "", theme.dim));
    lines
}
