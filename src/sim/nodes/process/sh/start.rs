//! Starting: which program a name means, and how `sh` itself begins.
//! What a script does is `run.rs`.

use super::parse::parse;
use super::run::{Shell, Stop};
use crate::sim::nodes::process::program::Program;
use crate::sim::nodes::process::programs::{self, Row};

/// What a word stands for as a command.
pub enum Found {
    Program(&'static Row),
    /// A script among the files.
    Script(String),
    Missing,
    /// A file that is none.
    Denied,
}

/// Finds the program of a name or path.
pub fn find(program: &Program, name: &str) -> Found {
    if name.contains('/') {
        let path = program.path(name);
        match program.container.files.stat(&path) {
            Some(entry) if entry.is_folder() => return Found::Denied,
            Some(entry) if !path.starts_with("/bin/") && !path.starts_with("/usr/") => {
                return if entry.mode & 0o111 == 0 { Found::Denied } else { Found::Script(path) };
            }
            _ => {}
        }
        return programs::at(program, &path).map_or(Found::Missing, Found::Program);
    }
    programs::named(program, name).map_or(Found::Missing, Found::Program)
}

/// `sh` or `bash`: `-c script name args`, `script args`, or commands from the input.
pub async fn start(program: Program) -> i32 {
    let mut options = String::new();
    let mut words = program.words[1..].to_vec();
    let mut inline = false;
    while let Some(word) = words.first().cloned() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty() && !letters.starts_with('-'))
        else {
            break;
        };
        words.remove(0);
        inline |= letters.contains('c');
        options.extend(letters.chars().filter(|letter| "euxl".contains(*letter)));
        if letters.ends_with('o') && !words.is_empty() {
            words.remove(0);
        }
    }
    // As it was called: `/bin/sh: can't create …`.
    let mut name = program.words.first().cloned().unwrap_or_default();
    let script = if inline {
        if words.is_empty() {
            return program.fail("-c requires an argument", 2).await;
        }
        let script = words.remove(0);
        if !words.is_empty() {
            name = words.remove(0);
        }
        script
    } else if let Some(path) = words.first().cloned() {
        name = words.remove(0);
        match program.read(&path).await {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(why) if program.container.image.is_busybox() => {
                return program.fail(&format!("can't open '{path}': {why}"), 2).await;
            }
            Err(why) => return program.fail(&format!("0: cannot open {path}: {why}"), 2).await,
        }
    } else {
        let terminal = program.input.terminal().cloned();
        let shell = Shell::new(program, name, options, Vec::new());
        return match terminal {
            Some(terminal) => super::prompt::interact(shell, terminal).await,
            None => from_input(shell).await,
        };
    };
    Shell::new(program, name, options, words).run_whole(&script, inline).await
}

/// Commands one line at a time.
async fn from_input(mut shell: Shell) -> i32 {
    let mut script = String::new();
    while let Some(line) = shell.program.input.line().await {
        script.push_str(&String::from_utf8_lossy(&line));
        // A command may need more lines than one.
        match parse(&script, shell.dialect) {
            Err(error) if error.is_unfinished() => continue,
            Err(error) => {
                let message = error.message(shell.dialect, shell.name(), false);
                shell.program.errors.write(shell.program.engine(), message.as_bytes()).await;
            }
            Ok(list) => {
                if let Err(Stop::Exit(code)) = shell.list(&list).await {
                    return shell.leave(code).await;
                }
            }
        }
        script.clear();
    }
    if !script.is_empty() {
        return shell.run_whole(&script, false).await;
    }
    let last = shell.last;
    shell.leave(last).await
}
