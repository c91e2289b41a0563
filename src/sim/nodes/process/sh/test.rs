//! `test`, `[` and `[[`: what is so and what is not.
//! Source: POSIX.1-2017, `test`.

use crate::sim::nodes::process::pattern::{self, Regex};
use crate::sim::nodes::process::program::Program;

/// What `test` says of some words.
pub fn test(program: &Program, words: &[&str]) -> Result<bool, String> {
    if let Some(at) = words.iter().position(|word| matches!(*word, "-o" | "||")).filter(|at| *at > 0) {
        return Ok(test(program, &words[..at])? || test(program, &words[at + 1..])?);
    }
    if let Some(at) = words.iter().position(|word| matches!(*word, "-a" | "&&")).filter(|at| *at > 0) {
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
        ["-f", path] => stat(path).is_some_and(|(is_folder, ..)| !is_folder),
        ["-d", path] => stat(path).is_some_and(|(is_folder, ..)| is_folder),
        ["-s", path] => stat(path).is_some_and(|(_, size, ..)| size > 0),
        ["-x", path] => stat(path).is_some_and(|(.., mode)| mode & 0o111 != 0),
        ["-r" | "-w", path] => stat(path).is_some(),
        ["-L" | "-h" | "-S" | "-p" | "-t" | "-b" | "-c", _] => false,
        [left, "=" | "==", right] => pattern::matches(right, left) || left == right,
        [left, "!=", right] => left != right,
        [left, "=~", right] => Regex::new(right, true, false).find(left).is_some(),
        [left, "-eq", right] => integer(left)? == integer(right)?,
        [left, "-ne", right] => integer(left)? != integer(right)?,
        [left, "-lt", right] => integer(left)? < integer(right)?,
        [left, "-le", right] => integer(left)? <= integer(right)?,
        [left, "-gt", right] => integer(left)? > integer(right)?,
        [left, "-ge", right] => integer(left)? >= integer(right)?,
        [left, "-nt", right] => stat(left).map(|stat| stat.2) > stat(right).map(|stat| stat.2),
        ["(", inner @ .., ")"] => test(program, inner)?,
        [word, ..] => return Err(format!("{word}: unknown operand")),
    })
}
