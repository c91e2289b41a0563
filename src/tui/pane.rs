//! Draws a shell's screen into the frame. What is on it stands with `pty`.
//! Colours are passed on as the program asked for them: it knows of NO_COLOR itself, and a terminal does not change what it is told.

use ratatui::buffer::Cell as Drawn;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::canvas::Canvas;
use crate::pty::{Cell, Colour, Screen};

/// Draws as much of the screen as fits, and the cursor when `focused`.
pub fn draw(canvas: &mut Canvas<'_, '_>, area: Rect, screen: &Screen, focused: bool) {
    let columns = usize::from(screen.size.columns);
    for (row, place) in area.rows().enumerate().take(usize::from(screen.size.rows)) {
        let start = row * columns;
        let cells = screen.cells.get(start..start + columns).unwrap_or_default();
        for (cell, x) in cells.iter().zip(place.left()..place.right()) {
            if let Some(drawn) = canvas.frame.buffer_mut().cell_mut((x, place.y)) {
                set(drawn, cell);
            }
        }
    }
    for (index, marks) in &screen.marks {
        let (row, column) = ((index / columns.max(1)) as u16, (index % columns.max(1)) as u16);
        if row < area.height
            && column < area.width
            && let Some(drawn) = canvas.frame.buffer_mut().cell_mut((area.x + column, area.y + row))
        {
            let symbol = format!("{}{marks}", drawn.symbol());
            drawn.set_symbol(&symbol);
        }
    }
    let cursor = screen.cursor.filter(|cursor| cursor.row < area.height && cursor.column < area.width);
    if let Some(cursor) = cursor.filter(|_| focused) {
        canvas.frame.set_cursor_position((area.x + cursor.column, area.y + cursor.row));
    }
}

fn set(drawn: &mut Drawn, cell: &Cell) {
    let looks = cell.looks;
    drawn.reset();
    // The wide character before it covers a spacer; a diff of frames must see nothing there.
    match (looks.spacer, looks.hidden) {
        (true, _) => drawn.set_symbol(""),
        (_, true) => drawn.set_char(' '),
        _ => drawn.set_char(cell.character),
    };
    drawn.fg = colour(cell.foreground);
    drawn.bg = colour(cell.background);
    for (wanted, modifier) in [
        (looks.bold, Modifier::BOLD),
        (looks.dim, Modifier::DIM),
        (looks.italic, Modifier::ITALIC),
        (looks.underline, Modifier::UNDERLINED),
        (looks.strike, Modifier::CROSSED_OUT),
        (looks.inverse != looks.selected, Modifier::REVERSED),
    ] {
        drawn.modifier.set(modifier, wanted);
    }
}

fn colour(colour: Colour) -> Color {
    match colour {
        Colour::Default => Color::Reset,
        Colour::Indexed(index) => Color::Indexed(index),
        Colour::Rgb(r, g, b) => Color::Rgb(r, g, b),
    }
}
