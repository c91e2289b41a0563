//! Programs about files and folders: make, list, copy, move, remove.
//! The files themselves are `files.rs` beside `programs`.

use super::{has, options, value};
use crate::sim::nodes::process::files::FileError;
use crate::sim::nodes::process::pattern;
use crate::sim::nodes::process::program::Program;

pub async fn touch(program: Program) -> i32 {
    let (_, paths) = options(&program, "tdr");
    let mut code = i32::from(paths.is_empty());
    for path in paths {
        let now = program.engine().now();
        let whole = program.path(&path);
        if program.container.files.is_folder(&whole) {
            continue;
        }
        if let Err(why) = program.container.files.write(&whole, b"", true, now) {
            code = if program.container.image.is_busybox() {
                program.fail(&format!("{path}: {why}"), 1).await
            } else {
                program.fail(&format!("cannot touch '{path}': {why}"), 1).await
            };
        }
    }
    program.engine().stir();
    code
}

pub async fn rm(program: Program) -> i32 {
    let (options, paths) = options(&program, "");
    let files = &program.container.files;
    let recursive = has(&options, 'r') || has(&options, 'R');
    let mut code = 0;
    for path in paths.iter().filter(|path| !path.starts_with("--")) {
        let whole = program.path(path);
        let removed = if program.name() == "rmdir" {
            match files.list(&whole) {
                Ok(names) if names.is_empty() => files.remove(&whole, true),
                Ok(_) => Err(FileError::NotEmpty),
                Err(why) => Err(why),
            }
        } else {
            files.remove(&whole, recursive)
        };
        match removed {
            Err(FileError::Missing) if has(&options, 'f') => {}
            Err(why) if program.name() == "rmdir" && program.container.image.is_busybox() => {
                code = program.fail(&format!("'{path}': {why}"), 1).await;
            }
            Err(FileError::IsDirectory) => code = program.fail(&format!("'{path}' is a directory"), 1).await,
            Err(why) if program.container.image.is_busybox() => {
                code = program.fail(&format!("can't remove '{path}': {why}"), 1).await;
            }
            Err(why) => code = program.fail(&format!("cannot remove '{path}': {why}"), 1).await,
            Ok(()) => {}
        }
    }
    program.engine().stir();
    code
}

pub async fn mkdir(program: Program) -> i32 {
    let (options, paths) = options(&program, "m");
    let mut code = 0;
    for path in paths {
        let made =
            program.container.files.make_folder(&program.path(&path), has(&options, 'p'), program.engine().now());
        if let Err(why) = made {
            let what = if program.container.image.is_busybox() { "can't create" } else { "cannot create" };
            code = program.fail(&format!("{what} directory '{path}': {why}"), 1).await;
        }
    }
    program.engine().stir();
    code
}

/// `cp`, `mv`, and `ln`, which makes a copy unless the link is symbolic.
pub async fn cp(program: Program) -> i32 {
    let (options, mut paths) = options(&program, "t");
    if program.name() == "ln" && has(&options, 's') {
        return symbolic(&program, &options, &paths).await;
    }
    paths.retain(|path| !path.starts_with("--"));
    let Some(target) = paths.pop().filter(|_| !paths.is_empty()) else {
        return program.fail("missing file operand", 1).await;
    };
    let files = program.container.files.clone();
    let into = files.is_folder(&program.path(&target));
    let moves = program.name() == "mv";
    let recursive = moves
        || program.name() == "ln"
        || ["r", "R", "a"].iter().any(|letter| has(&options, letter.chars().next().unwrap_or('r')));
    let mut code = 0;
    for source in paths {
        let from = program.path(&source);
        let name = from.rsplit('/').next().unwrap_or_default();
        let to = if into {
            format!("{}/{name}", program.path(&target).trim_end_matches('/'))
        } else {
            program.path(&target)
        };
        let done = if files.is_folder(&from) && !recursive {
            code = program.fail(&format!("-r not specified; omitting directory '{source}'"), 1).await;
            continue;
        } else {
            copy(&program, &from, &to).and_then(|()| if moves { files.remove(&from, true) } else { Ok(()) })
        };
        if let Err(why) = done {
            let complaint = match program.container.image.is_busybox() {
                true if files.stat(&from).is_none() && moves => format!("can't rename '{source}': {why}"),
                true if files.stat(&from).is_none() => format!("can't stat '{source}': {why}"),
                true => format!("can't create '{to}': {why}"),
                false => format!("cannot stat '{source}': {why}"),
            };
            code = program.fail(&complaint, 1).await;
        }
    }
    program.engine().stir();
    code
}

