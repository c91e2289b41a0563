//! What is built into the shell, for it changes the shell itself.
//! Source: POSIX.1-2017, Shell Command Language, 2.14, and the utilities of the same names.

use futures::future::BoxFuture;

use super::array::Array;
use super::beside::Child;
use super::dialect::{Dialect, Lost};
use super::parse::parse_whole;
use super::run::{Flow, KEEP, Shell, Stop};
use super::test::test;
use crate::sim::nodes::process::processes::Target;
use crate::sim::nodes::process::programs::text::formatted;
use crate::sim::nodes::process::signals;

/// A built-in command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    Nothing,
    False,
    Exit,
    Return,
    Break,
    Continue,
    Cd,
    Pwd,
    Echo,
    Printf,
    Test,
    Export,
    Local,
    Unset,
    Set,
    Shift,
    Read,
    Eval,
    Source,
    Exec,
    Trap,
    Wait,
    Kill,
    Command,
    Type,
}

impl Builtin {
    /// The built-in command of a name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            ":" | "true" | "umask" | "ulimit" | "hash" | "alias" | "jobs" | "shopt" => Self::Nothing,
            "false" => Self::False,
            "exit" => Self::Exit,
            "return" => Self::Return,
            "break" => Self::Break,
            "continue" => Self::Continue,
            "cd" => Self::Cd,
            "pwd" => Self::Pwd,
            "echo" => Self::Echo,
            "printf" => Self::Printf,
            "test" | "[" => Self::Test,
            "export" => Self::Export,
            "local" | "declare" | "typeset" | "readonly" => Self::Local,
            "unset" => Self::Unset,
            "set" => Self::Set,
            "shift" => Self::Shift,
            "read" => Self::Read,
            "eval" => Self::Eval,
            "." | "source" => Self::Source,
            "exec" => Self::Exec,
            "trap" => Self::Trap,
            "wait" => Self::Wait,
            "kill" => Self::Kill,
            "command" => Self::Command,
            "type" => Self::Type,
            _ => return None,
        })
    }
}

fn number(words: &[String], default: i32) -> i32 {
    words.get(1).and_then(|word| word.parse().ok()).unwrap_or(default)
}

/// Runs one.
pub fn run<'a>(shell: &'a mut Shell, builtin: Builtin, words: &'a [String]) -> BoxFuture<'a, Flow> {
    Box::pin(async move {
        let levels = usize::try_from(number(words, 1)).unwrap_or(1).max(1);
        match builtin {
            Builtin::Nothing => Ok(0),
            Builtin::False => Ok(1),
            Builtin::Exit => {
                shell.left = true;
                Err(Stop::Exit(number(words, shell.last) & 0xff))
            }
            Builtin::Return => Err(Stop::Return(number(words, shell.last))),
            Builtin::Break => Err(Stop::Break(levels)),
            Builtin::Continue => Err(Stop::Continue(levels)),
            Builtin::Cd => cd(shell, words).await,
            Builtin::Pwd => Ok(said(shell, &shell.program.folder).await),
            Builtin::Echo => {
                let text = crate::sim::nodes::process::programs::text::echoed(&words[1..]);
                Ok(i32::from(!shell.program.write(text.as_bytes()).await))
            }
            Builtin::Printf => {
                let text = formatted(words.get(1).map_or("", String::as_str), words.get(2..).unwrap_or_default());
                Ok(i32::from(!shell.program.write(text.as_bytes()).await))
            }
            Builtin::Test => tested(shell, words).await,
            Builtin::Export => Ok(export(shell, words, true).await),
            Builtin::Local => Ok(export(shell, words, false).await),
            Builtin::Unset => {
                for name in words.iter().skip(1) {
                    shell.variables.remove(name);
                    shell.arrays.remove(name);
                    shell.exported.remove(name);
                    shell.functions.remove(name);
                }
                Ok(0)
            }
            Builtin::Set => Ok(set(shell, words).await),
            Builtin::Shift => {
                let count = levels.min(shell.positional.len());
                shell.positional.drain(..count);
                Ok(0)
            }
            Builtin::Read => Ok(read(shell, words).await),
            Builtin::Eval => script(shell, &words[1..].join(" ")).await,
            Builtin::Source => source(shell, words).await,
            Builtin::Exec => exec(shell, words).await,
            Builtin::Trap => Ok(trap(shell, words).await),
            Builtin::Wait => wait(shell, words).await,
            Builtin::Kill => Ok(kill(shell, words).await),
            Builtin::Command => command(shell, words).await,
            Builtin::Type => Ok(kind(shell, &words[1..], false).await),
        }
    })
}

async fn said(shell: &Shell, line: &str) -> i32 {
    i32::from(!shell.program.say(line).await)
}

