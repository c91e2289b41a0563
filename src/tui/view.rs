//! Draws what the model says, and returns what can be clicked. Reads only.
//! The shapes stand with screens and overlays; here is the frame around them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::hits::{Hits, Target};
use super::model::{Model, SMALLEST};
use super::parts::key_bar;
use super::screens::{self, Head, body};
use super::{canvas, overlays};

/// Draws a frame.
pub fn view(model: &Model, frame: &mut Frame<'_>) -> Hits {
    let area = frame.area();
    let mut canvas = Canvas { frame, theme: &model.theme, hits: Hits::default() };
    if model.too_small() || area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(&mut canvas, area);
        return canvas.hits;
    }
    canvas.paint(area, model.theme.text);
    let row = screens::row(model.place);
    draw_head(&mut canvas, Rect { height: 1, ..area }, (row.head)(model));
    let body = body((area.width, area.height));
    (row.draw)(model, &mut canvas, body);
    let bottom = Rect { y: area.bottom() - 1, height: 1, ..area };
    let wait = model.errands.shown(model.now);
    if wait.is_none() && model.overlays.is_empty() {
        draw_bottom(model, &mut canvas, bottom);
    }
    // Only the topmost dialog is drawn: what lies under it waits.
    if let Some(overlay) = model.overlays.last() {
        (overlays::row(overlay).draw)(model, &mut canvas, body);
        if wait.is_none() && !overlays::row(overlay).buttons {
            key_bar(&mut canvas, bottom, &overlays::bindings(model));
        }
    }
    if let Some(wait) = wait {
        overlays::wait::draw(model, &mut canvas, body, wait);
    }
    canvas.hits
}

fn draw_head(canvas: &mut Canvas<'_, '_>, row: Rect, head: Head) {
    let spans: Vec<Span<'static>> = head.right.into_iter().map(|piece| piece.span).collect();
    let line = Line::from(spans);
    // The clock is never given up for a long title.
    let end = row.right().saturating_sub(line.width() as u16 + 1);
    let mut x = row.x;
    for piece in head.left {
        let width = (piece.span.width() as u16).min(end.saturating_sub(x));
        let place = Rect { x, width, ..row };
        canvas.line(place, piece.span);
        if let Some(action) = piece.action {
            canvas.hits.add(place, Target::Act(action));
        }
        x += width;
    }
    canvas.line_right(row, line);
}

/// The key bar, with a short note at its end.
fn draw_bottom(model: &Model, canvas: &mut Canvas<'_, '_>, row: Rect) {
    let bindings = screens::bindings(model);
    if model.task().is_some_and(|task| task.leader) {
        canvas.line(row, Span::styled(" ^G ", model.theme.brand));
        return key_bar(canvas, Rect { x: row.x + 4, width: row.width - 4, ..row }, &bindings);
    }
    let Some(note) = &model.note else { return key_bar(canvas, row, &bindings) };
    let text = format!(" {} ", canvas::fit(&note.text, usize::from(row.width.saturating_sub(4))));
    let place = canvas.line_right(row, Span::styled(text, model.theme.accent));
    key_bar(canvas, Rect { width: row.width.saturating_sub(place.width + 2), ..row }, &bindings);
}

fn too_small(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let (columns, rows) = SMALLEST;
    let told = [
        format!("This terminal is {}×{}.", area.width, area.height),
        format!("Kubedrill needs {columns}×{rows}."),
        "Make it larger; nothing is lost.".to_owned(),
    ];
    let top = area.y + area.height.saturating_sub(told.len() as u16) / 2;
    for (row, text) in told.iter().enumerate() {
        let y = top + row as u16;
        if y < area.bottom() {
            let width = text.chars().count() as u16;
            let x = area.x + area.width.saturating_sub(width) / 2;
            canvas.line(Rect { x, y, width: area.right() - x, height: 1 }, text.clone());
        }
    }
}
