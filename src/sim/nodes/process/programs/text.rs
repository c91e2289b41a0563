//! Programs that write text: what they are told, files, parts of files.
//! Programs that choose among lines are in `filter.rs`.

use super::{has, options, value};
use crate::sim::nodes::process::program::Program;

/// What `echo` makes of its words.
pub fn echoed(words: &[String]) -> String {
    let (mut line, mut escapes, mut at) = (true, false, 0);
    while let Some(letters) = words.get(at).and_then(|word| word.strip_prefix('-')) {
        if letters.is_empty() || !letters.chars().all(|letter| "neE".contains(letter)) {
            break;
        }
        line &= !letters.contains('n');
        escapes |= letters.contains('e');
        at += 1;
    }
    let text = words[at..].join(" ");
    let text = if escapes { unescaped(&text).0 } else { text };
    if line { text + "\n" } else { text }
}

/// Text with its escapes resolved, and whether `\c` ended it.
pub fn unescaped(text: &str) -> (String, bool) {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('\\') => out.push('\\'),
            Some('c') => return (out, true),
            Some('0') => {
                let mut code = 0;
                for _ in 0..3 {
                    if let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(8)) {
                        code = code * 8 + digit;
                        letters.next();
                    }
                }
                out.extend(char::from_u32(code));
            }
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    (out, false)
}

/// What `printf` makes of a format and its arguments.
pub fn formatted(format: &str, args: &[String]) -> String {
    let mut out = String::new();
    let mut args = args.iter();
    loop {
        let before = args.len();
        let ended = once(format, &mut args, &mut out);
        if ended || args.len() == 0 || args.len() == before {
            return out;
        }
    }
}

fn once(format: &str, args: &mut std::slice::Iter<'_, String>, out: &mut String) -> bool {
    let (format, ended) = unescaped(format);
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut spec = String::new();
        for letter in letters.by_ref() {
            spec.push(letter);
            if letter.is_alphabetic() || letter == '%' {
                break;
            }
        }
        let Some(kind) = spec.pop() else { break };
        if kind == '%' {
            out.push('%');
            continue;
        }
        let arg = args.next().map(String::as_str).unwrap_or_default();
        let (left, zero) = (spec.contains('-'), spec.starts_with('0'));
        let (width, precision) =
            spec.split_once('.').map_or((spec.as_str(), None), |(width, rest)| (width, Some(rest)));
        let width: usize = width.trim_start_matches(['-', '0', '+', ' ']).parse().unwrap_or_default();
        let precision: Option<usize> = precision.and_then(|text| text.parse().ok());
        let text = shown(kind, arg, precision);
        let pad = width.min(4096).saturating_sub(text.chars().count());
        match (left, zero && kind != 's') {
            (true, _) => out.push_str(&format!("{text}{}", " ".repeat(pad))),
            (false, true) => out.push_str(&format!("{}{text}", "0".repeat(pad))),
            (false, false) => out.push_str(&format!("{}{text}", " ".repeat(pad))),
        }
    }
    ended
}

fn shown(kind: char, arg: &str, precision: Option<usize>) -> String {
    let integer = || arg.trim().parse::<i64>().unwrap_or_default();
    match kind {
        'd' | 'i' | 'u' => integer().to_string(),
        'x' => format!("{:x}", integer()),
        'X' => format!("{:X}", integer()),
        'o' => format!("{:o}", integer()),
        'f' => format!("{:.*}", precision.unwrap_or(6).min(20), arg.trim().parse::<f64>().unwrap_or_default()),
        'b' => unescaped(arg).0,
        'c' => arg.chars().take(1).collect(),
        _ => arg.chars().take(precision.unwrap_or(usize::MAX)).collect(),
    }
}

pub async fn echo(program: Program) -> i32 {
    i32::from(!program.write(echoed(&program.words[1..]).as_bytes()).await)
}

pub async fn printf(program: Program) -> i32 {
    let format = program.words.get(1).map_or("", String::as_str);
    let text = formatted(format, program.words.get(2..).unwrap_or_default());
    i32::from(!program.write(text.as_bytes()).await)
}