/// Goes to another folder; false when it is not there.
fn go(shell: &mut Shell, path: &str) -> bool {
    let path = shell.program.path(path);
    let there = shell.program.container.files.is_folder(&path);
    if there {
        shell.variables.insert("OLDPWD".to_owned(), shell.program.folder.clone());
        shell.program.folder = path;
    }
    there
}

async fn cd(shell: &mut Shell, words: &[String]) -> Flow {
    let back = words.get(1).is_some_and(|word| word == "-");
    let target = match words.get(1).map(String::as_str) {
        None => shell.parameter("HOME").unwrap_or_else(|| "/root".to_owned()),
        Some("-") => shell.parameter("OLDPWD").unwrap_or_default(),
        Some(path) => path.to_owned(),
    };
    if go(shell, &target) {
        if back {
            said(shell, &target).await;
        }
        return Ok(0);
    }
    let mut why = shell.dialect.lost(Lost::Folder, &target);
    if shell.dialect == Dialect::Ash && !shell.interactive {
        // BusyBox names a line that it does not count.
        why = why.replacen("cd: ", "cd: line 0: ", 1);
    }
    let code = if shell.dialect == Dialect::Bash { 1 } else { 2 };
    shell.complain(&why, code).await;
    Ok(code)
}

async fn export(shell: &mut Shell, words: &[String], exported: bool) -> i32 {
    let declares = |letter| words.iter().skip(1).any(|word| word.starts_with('-') && word.contains(letter));
    let (is_array, is_named) = (declares('a') && !exported, declares('A') && !exported);
    for word in words.iter().skip(1).filter(|word| !word.starts_with('-')) {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        match value {
            Some(value) => shell.assign(name, value.to_owned()),
            None if is_array || is_named => {
                shell.arrays.entry(name.to_owned()).or_insert(Array { is_named, ..Array::default() });
            }
            None => {}
        }
        if exported {
            shell.exported.insert(name.to_owned());
        }
    }
    if words.len() == 1 && exported {
        for name in shell.exported.clone() {
            let value = shell.parameter(&name).unwrap_or_default();
            said(shell, &format!("export {name}='{value}'")).await;
        }
    }
    0
}

async fn set(shell: &mut Shell, words: &[String]) -> i32 {
    if words.len() == 1 {
        for (name, value) in shell.variables.clone() {
            said(shell, &format!("{name}='{value}'")).await;
        }
        return 0;
    }
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.strip_prefix('-').or_else(|| word.strip_prefix('+')) {
            Some("-") => {
                shell.positional = rest.cloned().collect();
                return 0;
            }
            Some(letters) if !letters.is_empty() => {
                let on = word.starts_with('-');
                let mut letters = letters.to_owned();
                if letters.contains('o') {
                    match rest.next().map(String::as_str) {
                        Some("errexit") => letters.push('e'),
                        Some("nounset") => letters.push('u'),
                        Some("xtrace") => letters.push('x'),
                        _ => {}
                    }
                }
                for letter in letters.chars().filter(|letter| "eux".contains(*letter)) {
                    shell.options.retain(|known| known != letter);
                    if on {
                        shell.options.push(letter);
                    }
                }
            }
            _ => {
                shell.positional = std::iter::once(word).chain(rest).cloned().collect();
                return 0;
            }
        }
    }
    0
}

async fn read(shell: &mut Shell, words: &[String]) -> i32 {
    let names: Vec<&String> = words.iter().skip(1).filter(|word| !word.starts_with('-')).collect();
    let Some(line) = shell.program.input.line().await else {
        names.iter().for_each(|name| shell.assign(name, String::new()));
        return 1;
    };
    let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
    let separators = shell.parameter("IFS").unwrap_or_else(|| " \t\n".to_owned());
    let is_separator = |letter: char| separators.contains(letter);
    let mut rest = line.trim_matches(is_separator);
    for (index, name) in names.iter().enumerate() {
        let (value, after) = match rest.split_once(is_separator) {
            Some((value, after)) if index + 1 < names.len() => (value, after.trim_start_matches(is_separator)),
            _ => (rest, ""),
        };
        shell.assign(name, value.to_owned());
        rest = after;
    }
    if names.is_empty() {
        shell.assign("REPLY", line);
    }
    0
}

async fn script(shell: &mut Shell, script: &str) -> Flow {
    match parse_whole(script, shell.dialect) {
        Ok(list) => shell.list(&list).await,
        Err(error) => {
            let message = error.message(shell.dialect, shell.name(), false);
            shell.program.errors.write(shell.program.engine(), message.as_bytes()).await;
            Err(Stop::Exit(2))
        }
    }
}

async fn source(shell: &mut Shell, words: &[String]) -> Flow {
    let path = words.get(1).cloned().unwrap_or_default();
    match shell.program.read(&path).await {
        Err(_) => Err(shell.complain(&format!(".: can't open '{path}': No such file or directory"), 2).await),
        Ok(bytes) => match script(shell, &String::from_utf8_lossy(&bytes)).await {
            Err(Stop::Return(code)) => Ok(code),
            flow => flow,
        },
    }
}

