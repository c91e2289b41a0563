//! The shell at a terminal: it asks, does what is typed, and goes on after Ctrl-C.
//! Keys and history are `../terminal.rs`; what the commands do, `run.rs`.

use std::sync::Arc;

use futures::future::{Either, select};

use super::dialect::Dialect;
use super::parse::parse;
use super::run::{Shell, Stop};
use super::tree::List;
use crate::sim::nodes::process::terminal::{Control, Terminal, Typed};

/// Runs a shell for somebody at a terminal until they leave it.
pub async fn interact(mut shell: Shell, terminal: Arc<Terminal>) -> i32 {
    let control = terminal.enter();
    shell.interactive = true;
    let mut script = String::new();
    loop {
        let prompt = if script.is_empty() { prompt(&shell) } else { "> ".to_owned() };
        match terminal.ask(&prompt).await {
            Typed::Interrupt => {
                script.clear();
                shell.last = 130;
                continue;
            }
            Typed::End => break,
            Typed::Line(line) => script.push_str(&line),
        }
        match parse(&script, shell.dialect) {
            Err(error) if error.is_unfinished() => {
                script.push('\n');
                continue;
            }
            Err(error) => {
                let message = error.message(shell.dialect, shell.name(), false);
                shell.program.errors.write(shell.program.engine(), message.as_bytes()).await;
                shell.last = 2;
            }
            Ok(list) => {
                if let Some(code) = turn(&mut shell, &list, &control).await {
                    return shell.leave(code).await;
                }
            }
        }
        script.clear();
    }
    let last = shell.last;
    shell.leave(last).await
}

/// Does one line; the exit code when it was the last.
async fn turn(shell: &mut Shell, list: &List, control: &Control) -> Option<i32> {
    let (before, group) = (shell.program.clone(), shell.program.group.child());
    shell.program.group = group.clone();
    let engine = shell.program.engine().clone();
    let flow = match select(shell.list(list), std::pin::pin!(engine.until(|| control.interrupted()))).await {
        Either::Left((flow, _)) => Some(flow),
        Either::Right(_) => {
            group.kill();
            None
        }
    };
    let flow = flow.unwrap_or_else(|| {
        // What was under way had redirected the streams, perhaps.
        (shell.program.input, shell.program.output, shell.program.errors) =
            (before.input, before.output, before.errors);
        Ok(130)
    });
    shell.program.group = before.group;
    match flow {
        Err(Stop::Exit(code)) if shell.left => return Some(code),
        Err(Stop::Exit(code) | Stop::Return(code)) | Ok(code) => shell.last = code,
        Err(_) => {}
    }
    None
}

/// `/ # ` as BusyBox asks, `root@web-0:/# ` as bash does, `# ` as dash.
fn prompt(shell: &Shell) -> String {
    let container = &shell.program.container;
    let sign = if container.user == 0 { '#' } else { '$' };
    let (folder, home) = (&shell.program.folder, shell.parameter("HOME").unwrap_or_default());
    let shown = match folder.strip_prefix(&home) {
        Some(rest) if home.len() > 1 && (rest.is_empty() || rest.starts_with('/')) => format!("~{rest}"),
        _ => folder.clone(),
    };
    match shell.dialect {
        Dialect::Bash if container.user == 0 => format!("root@{}:{shown}{sign} ", container.hostname),
        Dialect::Bash => format!("I have no name!@{}:{shown}{sign} ", container.hostname),
        Dialect::Ash => format!("{shown} {sign} "),
        Dialect::Dash => format!("{sign} "),
    }
}