pub async fn cat(program: Program) -> i32 {
    let (options, mut paths) = options(&program, "");
    if paths.is_empty() {
        paths.push("-".to_owned());
    }
    let mut code = 0;
    let mut count = 0;
    for path in paths {
        if super::stress::is_endless(&path) {
            return super::stress::read_for_ever(&program).await;
        }
        if path == "-" && !has(&options, 'n') {
            // As it comes: whoever reads it need not wait for the end.
            while let Some(line) = program.input.line().await {
                if !program.write(&line).await {
                    return 1;
                }
            }
            continue;
        }
        match program.read(&path).await {
            Ok(bytes) if has(&options, 'n') => {
                for line in String::from_utf8_lossy(&bytes).lines() {
                    count += 1;
                    program.say(&format!("{count:6}\t{line}")).await;
                }
            }
            Ok(bytes) => drop(program.write(&bytes).await),
            Err(why) => code = program.fail(&unopened(&program, &path, &why.to_string()), 1).await,
        }
    }
    code
}

/// `can't open 'x': No such file or directory`, or GNU's words for it.
pub fn unopened(program: &Program, path: &str, why: &str) -> String {
    match (program.container.image.is_busybox(), why) {
        (true, "Is a directory") => format!("read error: {why}"),
        (true, _) => format!("can't open '{path}': {why}"),
        (false, _) => format!("{path}: {why}"),
    }
}

/// How many lines or bytes: `-n 5`, `-5`, `-c 3`.
fn amount(options: &[(char, String)], program: &Program) -> (String, bool) {
    if let Some(bytes) = value(options, 'c') {
        return (bytes.to_owned(), true);
    }
    let bare = program.args().find_map(|word| word.strip_prefix('-').filter(|rest| rest.parse::<usize>().is_ok()));
    (value(options, 'n').or(bare).unwrap_or("10").to_owned(), false)
}

fn lines_of(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

pub async fn head(program: Program) -> i32 {
    let (options, mut paths) = options(&program, "nc");
    let (text, is_bytes) = amount(&options, &program);
    let number: usize = text.trim_start_matches('-').parse().unwrap_or(10);
    if paths.is_empty() && !is_bytes && !text.starts_with('-') {
        for _ in 0..number {
            match program.input.line().await {
                Some(line) if program.write(&line).await => {}
                _ => break,
            }
        }
        return 0;
    }
    if paths.is_empty() {
        paths.push("-".to_owned());
    }
    let mut code = 0;
    for path in &paths {
        if is_bytes && super::stress::is_endless(path) {
            program.write(&vec![0; number]).await;
            continue;
        }
        match program.read(path).await {
            Err(why) => code = program.fail(&unopened(&program, path, &why.to_string()), 1).await,
            Ok(bytes) => {
                let kept = if is_bytes {
                    bytes[..number.min(bytes.len())].to_vec()
                } else {
                    let lines = lines_of(&bytes);
                    let count = if text.starts_with('-') { lines.len().saturating_sub(number) } else { number };
                    lines.into_iter().take(count).collect::<Vec<_>>().concat()
                };
                program.write(&kept).await;
            }
        }
    }
    code
}

pub async fn tail(program: Program) -> i32 {
    let (options, mut paths) = options(&program, "ncs");
    paths.retain(|path| !path.starts_with("--"));
    let (text, is_bytes) = amount(&options, &program);
    let number: usize = text.trim_start_matches(['-', '+']).parse().unwrap_or(10);
    let follows = has(&options, 'f') || has(&options, 'F') || program.args().any(|word| word.starts_with("--follow"));
    let waits = has(&options, 'F') || program.args().any(|word| word == "--retry");
    if paths.is_empty() {
        paths.push("-".to_owned());
    }
    if paths.iter().any(|path| super::stress::is_endless(path)) {
        return super::stress::keep_for_ever(&program).await;
    }
    let mut ends = Vec::new();
    let mut code = 0;
    for path in &paths {
        let bytes = match program.read(path).await {
            Ok(bytes) => bytes,
            Err(why) => {
                code = program.fail(&unopened(&program, path, &why.to_string()), 1).await;
                if waits {
                    ends.push((program.path(path), 0));
                }
                continue;
            }
        };
        let lines = lines_of(&bytes);
        let skip = match (is_bytes, text.starts_with('+')) {
            (true, false) => bytes.len().saturating_sub(number),
            (true, true) => number.saturating_sub(1).min(bytes.len()),
            (false, true) => lines.iter().take(number.saturating_sub(1)).map(|line| line.len()).sum(),
            (false, false) => lines.iter().take(lines.len().saturating_sub(number)).map(|line| line.len()).sum(),
        };
        if paths.len() > 1 {
            program.say(&format!("{}==> {path} <==", if ends.is_empty() { "" } else { "\n" })).await;
        }
        program.write(&bytes[skip..]).await;
        if !matches!(path.as_str(), "-") {
            ends.push((program.path(path), bytes.len()));
        }
    }
    if !follows {
        return code;
    }
    if ends.is_empty() {
        return program.fail("no files", 1).await;
    }
    if ends.iter().all(|(path, _)| path == "/dev/null") {
        return program.wait_for_ever().await;
    }
    follow(&program, ends).await
}

/// Writes what is added to files, for ever.
async fn follow(program: &Program, mut ends: Vec<(String, usize)>) -> i32 {
    let files = &program.container.files;
    loop {
        let grown = || ends.iter().any(|(path, end)| files.size(path).unwrap_or(*end) != *end);
        program.engine().until(grown).await;
        for (path, end) in &mut ends {
            let bytes = files.read(path).unwrap_or_default();
            let from = if bytes.len() < *end { 0 } else { *end };
            if !program.write(&bytes[from..]).await {
                return 1;
            }
            *end = bytes.len();
        }
    }
}

pub async fn wc(program: Program) -> i32 {
    let (options, mut paths) = options(&program, "");
    let from_input = paths.is_empty();
    if from_input {
        paths.push("-".to_owned());
    }
    let mut code = 0;
    let mut totals = [0, 0, 0];
    let many = paths.len() > 1;
    for path in paths {
        match program.read(&path).await {
            Err(why) => code = program.fail(&unopened(&program, &path, &why.to_string()), 1).await,
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let counts = [text.matches('\n').count(), text.split_whitespace().count(), bytes.len()];
                totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
                program.say(&counted(&options, counts, if from_input { "" } else { &path })).await;
            }
        }
    }
    if many {
        program.say(&counted(&options, totals, "total")).await;
    }
    code
}