async fn exec(shell: &mut Shell, words: &[String]) -> Flow {
    if words.len() == 1 {
        // Redirections without a command are the shell's from now on.
        shell.program.words = vec![KEEP.to_owned()];
        return Ok(0);
    }
    shell.left = true;
    Err(Stop::Exit(shell.execute(words[1..].to_vec(), Vec::new(), true).await))
}

async fn trap(shell: &mut Shell, words: &[String]) -> i32 {
    let name = |word: &String| match word.trim_start_matches("SIG") {
        "0" => "EXIT".to_owned(),
        "15" => "TERM".to_owned(),
        "2" => "INT".to_owned(),
        name => name.to_owned(),
    };
    let Some(action) = words.get(1) else { return 0 };
    for signal in words.iter().skip(2).map(name) {
        match action.as_str() {
            "-" => drop(shell.traps.remove(&signal)),
            action => drop(shell.traps.insert(signal.clone(), action.to_owned())),
        }
        if signal == "TERM" && shell.is_first {
            shell.program.container.traps_term(shell.traps.contains_key("TERM"));
        }
    }
    0
}

async fn wait(shell: &mut Shell, words: &[String]) -> Flow {
    let wanted: Vec<u32> = words.iter().skip(1).filter_map(|word| word.parse().ok()).collect();
    let children: Vec<Child> =
        shell.children.iter().filter(|child| wanted.is_empty() || wanted.contains(&child.pid)).cloned().collect();
    if !shell.wait_for(&children).await {
        return Ok(143);
    }
    let code = children.last().and_then(Child::code).unwrap_or_default();
    shell.children.retain(|child| child.code().is_none());
    Ok(if wanted.is_empty() { 0 } else { code })
}

async fn kill(shell: &mut Shell, words: &[String]) -> i32 {
    let (mut signal, mut code): (u8, i32) = (15, 0);
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        if let Some(name) = word.strip_prefix('-') {
            let name = if name == "s" { rest.next().map_or("", String::as_str) } else { name };
            signal = signals::signal(name).unwrap_or(15);
            continue;
        }
        let pid = match word.strip_prefix('%') {
            Some(_) => Some(shell.background),
            None => word.parse().ok(),
        };
        let container = &shell.program.container;
        // A shell that somebody types to does not end by these.
        let spared = shell.interactive && pid == Some(shell.program.pid) && matches!(signal, 2 | 3 | 15);
        match pid.and_then(|pid| container.processes.target(pid)) {
            Some(_) if signal == 0 || spared => {}
            Some(Target::First(container)) => container.signal(signal),
            Some(Target::Keeper) => {}
            Some(Target::Other(_)) if !signals::ends(signal) => {}
            Some(Target::Other(group)) => {
                group.end_by(signal);
                container.engine.stir();
            }
            None => {
                shell.complain(&format!("can't kill pid {word}: No such process"), 1).await;
                code = 1;
            }
        }
    }
    if shell.program.group.is_dead() {
        // Who has ended itself does nothing more.
        shell.program.engine().until(|| false).await;
    }
    code
}

async fn command(shell: &mut Shell, words: &[String]) -> Flow {
    match words.get(1).map(String::as_str) {
        Some("-v" | "-V") => Ok(kind(shell, &words[2..], true).await),
        None => Ok(0),
        Some(name) => match Builtin::named(name) {
            Some(builtin) => run(shell, builtin, &words[1..]).await,
            None => Ok(shell.execute(words[1..].to_vec(), Vec::new(), false).await),
        },
    }
}

async fn kind(shell: &mut Shell, names: &[String], short: bool) -> i32 {
    let mut code = 0;
    for name in names {
        let is_builtin = Builtin::named(name).is_some() || shell.functions.contains_key(name);
        let is_program = matches!(super::find(&shell.program, name), super::Found::Program(_));
        let line = match (is_builtin, is_program, short) {
            (true, _, true) => name.clone(),
            (true, _, false) => format!("{name} is a shell builtin"),
            (_, true, true) => format!("/bin/{name}"),
            (_, true, false) => format!("{name} is /bin/{name}"),
            (_, _, true) => {
                code = 127;
                continue;
            }
            _ => {
                code = 127;
                format!("{name}: not found")
            }
        };
        said(shell, &line).await;
    }
    code
}

async fn tested(shell: &mut Shell, words: &[String]) -> Flow {
    let mut args: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    if words[0] != "test" && args.pop() != Some("]") {
        shell.complain("[: missing ]", 2).await;
        return Ok(2);
    }
    match test(&shell.program, &args) {
        Ok(true) => Ok(0),
        Ok(false) => Ok(1),
        Err(why) => {
            shell.complain(&why, 2).await;
            Ok(2)
        }
    }
}
