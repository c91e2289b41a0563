//! A login on a node in a real terminal: prompt, line editing, job control, window size, and the way back.
//! Nothing sleeps: a test waits for the screen to show what is meant, within a bound.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use kubedrill::pty::{ShellSpec, Size, Terminal};

use super::{Ground, grounds};

const SIZE: Size = Size { columns: 80, rows: 12 };

fn login(ground: &Ground) -> Terminal {
    let command = ground.program(&["ssh", "controlplane"]);
    let words = |word: &std::ffi::OsStr| word.to_string_lossy().into_owned();
    let env = command.get_envs().filter_map(|(name, value)| Some((words(name), words(value?)))).collect();
    let spec = ShellSpec {
        program: words(command.get_program()),
        args: command.get_args().map(words).collect(),
        env,
        cwd: "/".into(),
    };
    Terminal::spawn(&spec, SIZE).unwrap()
}

fn types(terminal: &Terminal, text: &str) {
    for c in text.chars() {
        let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
        terminal.key(&KeyEvent::new(code, KeyModifiers::NONE));
    }
}

async fn until(terminal: &Terminal, text: &str) -> String {
    holds(terminal, text, |terminal| terminal.screen().text().contains(text)).await;
    terminal.screen().text()
}

async fn holds(terminal: &Terminal, what: &str, wanted: impl Fn(&Terminal) -> bool) {
    let mut changes = terminal.changes();
    let waiting = async {
        loop {
            changes.mark_unchanged();
            if wanted(terminal) {
                return true;
            }
            if changes.changed().await.is_err() {
                return wanted(terminal);
            }
        }
    };
    // What came may be gone again: a screen that is cleared.
    let came = tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or(false);
    assert!(came, "never came: {what}; ended: {:?}\n{}", terminal.exit(), terminal.screen().text());
}

#[tokio::test]
async fn one_logs_in_works_and_leaves() {
    for ground in grounds() {
        let terminal = login(&ground);
        until(&terminal, "root@controlplane:~#").await;
        types(&terminal, "tty; stty size; alias k\n");
        let screen = until(&terminal, "alias k='kubectl'").await;
        assert!(screen.contains("/dev/pts/0") && screen.contains("12 80"), "{screen}");
        // Ctrl-C ends what runs in the foreground and leaves the shell. It says that it has begun itself: between two commands of its own
        // bash may take the key, and wait for the second one all the same.
        types(&terminal, "sh -c 'echo begun; exec sleep 1000'\n");
        until(&terminal, "\nbegun").await;
        terminal.key(&KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        // What is typed before the shell is back may be lost with what was interrupted.
        holds(&terminal, "the shell is back", |it| it.screen().text().matches("root@controlplane:~#").count() == 3)
            .await;
        types(&terminal, "echo code $?\n");
        until(&terminal, "code 130").await;
        // So does the shell's own job control.
        types(&terminal, "sleep 1000 & jobs\n");
        until(&terminal, "Running").await;
        terminal.resize(Size { columns: 60, rows: 11 });
        types(&terminal, "kill %1; stty size\n");
        until(&terminal, "11 60").await;
        types(&terminal, "clear; cd /etc; sudo -i\n");
        until(&terminal, "root@controlplane:~#").await;
        types(&terminal, "exit\n");
        until(&terminal, "root@controlplane:/etc#").await;
        types(&terminal, "exit 3\n");
        holds(&terminal, "the end", |terminal| terminal.exit().is_some()).await;
        assert_eq!(terminal.exit().and_then(|exit| exit.code), Some(3));
    }
}

#[tokio::test]
async fn the_learners_own_terminal_is_not_the_nodes() {
    for ground in grounds() {
        let terminal = login(&ground);
        until(&terminal, "root@controlplane:~#").await;
        drop(terminal);
        // A command without a terminal of its own has none to type into.
        let mut command = ground.program(&["ssh", "controlplane", "--", "exec 3</dev/tty"]);
        let words = |word: &std::ffi::OsStr| word.to_string_lossy().into_owned();
        let env = command.get_envs().filter_map(|(name, value)| Some((words(name), words(value?)))).collect();
        let args = command.get_args().map(words).collect();
        let spec = ShellSpec { program: words(command.get_program()), args, env, cwd: "/".into() };
        command.stdin(std::process::Stdio::null());
        let terminal = Terminal::spawn(&spec, SIZE).unwrap();
        until(&terminal, "/dev/tty: No such device or address").await;
    }
}