fn counted(options: &[(char, String)], [lines, words, bytes]: [usize; 3], name: &str) -> String {
    let mut parts = Vec::new();
    let all = !options.iter().any(|(letter, _)| "lwcm".contains(*letter));
    for (letter, count) in [('l', lines), ('w', words), ('c', bytes)] {
        if all || has(options, letter) || (letter == 'c' && has(options, 'm')) {
            parts.push(if all { format!("{count:>9}") } else { count.to_string() });
        }
    }
    if !name.is_empty() {
        parts.push(name.to_owned());
    }
    parts.join(" ")
}

pub async fn seq(program: Program) -> i32 {
    let numbers: Vec<i64> = program.args().filter_map(|word| word.parse().ok()).collect();
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] if *step != 0 => (*first, *step, *last),
        _ => return program.fail("missing operand", 1).await,
    };
    let mut number = first;
    while (step > 0 && number <= last) || (step < 0 && number >= last) {
        if !program.say(&number.to_string()).await {
            return 1;
        }
        program.engine().step(&program.group).await;
        number += step;
    }
    0
}

pub async fn tee(program: Program) -> i32 {
    let (options, paths) = options(&program, "");
    let mut outputs = Vec::new();
    for path in paths {
        match program.open(&path, has(&options, 'a')) {
            Ok(output) => outputs.push(output),
            Err(why) => drop(program.fail(&format!("{path}: {why}"), 1).await),
        }
    }
    while let Some(line) = program.input.line().await {
        program.write(&line).await;
        for output in &outputs {
            output.write(program.engine(), &line).await;
        }
    }
    0
}

pub async fn yes(program: Program) -> i32 {
    let words: Vec<&str> = program.args().collect();
    let line = if words.is_empty() { "y".to_owned() } else { words.join(" ") };
    while program.say(&line).await {
        program.engine().step(&program.group).await;
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_printf_and_echo_write_them() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(formatted("%s=%03d\\n", &words(&["a", "7", "b", "12"])), "a=007\nb=012\n");
        assert_eq!(formatted("%-5s|%.2f%%", &words(&["ab", "1.5"])), "ab   |1.50%");
        assert_eq!(echoed(&words(&["-n", "a", "b"])), "a b");
        assert_eq!(echoed(&words(&["-e", "a\\tb"])), "a\tb\n");
    }
}
