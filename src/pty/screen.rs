//! What a terminal shows at one moment, as plain data.
//! Taken from alacritty's grid in one go, so that drawing holds no lock and a test can write a screen by hand.

use alacritty_terminal::event::EventListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line, Point};
use alacritty_terminal::term::cell::{Cell as GridCell, Flags};
use alacritty_terminal::term::color::Colors;
use alacritty_terminal::term::{RenderableContent, Term, TermMode};
use alacritty_terminal::vte::ansi::{Color, CursorShape as Shape, NamedColor};

/// Columns and rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

impl Dimensions for Size {
    fn total_lines(&self) -> usize {
        self.screen_lines()
    }

    fn screen_lines(&self) -> usize {
        usize::from(self.rows.max(1))
    }

    fn columns(&self) -> usize {
        usize::from(self.columns.max(2))
    }
}

/// A cell's colour as the program asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// The terminal's own foreground or background.
    #[default]
    Default,
    /// One of the 256 of the palette; the first 16 are the terminal's own.
    Indexed(u8),
    Rgb(u8, u8, u8),
}

/// How a cell is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    pub bold: bool,
    pub dim: bool,
    pub italic: bool,
    pub underline: bool,
    pub strike: bool,
    pub inverse: bool,
    pub hidden: bool,
    /// The learner marked it with the mouse.
    pub selected: bool,
    /// The right half of the wide character before it: shows nothing of its own.
    pub spacer: bool,
}

/// One place of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub character: char,
    pub foreground: Colour,
    pub background: Colour,
    pub looks: Looks,
}

impl Default for Cell {
    fn default() -> Self {
        Self { character: ' ', foreground: Colour::Default, background: Colour::Default, looks: Looks::default() }
    }
}

/// How the cursor looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CursorShape {
    #[default]
    Block,
    Underline,
    Bar,
}

/// Where the cursor is, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub column: u16,
    pub row: u16,
    pub shape: CursorShape,
}

/// What a terminal shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    pub size: Size,
    /// Row by row.
    pub cells: Vec<Cell>,
    /// Marks without a width of their own, by the index of the cell they stand on.
    pub marks: Vec<(usize, String)>,
    /// `None` when the program hides it or it is scrolled out of sight.
    pub cursor: Option<Cursor>,
    /// How many lines above the newest the view stands.
    pub scrolled: usize,
    /// How many lines lie above the screen.
    pub history: usize,
    /// The program took the whole screen, as vim and less do.
    pub alternate: bool,
}

impl Screen {
    /// A screen with this text, for tests and for a shell that could not be started.
    pub fn of_text(text: &str, size: Size) -> Self {
        let (columns, rows) = (usize::from(size.columns), usize::from(size.rows));
        let mut cells = vec![Cell::default(); columns * rows];
        let mut cursor = Cursor::default();
        for (row, line) in text.lines().take(rows).enumerate() {
            for (column, character) in line.chars().take(columns).enumerate() {
                cells[row * columns + column].character = character;
            }
            cursor = Cursor { row: row as u16, column: line.chars().count() as u16, shape: CursorShape::Block };
        }
        Self { size, cells, cursor: Some(cursor), ..Self::default() }
    }

    /// The row's text without trailing blanks, as a person reads it.
    pub fn line(&self, row: u16) -> String {
        let columns = usize::from(self.size.columns);
        let start = usize::from(row) * columns;
        let cells = self.cells.get(start..start + columns).unwrap_or_default();
        let text: String = cells.iter().filter(|cell| !cell.looks.spacer).map(|cell| cell.character).collect();
        text.trim_end().to_owned()
    }

    /// All rows, without empty ones at the end.
    pub fn text(&self) -> String {
        let lines: Vec<String> = (0..self.size.rows).map(|row| self.line(row)).collect();
        lines.join("\n").trim_end().to_owned()
    }

    pub(super) fn of_term<T: EventListener>(term: &Term<T>) -> Self {
        let content = term.renderable_content();
        let size = Size { columns: term.columns() as u16, rows: term.screen_lines() as u16 };
        let top = -(content.display_offset as i32);
        let mut cells = vec![Cell::default(); term.columns() * term.screen_lines()];
        let mut marks = Vec::new();
        let cursor = cursor_of(&content, top, size);
        let RenderableContent { display_iter, selection, colors, display_offset, mode, .. } = content;
        for indexed in display_iter {
            let Point { line: Line(line), column: Column(column) } = indexed.point;
            let index = (line - top) as usize * term.columns() + column;
            let Some(cell) = cells.get_mut(index) else { continue };
            *cell = cell_of(indexed.cell, colors);
            cell.looks.selected = selection.is_some_and(|range| range.contains(indexed.point));
            if let Some(extra) = indexed.cell.zerowidth().filter(|extra| !extra.is_empty()) {
                marks.push((index, extra.iter().collect()));
            }
        }
        Self {
            size,
            cells,
            marks,
            cursor,
            scrolled: display_offset,
            history: term.history_size(),
            alternate: mode.contains(TermMode::ALT_SCREEN),
        }
    }
}

fn cursor_of(content: &RenderableContent<'_>, top: i32, size: Size) -> Option<Cursor> {
    let shape = match content.cursor.shape {
        Shape::Hidden => return None,
        Shape::Underline => CursorShape::Underline,
        Shape::Beam => CursorShape::Bar,
        Shape::Block | Shape::HollowBlock => CursorShape::Block,
    };
    let row = u16::try_from(content.cursor.point.line.0 - top).ok().filter(|row| *row < size.rows)?;
    Some(Cursor { column: content.cursor.point.column.0 as u16, row, shape })
}

fn cell_of(cell: &GridCell, colors: &Colors) -> Cell {
    let has = |flag| cell.flags.intersects(flag);
    Cell {
        character: if cell.c == '\t' { ' ' } else { cell.c },
        foreground: colour_of(cell.fg, colors),
        background: colour_of(cell.bg, colors),
        looks: Looks {
            bold: has(Flags::BOLD),
            dim: has(Flags::DIM),
            italic: has(Flags::ITALIC),
            underline: has(Flags::ALL_UNDERLINES),
            strike: has(Flags::STRIKEOUT),
            inverse: has(Flags::INVERSE),
            hidden: has(Flags::HIDDEN),
            selected: false,
            spacer: has(Flags::WIDE_CHAR_SPACER),
        },
    }
}

/// The colour asked for, or what the program itself put in its place in the palette (OSC 4).
fn colour_of(color: Color, colors: &Colors) -> Colour {
    let (index, plain) = match color {
        Color::Spec(rgb) => return Colour::Rgb(rgb.r, rgb.g, rgb.b),
        Color::Indexed(index) => (usize::from(index), Colour::Indexed(index)),
        Color::Named(named) => (named as usize, of_named(named)),
    };
    colors[index].map_or(plain, |rgb| Colour::Rgb(rgb.r, rgb.g, rgb.b))
}

fn of_named(named: NamedColor) -> Colour {
    match named as usize {
        index @ 0..16 => Colour::Indexed(index as u8),
        dim if (NamedColor::DimBlack as usize..=NamedColor::DimWhite as usize).contains(&dim) => {
            Colour::Indexed((dim - NamedColor::DimBlack as usize) as u8)
        }
        _ => Colour::Default,
    }
}