async fn symbolic(program: &Program, options: &[(char, String)], paths: &[String]) -> i32 {
    let [target, name] = paths else { return program.fail("missing file operand", 1).await };
    let (files, mut path) = (&program.container.files, program.path(name));
    if files.is_folder(&path) {
        path = format!("{}/{}", path.trim_end_matches('/'), target.rsplit('/').next().unwrap_or(target));
    }
    if has(options, 'f') {
        // What is not there needs no removing.
        let _ = files.remove(&path, false);
    }
    let made = files.make_link(&path, target, program.engine().now());
    program.engine().stir();
    match made {
        Ok(()) => 0,
        Err(why) => program.fail(&format!("{name}: {why}"), 1).await,
    }
}

fn copy(program: &Program, from: &str, to: &str) -> Result<(), FileError> {
    let files = &program.container.files;
    let now = program.engine().now();
    if !files.is_folder(from) {
        return files.write(to, &files.read(from)?, false, now);
    }
    files.make_folder(to, true, now)?;
    for name in files.list(from)? {
        copy(program, &format!("{from}/{name}"), &format!("{to}/{name}"))?;
    }
    Ok(())
}

pub async fn chmod(program: Program) -> i32 {
    let (_, mut words) = options(&program, "");
    if words.is_empty() {
        return program.fail("missing operand", 1).await;
    }
    let mode = words.remove(0);
    let mut code = 0;
    for path in words {
        let whole = program.path(&path);
        let files = &program.container.files;
        let Some(old) = files.stat(&whole).map(|entry| entry.mode) else {
            code = program.fail(&format!("{path}: No such file or directory"), 1).await;
            continue;
        };
        let (user, group) = mode.split_once(':').unwrap_or((&mode, ""));
        let id = |name: &str| if name == "root" { Some(0) } else { name.parse().ok() };
        if program.name() != "chmod" && !program.may("CHOWN") {
            code = program.fail(&format!("{path}: Operation not permitted"), 1).await;
            continue;
        }
        let done = match (program.name(), u32::from_str_radix(&mode, 8)) {
            ("chmod", Ok(mode)) => files.set_mode(&whole, mode),
            ("chmod", Err(_)) => files.set_mode(&whole, symbolic_mode(&mode, old)),
            ("chown", _) => files.set_owner(&whole, id(user), id(group)),
            ("chgrp", _) => files.set_owner(&whole, None, id(user)),
            _ => Ok(()),
        };
        if let Err(why) = done {
            code = program.fail(&format!("{path}: {why}"), 1).await;
        }
    }
    code
}

/// A mode as words change it: `u+x,go-w`, `a=r`.
fn symbolic_mode(words: &str, old: u32) -> u32 {
    words.split(',').fold(old, |mode, word| {
        let Some(at) = word.find(['+', '-', '=']) else { return mode };
        let (who, rights) = (&word[..at], &word[at + 1..]);
        let whom = [('u', 0o700), ('g', 0o070), ('o', 0o007)];
        let all = who.is_empty() || who.contains('a');
        let whom: u32 = whom.iter().filter(|(letter, _)| all || who.contains(*letter)).map(|(_, bits)| bits).sum();
        let bits = [('r', 0o444), ('w', 0o222), ('x', 0o111)];
        let bits: u32 = bits.iter().filter(|(letter, _)| rights.contains(*letter)).map(|(_, bits)| bits).sum();
        match &word[at..=at] {
            "+" => mode | bits & whom,
            "-" => mode & !(bits & whom),
            _ => mode & !whom | bits & whom,
        }
    })
}

