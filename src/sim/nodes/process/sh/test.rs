//! `test` and `[`: what is so and what is not.
//! Source: POSIX.1-2017, `test`.

use crate::sim::nodes::process::program::Program;
use crate::sim::nodes::process::stream::Output;
use crate::sim::nodes::process::tree::Body;

/// What `test` says of some words.
pub fn test(program: &Program, words: &[&str]) -> Result<bool, String> {
    if let Some(at) = words.iter().position(|word| *word == "-o").filter(|at| *at > 0) {
        return Ok(test(program, &words[..at])? || test(program, &words[at + 1..])?);
    }
    if let Some(at) = words.iter().position(|word| *word == "-a").filter(|at| *at > 0) {
        return Ok(test(program, &words[..at])? && test(program, &words[at + 1..])?);
    }
    let stat = |path: &str| program.container.files.stat(&program.path(path));
    let integer = |word: &str| word.trim().parse::<i64>().map_err(|_| format!("{word}: bad number"));
    Ok(match words {
        [] => false,
        [word] => !word.is_empty(),
        ["!", rest @ ..] => !test(program, rest)?,
        ["-n", word] => !word.is_empty(),
        ["-z", word] => word.is_empty(),
        ["-e" | "-a", path] => stat(path).is_some(),
        ["-f", path] => stat(path).is_some_and(|entry| !entry.is_folder()),
        ["-d", path] => stat(path).is_some_and(|entry| entry.is_folder()),
        ["-s", path] => stat(path).is_some_and(|entry| entry.size() > 0),
        ["-x", path] => stat(path).is_some_and(|entry| entry.mode & 0o111 != 0),
        ["-r" | "-w", path] => stat(path).is_some(),
        ["-L" | "-h", path] => {
            let entry = program.container.files.look(&program.path(path));
            entry.is_some_and(|entry| matches!(entry.body, Body::Link(_)))
        }
        ["-t", "0"] => program.input.terminal().is_some(),
        ["-t", _] => matches!(program.output, Output::Terminal(_)),
        ["-S" | "-p" | "-b" | "-c", _] => false,
        [left, "=" | "==", right] => left == right,
        [left, "!=", right] => left != right,
        [left, "-eq", right] => integer(left)? == integer(right)?,
        [left, "-ne", right] => integer(left)? != integer(right)?,
        [left, "-lt", right] => integer(left)? < integer(right)?,
        [left, "-le", right] => integer(left)? <= integer(right)?,
        [left, "-gt", right] => integer(left)? > integer(right)?,
        [left, "-ge", right] => integer(left)? >= integer(right)?,
        [left, "-nt", right] => stat(left).map(|entry| entry.changed) > stat(right).map(|entry| entry.changed),
        ["(", inner @ .., ")"] => test(program, inner)?,
        [word, ..] => return Err(format!("{word}: unknown operand")),
    })
}
