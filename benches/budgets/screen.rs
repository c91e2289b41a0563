//! The program on a screen, in a real pseudo-terminal: its first frame, a key until its frame, and a flood in the terminal pane beside tmux.
//! What frames show is the tests'.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use kubedrill::pty::{Screen, ShellSpec, Size, Terminal};

use super::{Done, median, millis, row};

const SIZE: Size = Size { columns: 80, rows: 24 };
/// How many keys are pressed, and how long the learner takes for each: twice as fast as a held key repeats.
const KEYS: usize = 500;
const BETWEEN: Duration = Duration::from_millis(15);
/// How much is written into the pane.
const FLOOD: usize = 50 << 20;
/// How far the pane's frames are apart, as the program's own.
const FRAME: Duration = Duration::from_millis(12);

fn spec(dir: &Path, program: &str, args: &[&str]) -> ShellSpec {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    ShellSpec { program: program.to_owned(), args, env: Vec::new(), cwd: dir.to_owned() }
}

/// The program itself, with a home of its own.
fn program(dir: &Path, home: &str) -> ShellSpec {
    let home = dir.join(home).to_string_lossy().into_owned();
    let env = vec![("KUBEDRILL_HOME".to_owned(), home)];
    ShellSpec { env, ..spec(dir, env!("CARGO_BIN_EXE_kubedrill"), &[]) }
}

/// Waits until the screen is as wanted.
async fn until(terminal: &Terminal, wanted: impl Fn(&Screen) -> bool) -> Done<Screen> {
    let mut changes = terminal.changes();
    loop {
        changes.mark_unchanged();
        let screen = terminal.screen();
        if wanted(&screen) {
            return Ok(screen);
        }
        tokio::time::timeout(Duration::from_secs(5), changes.changed()).await??;
    }
}

pub async fn first_frame(dir: &Path) -> Done<()> {
    let mut times = Vec::new();
    for number in 0..11 {
        let began = Instant::now();
        let terminal = Terminal::spawn(&program(dir, &format!("home-{number}")), SIZE)?;
        until(&terminal, |screen| !screen.text().trim().is_empty()).await?;
        times.push(began.elapsed());
    }
    row("the program to its first frame", median(times), "<= 50 ms");
    Ok(())
}

/// Goes up and down in the catalogue: each key moves the mark.
pub async fn key(dir: &Path) -> Done<()> {
    let terminal = Terminal::spawn(&program(dir, "home-key"), SIZE)?;
    // The first frame comes before the packs are read: there is nothing to move in yet.
    let mut before = until(&terminal, |screen| screen.text().contains("Next up")).await?;
    let mut times = Vec::new();
    for number in 0..KEYS {
        tokio::time::sleep(BETWEEN).await;
        let code = if number % 8 < 4 { KeyCode::Down } else { KeyCode::Up };
        let began = Instant::now();
        terminal.key(&KeyEvent::new(code, KeyModifiers::NONE));
        before = until(&terminal, |screen| *screen != before).await?;
        times.push(began.elapsed());
    }
    times.sort();
    row("a key until its frame, 99 of 100", times[KEYS * 99 / 100], "<= 8 ms");
    println!("{:<52} {:>12}", "a key until its frame, median", millis(median(times)));
    Ok(())
}

/// How long a program takes to its end in a terminal whose frames are drawn meanwhile.
async fn to_its_end(spec: &ShellSpec) -> Done<Duration> {
    let began = Instant::now();
    let terminal = Terminal::spawn(spec, SIZE)?;
    let mut changes = terminal.changes();
    while terminal.exit().is_none() {
        tokio::time::timeout(Duration::from_secs(60), changes.changed()).await??;
        terminal.screen();
        // What ends meanwhile is seen at once: only frames keep their distance.
        let ended = async { while terminal.exit().is_none() && changes.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(FRAME, ended).await;
    }
    Ok(began.elapsed())
}

/// `cat` of a long file in our pane, and in tmux's where there is one: both draw as it goes.
pub async fn flood(dir: &Path) -> Done<()> {
    let file = dir.join("flood.txt");
    let line = |number: usize| {
        format!("default   web-{number:06}-7d4b9c   1/1   Running   0   {}m   10.244.1.{}\n", number % 60, number % 250)
    };
    let mut text: String = (0..FLOOD / 64).map(line).collect();
    text.truncate(FLOOD);
    std::fs::write(&file, text)?;
    let file = file.to_string_lossy();
    let socket = format!("kubedrill-bench-{}", std::process::id());
    let command = format!("cat {file}");
    let tmux = spec(dir, "tmux", &["-L", &socket, "-f", "/dev/null", "new-session", &command]);
    let has_tmux = Command::new("tmux").arg("-V").output().is_ok_and(|told| told.status.success());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        ours.push(to_its_end(&spec(dir, "cat", &[&file])).await?);
        if has_tmux {
            theirs.push(to_its_end(&tmux).await?);
        }
    }
    let beside = match has_tmux {
        true => format!("<= tmux, {}", millis(median(theirs))),
        false => "no tmux here to compare with".to_owned(),
    };
    row("`cat` of 50 MB in the terminal pane", median(ours), &beside);
    Ok(())
}