pub async fn find(program: Program) -> i32 {
    let words: Vec<&str> = program.args().collect();
    let roots = words.iter().take_while(|word| !word.starts_with('-')).count();
    let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
    let name = after("-name").or_else(|| after("-iname"));
    let kind = after("-type");
    let deepest = after("-maxdepth").and_then(|depth| depth.parse().ok()).unwrap_or(16);
    let mut found = Vec::new();
    for root in words[..roots].iter().copied().chain((roots == 0).then_some(".")) {
        if program.container.files.stat(&program.path(root)).is_none() {
            return program.fail(&format!("{root}: No such file or directory"), 1).await;
        }
        walk(&program, root, deepest, &mut found);
    }
    for path in found {
        let is_folder = program.container.files.is_folder(&program.path(&path));
        let last = path.rsplit('/').next().unwrap_or(&path);
        let wanted = name.is_none_or(|name| pattern::matches(name, last));
        if wanted && kind.is_none_or(|kind| (kind == "d") == is_folder) {
            program.say(&path).await;
        }
    }
    0
}

fn walk(program: &Program, path: &str, depth: usize, found: &mut Vec<String>) {
    found.push(path.to_owned());
    if depth == 0 || found.len() > 5000 {
        return;
    }
    for name in program.container.files.list(&program.path(path)).unwrap_or_default() {
        walk(program, &format!("{}/{name}", path.trim_end_matches('/')), depth - 1, found);
    }
}

pub async fn mktemp(program: Program) -> i32 {
    let (options, _) = options(&program, "pt");
    let path = format!("/tmp/tmp.{:08x}", program.engine().now().subsec_nanosecond());
    let now = program.engine().now();
    let made = if has(&options, 'd') {
        program.container.files.make_folder(&path, true, now)
    } else {
        program.container.files.write(&path, b"", false, now)
    };
    match made {
        Ok(()) => i32::from(!program.say(&path).await),
        Err(why) => program.fail(&format!("{path}: {why}"), 1).await,
    }
}

/// `dd`, `truncate`, `fallocate`: files of a size, as far as anybody looks.
pub async fn dd(program: Program) -> i32 {
    let after = |key: &str| program.args().find_map(|word| word.strip_prefix(key));
    let (options, rest) = options(&program, "sl");
    let block = amount(after("bs=").unwrap_or("512")).max(1);
    let (path, size) = if program.name() == "dd" {
        (after("of=").map(str::to_owned), block.saturating_mul(amount(after("count=").unwrap_or("1"))))
    } else {
        (rest.last().cloned(), amount(value(&options, 's').or_else(|| value(&options, 'l')).unwrap_or("0")))
    };
    let endless = after("if=").is_some_and(super::stress::is_endless) && after("count=").is_none();
    if program.name() == "dd" && endless && path.as_deref().is_none_or(|path| path == "/dev/null") {
        return super::stress::read_for_ever(&program).await;
    }
    let Some(path) = path else { return 0 };
    let size = usize::try_from(size).unwrap_or(usize::MAX >> 1);
    let filled = program.container.files.fill(&program.path(&path), size, program.engine().now());
    program.engine().stir();
    match filled {
        Err(why) => program.fail(&format!("can't open '{path}': {why}"), 1).await,
        Ok(filled) => {
            let code = if filled < size {
                program.fail(&format!("error writing '{path}': {}", FileError::Full), 1).await
            } else {
                0
            };
            if program.name() == "dd" && after("status=") != Some("none") {
                let records = records(usize::try_from(block).unwrap_or(usize::MAX), size, filled);
                program.errors.write(program.engine(), records.as_bytes()).await;
            }
            code
        }
    }
}

/// What `dd` says in the end: how many whole blocks and parts of one it has read and written, and how many bytes that is.
fn records(block: usize, asked: usize, written: usize) -> String {
    let count = |bytes: usize| format!("{}+{}", bytes / block, usize::from(!bytes.is_multiple_of(block)));
    let read = if written < asked { written.saturating_add(block).min(asked) } else { asked };
    let mebibytes = written as f64 / f64::from(1 << 20);
    format!(
        "{} records in\n{} records out\n{written} bytes ({mebibytes:.1}MB) copied, 0.010000 seconds, {:.1}MB/s\n",
        count(read),
        count(written),
        mebibytes * 100.0
    )
}

/// `10M` and the like in bytes.
pub fn amount(text: &str) -> u64 {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let unit = match text[digits.len()..].chars().next() {
        Some('k' | 'K') => 1 << 10,
        Some('m' | 'M') => 1 << 20,
        Some('g' | 'G') => 1 << 30,
        _ => 1,
    };
    digits.parse::<u64>().unwrap_or_default().saturating_mul(unit)
}
