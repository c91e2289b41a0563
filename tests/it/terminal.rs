//! The learner's terminal, driven with real programs: a shell, vim, a flood.
//! Nothing sleeps: a test waits for the screen to change until it shows what is meant, within a bound.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEventKind};
use kubedrill::pty::{Screen, ShellSpec, Size, SpawnError, Terminal};

const SIZE: Size = Size { columns: 40, rows: 10 };

fn spec(program: &str, args: &[&str]) -> ShellSpec {
    ShellSpec {
        program: program.into(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: [("PS1", "$ "), ("HOME", "/"), ("HISTFILE", ""), ("EDITOR", "")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .to_vec(),
        cwd: "/".into(),
    }
}

fn shell(script: &str) -> Terminal {
    Terminal::spawn(&spec("sh", &["-c", script]), SIZE).expect("sh starts")
}

fn bash() -> Terminal {
    Terminal::spawn(&spec("bash", &["--norc", "--noprofile", "-i"]), SIZE).expect("bash starts")
}

fn keys(terminal: &Terminal, text: &str) {
    for c in text.chars() {
        let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
        terminal.key(&KeyEvent::new(code, KeyModifiers::NONE));
    }
}

/// Waits until the terminal is as `wanted`, and fails with its screen when that takes too long.
async fn until(terminal: &Terminal, what: &str, wanted: impl Fn(&Terminal, &Screen) -> bool) -> Screen {
    let mut changes = terminal.changes();
    let waiting = async {
        loop {
            changes.mark_unchanged();
            let screen = terminal.screen();
            if wanted(terminal, &screen) {
                return screen;
            }
            if changes.changed().await.is_err() {
                return screen;
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(60), waiting).await {
        Ok(screen) => screen,
        Err(_) => panic!("never came: {what}\n{}", terminal.screen().text()),
    }
}

async fn until_text(terminal: &Terminal, text: &str) -> Screen {
    until(terminal, text, |_, screen| screen.text().contains(text)).await
}

/// The screen a program leaves. It is taken once the end is told: one taken before may lack the last words.
async fn until_exit(terminal: &Terminal) -> Screen {
    until(terminal, "exit", |terminal, _| terminal.exit().is_some()).await;
    terminal.screen()
}

/// Waits until a line with `text` was ended, too: a terminal hands on a line and its end one after the other.
async fn until_line(terminal: &Terminal, text: &str) -> Screen {
    let ended = |screen: &Screen| screen.cursor.is_some_and(|cursor| cursor.column == 0);
    until(terminal, text, |_, screen| screen.text().contains(text) && ended(screen)).await
}

#[tokio::test]
async fn a_shell_answers_and_its_exit_is_told() {
    let terminal = bash();
    until_text(&terminal, "$").await;
    keys(&terminal, "echo $((6*7)) $TERM; exit 3\n");
    let screen = until_exit(&terminal).await;
    assert!(screen.text().contains("42 xterm-256color"), "{}", screen.text());
    assert_eq!(terminal.exit().and_then(|exit| exit.code), Some(3));
}

#[tokio::test]
async fn long_lines_flow_when_the_pane_changes() {
    let terminal = shell("printf 'abcdefghijklmnopqrstuvwxyz0123456789\\n'; read x");
    until_line(&terminal, "789").await;
    terminal.resize(Size { columns: 20, rows: 10 });
    terminal.scroll(1);
    let narrow = terminal.screen();
    assert_eq!((narrow.line(0).as_str(), narrow.line(1).as_str()), ("abcdefghijklmnopqrst", "uvwxyz0123456789"));
    terminal.resize(SIZE);
    assert_eq!(terminal.screen().line(0), "abcdefghijklmnopqrstuvwxyz0123456789");
}

#[tokio::test]
async fn what_scrolled_away_can_be_seen_and_a_key_comes_back() {
    let terminal = shell("seq 100; cat");
    until_line(&terminal, "100").await;
    terminal.scroll(50);
    let above = terminal.screen();
    assert_eq!((above.line(0).as_str(), above.scrolled), ("42", 50));
    assert_eq!(above.cursor, None, "the cursor is out of sight");
    keys(&terminal, "x");
    assert_eq!(until_text(&terminal, "x").await.scrolled, 0);
}

#[tokio::test]
async fn the_mouse_selects_words_and_ranges_when_no_program_wants_it() {
    let terminal = shell("echo one two three; read x");
    until_text(&terminal, "three").await;
    let left = MouseButton::Left;
    let mouse = |kind, at, clicks| terminal.mouse(kind, KeyModifiers::NONE, at, clicks);
    mouse(MouseEventKind::Down(left), (5, 0), 2);
    assert_eq!(mouse(MouseEventKind::Up(left), (5, 0), 2).as_deref(), Some("two"));
    mouse(MouseEventKind::Down(left), (1, 0), 1);
    mouse(MouseEventKind::Drag(left), (6, 0), 1);
    assert_eq!(terminal.screen().cells.iter().filter(|cell| cell.looks.selected).count(), 6);
    assert_eq!(mouse(MouseEventKind::Up(left), (6, 0), 1).as_deref(), Some("ne two"));
    mouse(MouseEventKind::Down(left), (0, 0), 1);
    assert_eq!(mouse(MouseEventKind::Up(left), (0, 0), 1), None, "a click selects nothing");
}

#[tokio::test]
async fn a_program_that_wants_the_mouse_and_pastes_gets_them() {
    let terminal =
        shell("stty raw -echo; printf '\\033[?1000h\\033[?1006h\\033[?2004hready'; od -An -c -N 23; stty sane");
    until_text(&terminal, "ready").await;
    terminal.mouse(MouseEventKind::Down(MouseButton::Left), KeyModifiers::NONE, (2, 4), 1);
    terminal.paste("hi");
    let screen = until_exit(&terminal).await;
    let told: String = screen.text().split_whitespace().collect();
    assert!(told.contains("033[<0;3;5M033[200~hi033"), "{}", screen.text());
}

#[tokio::test]
async fn a_program_that_asks_where_its_cursor_is_gets_an_answer_and_may_copy() {
    let terminal = shell(
        "stty raw -echo; printf 'abc\\033[6n'; dd bs=1 count=6 2>/dev/null | od -An -c; printf '\\033]52;c;aGVsbG8=\\007'",
    );
    let screen = until_exit(&terminal).await;
    let told: String = screen.text().split_whitespace().collect();
    assert!(told.contains("033[1;4R"), "{}", screen.text());
    assert_eq!(terminal.take_copied().as_deref(), Some("hello"));
    assert_eq!(terminal.take_copied(), None);
}

#[tokio::test]
async fn vim_edits_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("note.txt");
    let args = ["-u", "NONE", "-N", "-i", "NONE", file.to_str().expect("utf-8")];
    let terminal = Terminal::spawn(&spec("vim", &args), SIZE).expect("vim starts");
    until(&terminal, "the whole screen", |_, screen| screen.alternate && screen.text().contains('~')).await;
    keys(&terminal, "ihello from vim");
    until_text(&terminal, "hello from vim").await;
    terminal.key(&KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
    keys(&terminal, ":wq\n");
    until_exit(&terminal).await;
    assert_eq!(std::fs::read_to_string(&file).expect("vim wrote"), "hello from vim\n");
}

#[tokio::test]
async fn a_flood_is_shown_to_its_end_while_screens_are_taken() {
    let terminal =
        shell("yes 0123456789012345678901234567890123456789012345678 | head -c 10000000; echo; echo done; read x");
    let mut frames = 0;
    let mut changes = terminal.changes();
    let drawing = async {
        loop {
            changes.mark_unchanged();
            let screen = terminal.screen();
            frames += 1;
            if screen.text().ends_with("done") || changes.changed().await.is_err() {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), drawing).await.expect("the flood ends");
    assert!(frames > 10, "only {frames} screens could be taken during the flood");
}

#[test]
fn what_cannot_start_says_why() {
    let error = |spec: &ShellSpec| Terminal::spawn(spec, SIZE).err().map(|error| error.to_string()).unwrap_or_default();
    let gone = ShellSpec { cwd: "/no/such/place".into(), ..spec("sh", &[]) };
    assert_eq!(error(&gone), "the shell's directory /no/such/place is not there");
    let none = spec("/no/such/shell", &[]);
    assert!(matches!(Terminal::spawn(&none, SIZE), Err(SpawnError::Program { .. })));
}
