//! Takes a picture of the program: runs the real binary in a terminal, presses keys, and writes what it shows as SVG.
//! Usage: `cargo run --example picture -- PROGRAM OUT.svg COLUMNSxROWS STEP…`, where a step is keys to press (`enter`, `f5`, `esc`,
//! `tab`, a text to type) or `until:TEXT`, which waits for the text. `just pictures` makes those of the README.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use kubedrill::pty::{Cell, Colour, Screen, ShellSpec, Size, Terminal};

type Done<T> = Result<T, Box<dyn Error>>;

const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const GROUND: &str = "#1a1b26";
const INK: &str = "#c0caf5";
const PALETTE: [&str; 16] = [
    "#15161e", "#f7768e", "#9ece6a", "#e0af68", "#7aa2f7", "#bb9af7", "#7dcfff", "#a9b1d6", "#565f89", "#ff899d",
    "#b9f27c", "#ffc777", "#82aaff", "#c099ff", "#b4f9f8", "#c8d3f5",
];

fn colour(colour: Colour, default: &str) -> String {
    match colour {
        Colour::Default => default.to_owned(),
        Colour::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        Colour::Indexed(index) if index < 16 => PALETTE[usize::from(index)].to_owned(),
        Colour::Indexed(index) if index >= 232 => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
        Colour::Indexed(index) => {
            let level = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
            let cube = index - 16;
            format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
    }
}

fn escaped(character: char) -> String {
    match character {
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '&' => "&amp;".to_owned(),
        other => other.to_string(),
    }
}

fn cell(out: &mut String, cell: &Cell, column: usize, row: usize) {
    let (mut ink, mut ground) = (colour(cell.foreground, INK), colour(cell.background, GROUND));
    if cell.looks.inverse {
        std::mem::swap(&mut ink, &mut ground);
    }
    let (x, y) = (column as f64 * WIDTH + 12.0, row as f64 * HEIGHT + 12.0);
    if ground != GROUND {
        let _ =
            write!(out, "<rect x='{x:.1}' y='{y:.1}' width='{:.1}' height='{HEIGHT}' fill='{ground}'/>", WIDTH + 0.4);
    }
    if cell.character == ' ' || cell.looks.spacer || cell.looks.hidden {
        return;
    }
    let weight = if cell.looks.bold { " font-weight='700'" } else { "" };
    let dim = if cell.looks.dim { " opacity='0.6'" } else { "" };
    let line = if cell.looks.underline { " text-decoration='underline'" } else { "" };
    let _ = write!(
        out,
        "<text x='{x:.1}' y='{:.1}' fill='{ink}'{weight}{dim}{line}>{}</text>",
        y + 13.5,
        escaped(cell.character)
    );
}

fn svg(screen: &Screen) -> String {
    let (columns, rows) = (usize::from(screen.size.columns), usize::from(screen.size.rows));
    let (width, height) = (columns as f64 * WIDTH + 24.0, rows as f64 * HEIGHT + 24.0);
    let mut out = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0} {height:.0}' font-family='ui-monospace,SFMono-Regular,Menlo,Consolas,monospace' font-size='14'><rect width='100%' height='100%' rx='8' fill='{GROUND}'/>"
    );
    for (index, each) in screen.cells.iter().enumerate() {
        cell(&mut out, each, index % columns, index / columns);
    }
    out + "</svg>\n"
}

fn key(name: &str) -> Option<KeyCode> {
    Some(match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "down" => KeyCode::Down,
        "up" => KeyCode::Up,
        _ => KeyCode::F(name.strip_prefix('f')?.parse().ok()?),
    })
}

/// Waits until the program draws nothing more for a moment: what is typed earlier is seen twice, or goes to what is just going away.
async fn quiet(terminal: &Terminal) {
    let mut changes = terminal.changes();
    changes.mark_unchanged();
    while let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(300), changes.changed()).await {}
}

async fn step(terminal: &Terminal, step: &str) -> Done<()> {
    if let Some(text) = step.strip_prefix("until:") {
        let mut changes = terminal.changes();
        while !terminal.screen().text().contains(text) {
            let waited = tokio::time::timeout(Duration::from_secs(30), changes.changed()).await;
            waited.map_err(|_| format!("{text:?} did not come; the screen shows:\n{}", terminal.screen().text()))??;
        }
        return Ok(());
    }
    quiet(terminal).await;
    match key(step) {
        Some(code) => terminal.key(&KeyEvent::new(code, KeyModifiers::NONE)),
        None => step
            .chars()
            .for_each(|character| terminal.key(&KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE))),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, out, size, steps @ ..] = arguments.as_slice() else {
        return Err("usage: picture PROGRAM OUT.svg COLUMNSxROWS STEP…".into());
    };
    let (columns, rows) = size.split_once('x').ok_or("the size is COLUMNSxROWS")?;
    let home = tempfile::tempdir()?;
    let env = vec![("KUBEDRILL_HOME".to_owned(), home.path().to_string_lossy().into_owned())];
    // It runs in a folder of its own.
    let program = std::fs::canonicalize(program)?.to_string_lossy().into_owned();
    let spec = ShellSpec { program, args: Vec::new(), env, cwd: home.path().to_owned() };
    let terminal = Terminal::spawn(&spec, Size { columns: columns.parse()?, rows: rows.parse()? })?;
    for each in steps {
        step(&terminal, each).await?;
    }
    std::fs::write(out, svg(&terminal.screen()))?;
    println!("{}", terminal.screen().text());
    Ok(())
}
