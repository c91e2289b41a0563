//! `sed` and `awk`, as far as one-liners go: substitution, deletion, printing; columns of lines that match.
//! What goes beyond that says so instead of doing something else.

use super::{has, options, value};
use crate::sim::nodes::process::pattern::Regex;
use crate::sim::nodes::process::program::Program;

enum Address {
    Always,
    Line(usize),
    Last,
    Fits(Regex),
}

enum Edit {
    Substitute { regex: Regex, with: String, all: bool, print: bool },
    Delete,
    Print,
    Quit,
}

fn edits(script: &str, extended: bool) -> Option<Vec<(Address, Edit)>> {
    let mut edits = Vec::new();
    let mut rest = script.trim();
    while !rest.is_empty() {
        let (address, after) = address(rest, extended)?;
        let after = after.trim_start();
        let sign = after.chars().next()?;
        let mut next = &after[1..];
        let edit = match sign {
            's' => {
                let delimiter = next.chars().next()?;
                let mut parts = split(&next[delimiter.len_utf8()..], delimiter)?;
                let flags_end = parts.2.find([';', '\n', '}']).unwrap_or(parts.2.len());
                let flags = parts.2[..flags_end].to_owned();
                next = &parts.2[flags_end..];
                let regex = Regex::new(&std::mem::take(&mut parts.0), extended, flags.contains(['i', 'I']));
                Edit::Substitute { regex, with: parts.1, all: flags.contains('g'), print: flags.contains('p') }
            }
            'd' => Edit::Delete,
            'p' => Edit::Print,
            'q' => Edit::Quit,
            _ => return None,
        };
        edits.push((address, edit));
        rest = next.trim_start_matches([';', '\n', ' ', '}']);
    }
    Some(edits)
}

/// What stands before and after the middle delimiter, and what follows the last.
fn split(text: &str, delimiter: char) -> Option<(String, String, &str)> {
    let mut parts = [String::new(), String::new()];
    let mut part = 0;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            let (_, next) = letters.next()?;
            if next != delimiter {
                parts[part].push('\\');
            }
            parts[part].push(next);
        } else if letter == delimiter {
            part += 1;
            if part == 2 {
                let [from, to] = parts;
                return Some((from, to, &text[at + letter.len_utf8()..]));
            }
        } else {
            parts[part].push(letter);
        }
    }
    None
}

fn address(text: &str, extended: bool) -> Option<(Address, &str)> {
    if let Some(rest) = text.strip_prefix('$') {
        return Some((Address::Last, rest));
    }
    if let Some(rest) = text.strip_prefix('/') {
        let (pattern, rest) = rest.split_once('/')?;
        return Some((Address::Fits(Regex::new(pattern, extended, false)), rest));
    }
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    if digits > 0 {
        return Some((Address::Line(text[..digits].parse().ok()?), &text[digits..]));
    }
    Some((Address::Always, text))
}

fn substituted(line: &str, regex: &Regex, with: &str, all: bool) -> Option<String> {
    let letters: Vec<char> = line.chars().collect();
    let (mut out, mut at, mut changed) = (String::new(), 0, false);
    while let Some((start, end)) = regex.find_from(&letters, at) {
        changed = true;
        out.extend(&letters[at..start]);
        let found: String = letters[start..end].iter().collect();
        out.push_str(&with.replace("\\&", "\u{0}").replace('&', &found).replace('\u{0}', "&").replace("\\n", "\n"));
        at = end;
        if !all || at >= letters.len() {
            break;
        }
        if end == start {
            out.push(letters[at]);
            at += 1;
        }
    }
    out.extend(&letters[at.min(letters.len())..]);
    changed.then_some(out)
}

