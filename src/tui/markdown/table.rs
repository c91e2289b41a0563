//! A markdown table in a given width: columns as wide as their text where there is room, else the widest give way and their cells wrap.
//! What is in the cells stands with the builder.

use ratatui::style::Style;

use super::glyph::{Glyph, glyphs, width, wrap};

/// Between two columns.
const BETWEEN: &str = "  ";

/// A table's rows; the first is its head.
#[derive(Default)]
pub struct Table {
    rows: Vec<Vec<Vec<Glyph>>>,
    open: Vec<Vec<Glyph>>,
}

impl Table {
    pub fn cell(&mut self, cell: Vec<Glyph>) {
        self.open.push(cell);
    }

    pub fn row(&mut self) {
        self.rows.push(std::mem::take(&mut self.open));
    }

    /// The lines it takes, with a rule under the head.
    pub fn lay_out(&self, columns: usize, rule: Style) -> Vec<Vec<Glyph>> {
        let widths = self.widths(columns);
        let mut lines = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            lines.extend(lay_row(row, &widths));
            if number == 0 {
                let under: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                lines.push(glyphs(&under.join(BETWEEN), rule, None).collect());
            }
        }
        lines
    }

    fn widths(&self, columns: usize) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max();
        let mut widths: Vec<usize> = (0..count).map(|column| widest(column).unwrap_or(0).max(1)).collect();
        let room = columns.saturating_sub(BETWEEN.len() * count.saturating_sub(1));
        while widths.iter().sum::<usize>() > room {
            let Some(largest) = widths.iter_mut().max().filter(|width| **width > 4) else { break };
            *largest -= 1;
        }
        widths
    }
}

fn lay_row(row: &[Vec<Glyph>], widths: &[usize]) -> Vec<Vec<Glyph>> {
    let cells: Vec<Vec<Vec<Glyph>>> = row.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let blank = |count: usize| std::iter::repeat_n(Glyph { character: ' ', style: Style::new(), copy: None }, count);
    let line = |number: usize| {
        let mut line = Vec::new();
        for (column, (cell, columns)) in cells.iter().zip(widths).enumerate() {
            if column > 0 {
                line.extend(blank(BETWEEN.len()));
            }
            let shown = cell.get(number).map(Vec::as_slice).unwrap_or_default();
            line.extend_from_slice(shown);
            line.extend(blank(columns.saturating_sub(width(shown))));
        }
        line
    };
    (0..height).map(line).collect()
}