pub async fn sed(program: Program) -> i32 {
    let (options, mut rest) = options(&program, "ef");
    let script = match value(&options, 'e') {
        Some(script) => script.to_owned(),
        None if rest.is_empty() => return program.fail("no script", 1).await,
        None => rest.remove(0),
    };
    let extended = has(&options, 'E') || has(&options, 'r');
    let Some(edits) = edits(&script, extended) else {
        return program.fail("this script is more than the simulator's sed can do", 1).await;
    };
    let quiet = has(&options, 'n');
    let in_place = has(&options, 'i');
    if rest.is_empty() {
        let mut number = 0;
        while let Some(line) = program.input.line().await {
            number += 1;
            let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            let (out, quit) = edited(&line, (number, false), &edits, quiet);
            if !program.write(out.as_bytes()).await || quit {
                break;
            }
        }
        return 0;
    }
    for path in rest {
        let bytes = match program.read(&path).await {
            Ok(bytes) => bytes,
            Err(why) => return program.fail(&format!("{path}: {why}"), 1).await,
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let count = text.lines().count();
        let mut all = String::new();
        for (index, line) in text.lines().enumerate() {
            let (out, quit) = edited(line, (index + 1, index + 1 == count), &edits, quiet);
            all.push_str(&out);
            if quit {
                break;
            }
        }
        if in_place {
            let written =
                program.container.files.write(&program.path(&path), all.as_bytes(), false, program.engine().now());
            if let Err(why) = written {
                return program.fail(&format!("couldn't open {path}: {why}"), 4).await;
            }
        } else {
            program.write(all.as_bytes()).await;
        }
    }
    0
}

fn edited(line: &str, (number, last): (usize, bool), edits: &[(Address, Edit)], quiet: bool) -> (String, bool) {
    let (mut line, mut out, mut quit) = (line.to_owned(), String::new(), false);
    for (address, edit) in edits {
        let meant = match address {
            Address::Always => true,
            Address::Line(wanted) => *wanted == number,
            Address::Last => last,
            Address::Fits(regex) => regex.find(&line).is_some(),
        };
        if !meant {
            continue;
        }
        match edit {
            Edit::Delete => return (out, false),
            Edit::Print => out.push_str(&format!("{line}\n")),
            Edit::Quit => {
                quit = true;
                break;
            }
            Edit::Substitute { regex, with, all, print } => {
                if let Some(changed) = substituted(&line, regex, with, *all) {
                    line = changed;
                    if *print {
                        out.push_str(&format!("{line}\n"));
                    }
                }
            }
        }
    }
    if !quiet {
        out.push_str(&format!("{line}\n"));
    }
    (out, quit)
}

/// `awk '/pattern/ {print $1, $NF}'`, with `-F`.
pub async fn awk(program: Program) -> i32 {
    let (options, mut rest) = options(&program, "Fv");
    if rest.is_empty() {
        return program.fail("no program", 2).await;
    }
    let script = rest.remove(0);
    let (pattern, action) = script.split_once('{').unwrap_or((&script, "print}"));
    let pattern = pattern.trim();
    let condition = pattern.strip_prefix('/').and_then(|pattern| pattern.strip_suffix('/'));
    let line_number = pattern.strip_prefix("NR==").and_then(|number| number.trim().parse::<usize>().ok());
    let printed = action.trim().trim_end_matches('}').trim().trim_end_matches(';').strip_prefix("print");
    let simple = pattern.is_empty() || condition.is_some() || line_number.is_some();
    let (Some(printed), true) = (printed, simple) else {
        return program.fail("this program is more than the simulator's awk can do", 2).await;
    };
    let regex = condition.map(|pattern| Regex::new(pattern, true, false));
    let separator = value(&options, 'F').map(str::to_owned);
    let paths = if rest.is_empty() { vec!["-".to_owned()] } else { rest };
    for path in paths {
        let bytes = match program.read(&path).await {
            Ok(bytes) => bytes,
            Err(why) => return program.fail(&format!("{path}: {why}"), 2).await,
        };
        for (index, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let skipped = regex.as_ref().is_some_and(|regex| regex.find(line).is_none());
            if skipped || line_number.is_some_and(|wanted| wanted != index + 1) {
                continue;
            }
            if !program.say(&columns(line, index + 1, printed, separator.as_deref())).await {
                return 1;
            }
        }
    }
    0
}

fn columns(line: &str, number: usize, printed: &str, separator: Option<&str>) -> String {
    let fields: Vec<&str> = match separator {
        Some(separator) => line.split(separator).collect(),
        None => line.split_whitespace().collect(),
    };
    if printed.trim().is_empty() {
        return line.to_owned();
    }
    let one = |word: &str| match word.trim() {
        "$0" => line.to_owned(),
        "$NF" => fields.last().copied().unwrap_or_default().to_owned(),
        "NF" => fields.len().to_string(),
        "NR" => number.to_string(),
        word => match word.strip_prefix('$').and_then(|index| index.parse::<usize>().ok()) {
            Some(index) => fields.get(index.wrapping_sub(1)).copied().unwrap_or_default().to_owned(),
            None => word.trim_matches('"').to_owned(),
        },
    };
    let groups = printed.split(',').map(|group| {
        // Words side by side stand side by side; text in quotes keeps its blanks.
        let mut out = String::new();
        let mut rest = group.trim();
        while !rest.is_empty() {
            let end = match rest.strip_prefix('"') {
                Some(inner) => inner.find('"').map_or(rest.len(), |end| end + 2),
                None => rest.find([' ', '"']).unwrap_or(rest.len()),
            };
            out.push_str(&one(&rest[..end]));
            rest = rest[end..].trim_start_matches(' ');
        }
        out
    });
    groups.collect::<Vec<_>>().join(" ")
}
