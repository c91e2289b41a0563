//! Programs that choose, order or change lines.
//! Patterns are `pattern.rs`; editing scripts are `stream_editor.rs`.

use std::collections::BTreeSet;

use regex::Regex;

use super::text::unopened;
use super::{has, options, time, value};
use crate::sim::nodes::process::expression::{built, expression, translated};
use crate::sim::nodes::process::program::Program;

pub async fn grep(program: Program) -> i32 {
    let (options, mut rest) = options(&program, "eABCm");
    let patterns: Vec<String> = match value(&options, 'e') {
        Some(_) => options.iter().filter(|(letter, _)| *letter == 'e').map(|(_, value)| value.clone()).collect(),
        None if rest.is_empty() => return program.fail("no pattern", 2).await,
        None => vec![rest.remove(0)],
    };
    let fold = has(&options, 'i');
    let (fixed, extended) = (
        has(&options, 'F') || program.name() == "fgrep",
        has(&options, 'E') || program.name() == "egrep" || has(&options, 'P'),
    );
    let read = |pattern: &String| {
        let text = if fixed { regex::escape(pattern) } else { translated(pattern, extended) };
        let whole = match (has(&options, 'x'), has(&options, 'w')) {
            (true, _) => format!("^(?:{text})$"),
            (_, true) => format!("\\b{{start-half}}(?:{text})\\b{{end-half}}"),
            _ => text,
        };
        built(&whole, fold).or_else(|| expression(pattern, extended, fold))
    };
    let patterns: Vec<Regex> = patterns.iter().filter_map(read).collect();
    let search = Search { options: &options, patterns };
    let recursive = has(&options, 'r') || has(&options, 'R');
    if recursive {
        let roots = if rest.is_empty() { vec![".".to_owned()] } else { rest.clone() };
        rest = roots.iter().flat_map(|root| files_below(&program, root)).collect();
    }
    if rest.is_empty() {
        return search.stream(&program).await;
    }
    let named = (rest.len() > 1 || recursive) && !has(&options, 'h');
    let (mut found, mut failed) = (false, false);
    for path in &rest {
        match program.read(path).await {
            Ok(bytes) => {
                let name = if named { format!("{path}:") } else { String::new() };
                found |= search.text(&program, &String::from_utf8_lossy(&bytes), &name).await;
            }
            Err(why) => {
                failed = true;
                if !has(&options, 's') {
                    program
                        .fail(
                            &unopened(&program, path, &why.to_string()).replace("can't open '", "").replace("':", ":"),
                            2,
                        )
                        .await;
                }
            }
        }
    }
    if found {
        0
    } else if failed {
        2
    } else {
        1
    }
}

fn files_below(program: &Program, root: &str) -> Vec<String> {
    let files = &program.container.files;
    if !files.is_folder(&program.path(root)) {
        return vec![root.to_owned()];
    }
    let names = files.list(&program.path(root)).unwrap_or_default();
    names.iter().flat_map(|name| files_below(program, &format!("{}/{name}", root.trim_end_matches('/')))).collect()
}

struct Search<'a> {
    options: &'a [(char, String)],
    patterns: Vec<Regex>,
}

impl Search<'_> {
    fn fits(&self, line: &str) -> bool {
        self.patterns.iter().any(|regex| regex.is_match(line)) != has(self.options, 'v')
    }

    /// Lines as they come.
    async fn stream(&self, program: &Program) -> i32 {
        let most = value(self.options, 'm').and_then(|most| most.parse().ok()).unwrap_or(usize::MAX);
        let mut count = 0;
        let mut number = 0;
        while let Some(line) = program.input.line().await {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            number += 1;
            if !self.fits(&line) {
                continue;
            }
            count += 1;
            if has(self.options, 'q') {
                return 0;
            }
            if !has(self.options, 'c') {
                let prefix = if has(self.options, 'n') { format!("{number}:") } else { String::new() };
                if !program.say(&self.shown(&prefix, &line)).await {
                    return 1;
                }
            }
            if count >= most {
                break;
            }
        }
        if has(self.options, 'c') {
            program.say(&count.to_string()).await;
        }
        i32::from(count == 0)
    }

    fn shown(&self, prefix: &str, line: &str) -> String {
        if !has(self.options, 'o') {
            return format!("{prefix}{line}");
        }
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(found) =
            self.patterns.iter().filter_map(|regex| regex.find_at(line, at)).min_by_key(|found| found.start())
        {
            if !found.is_empty() {
                parts.push(format!("{prefix}{}", found.as_str()));
            }
            let next = line[found.start()..].chars().next().map_or(1, char::len_utf8);
            at = found.end().max(found.start() + next);
            if at > line.len() {
                break;
            }
        }
        parts.join("\n")
    }

    async fn text(&self, program: &Program, text: &str, name: &str) -> bool {
        let around = |letter| {
            let own = value(self.options, letter).or_else(|| value(self.options, 'C'));
            own.and_then(|lines| lines.parse::<usize>().ok()).unwrap_or_default()
        };
        let (before, after) = (around('B'), around('A'));
        let lines: Vec<&str> = text.lines().collect();
        let hits: Vec<usize> = (0..lines.len()).filter(|at| self.fits(lines[*at])).collect();
        if has(self.options, 'q') {
            return !hits.is_empty();
        }
        if has(self.options, 'l') {
            if !hits.is_empty() {
                program.say(name.trim_end_matches(':')).await;
            }
            return !hits.is_empty();
        }
        if has(self.options, 'c') {
            program.say(&format!("{name}{}", hits.len())).await;
            return !hits.is_empty();
        }
        let shown: BTreeSet<usize> =
            hits.iter().flat_map(|at| at.saturating_sub(before)..=(at + after).min(lines.len() - 1)).collect();
        for at in shown {
            let number = if has(self.options, 'n') { format!("{}:", at + 1) } else { String::new() };
            program.say(&self.shown(&format!("{name}{number}"), lines[at])).await;
        }
        !hits.is_empty()
    }
}

/// The lines of all files named, or of the input.
async fn lines(program: &Program, paths: &[String]) -> Result<Vec<String>, i32> {
    let mut all = Vec::new();
    for path in paths.iter().map(String::as_str).chain(paths.is_empty().then_some("-")) {
        match program.read(path).await {
            Ok(bytes) => all.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned)),
            Err(why) => return Err(program.fail(&unopened(program, path, &why.to_string()), 1).await),
        }
    }
    Ok(all)
}

async fn say_all(program: &Program, lines: impl IntoIterator<Item = String>) -> i32 {
    for line in lines {
        if !program.say(&line).await {
            return 1;
        }
    }
    0
}

pub async fn sort(program: Program) -> i32 {
    let (options, paths) = options(&program, "kto");
    let mut lines = match lines(&program, &paths).await {
        Ok(lines) => lines,
        Err(code) => return code,
    };
    let column = value(&options, 'k').and_then(|key| key.split([',', '.', 'n', 'r']).next()?.parse::<usize>().ok());
    let separator = value(&options, 't').map(str::to_owned);
    let key = |line: &String| -> String {
        let Some(column) = column else { return line.clone() };
        let found = match &separator {
            Some(separator) => line.split(separator.as_str()).nth(column - 1).map(str::to_owned),
            None => line.split_whitespace().nth(column - 1).map(str::to_owned),
        };
        found.unwrap_or_default()
    };
    let numeric = has(&options, 'n') || value(&options, 'k').is_some_and(|key| key.contains('n'));
    let number = |text: &str| {
        let text = text.trim_start();
        let end = text.find(|letter: char| !letter.is_ascii_digit() && !".-".contains(letter)).unwrap_or(text.len());
        text[..end].parse::<f64>().unwrap_or_default()
    };
    lines.sort_by(|one, other| {
        let (left, right) = (key(one), key(other));
        let order = if numeric { number(&left).total_cmp(&number(&right)) } else { left.cmp(&right) };
        order.then_with(|| one.cmp(other))
    });
    if has(&options, 'r') {
        lines.reverse();
    }
    if has(&options, 'u') {
        lines.dedup();
    }
    say_all(&program, lines).await
}

pub async fn uniq(program: Program) -> i32 {
    let (options, paths) = options(&program, "");
    let lines = match lines(&program, &paths).await {
        Ok(lines) => lines,
        Err(code) => return code,
    };
    let mut runs: Vec<(usize, String)> = Vec::new();
    for line in lines {
        match runs.last_mut() {
            Some((count, last)) if *last == line => *count += 1,
            _ => runs.push((1, line)),
        }
    }
    let wanted = |count: usize| !(has(&options, 'd') && count == 1 || has(&options, 'u') && count > 1);
    let runs = runs.into_iter().filter(|(count, _)| wanted(*count));
    let shown = runs.map(|(count, line)| if has(&options, 'c') { format!("{count:7} {line}") } else { line });
    say_all(&program, shown.collect::<Vec<_>>()).await
}

/// `a-z` and the like as letters.
/// The letters of a set of `tr`; `\0` and the like are letters by their octal numbers.
fn letters(set: &str) -> Vec<char> {
    let set = numbered(set);
    let set = set.replace("\\n", "\n").replace("\\t", "\t").replace("[:upper:]", "A-Z").replace("[:lower:]", "a-z");
    let set = set.replace("[:digit:]", "0-9").replace("[:alpha:]", "A-Za-z").replace("[:space:]", " \t\n\r");
    let signs: Vec<char> = set.chars().collect();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < signs.len() {
        match signs[at..] {
            [low, '-', high, ..] => {
                all.extend(low..=high);
                at += 3;
            }
            _ => {
                all.push(signs[at]);
                at += 1;
            }
        }
    }
    all
}

fn numbered(set: &str) -> String {
    let (mut out, mut rest) = (String::new(), set);
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = after.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        match u32::from_str_radix(&after[..digits], 8).ok().and_then(char::from_u32) {
            Some(letter) => out.push(letter),
            None => out.push('\\'),
        }
        rest = &after[digits..];
    }
    out + rest
}

pub async fn tr(program: Program) -> i32 {
    let (options, rest) = options(&program, "");
    let from = letters(rest.first().map_or("", String::as_str));
    let to = letters(rest.get(1).map_or("", String::as_str));
    let negated = has(&options, 'c');
    while let Some(line) = program.input.line().await {
        let mut out = String::new();
        for letter in String::from_utf8_lossy(&line).chars() {
            let found = from.iter().position(|known| *known == letter);
            let hit = found.is_some() != negated;
            let letter = match (hit, has(&options, 'd')) {
                (true, true) => continue,
                (true, false) if !to.is_empty() => to[found.unwrap_or(usize::MAX).min(to.len() - 1)],
                _ => letter,
            };
            if has(&options, 's') && hit && out.ends_with(letter) {
                continue;
            }
            out.push(letter);
        }
        if !program.write(out.as_bytes()).await {
            return 1;
        }
    }
    0
}

pub async fn cut(program: Program) -> i32 {
    let (options, paths) = options(&program, "dfcb");
    let ranges: Vec<(usize, usize)> = value(&options, 'f')
        .or_else(|| value(&options, 'c'))
        .or_else(|| value(&options, 'b'))
        .unwrap_or_default()
        .split(',')
        .map(|range| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            (from.parse().unwrap_or(1), to.parse().unwrap_or(usize::MAX))
        })
        .collect();
    let wanted = |at: usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&(at + 1)));
    let lines = match lines(&program, &paths).await {
        Ok(lines) => lines,
        Err(code) => return code,
    };
    let by_field = value(&options, 'f').is_some();
    let separator = value(&options, 'd').unwrap_or("\t").to_owned();
    let cut = |line: String| {
        if !by_field {
            return line.chars().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, letter)| letter).collect();
        }
        if !line.contains(&separator) {
            return line;
        }
        let fields = line.split(&separator).enumerate().filter(|(at, _)| wanted(*at)).map(|(_, field)| field);
        fields.collect::<Vec<_>>().join(&separator)
    };
    let cuts: Vec<String> = lines.into_iter().map(cut).collect();
    say_all(&program, cuts).await
}

/// `rev` and `tac`.
pub async fn rev(program: Program) -> i32 {
    let (_, paths) = options(&program, "");
    let mut lines = match lines(&program, &paths).await {
        Ok(lines) => lines,
        Err(code) => return code,
    };
    if program.name() == "tac" {
        lines.reverse();
    } else {
        lines.iter_mut().for_each(|line| *line = line.chars().rev().collect());
    }
    say_all(&program, lines).await
}

pub async fn xargs(program: Program) -> i32 {
    let mut words: Vec<String> = program.args().map(str::to_owned).collect();
    let mut each = usize::MAX;
    let mut place = None;
    while let Some(option) = words.first().filter(|word| word.starts_with('-')).cloned() {
        words.remove(0);
        let attached = option[2..].to_owned();
        let mut argument = || if attached.is_empty() && !words.is_empty() { words.remove(0) } else { attached.clone() };
        match option.get(..2) {
            Some("-n") => each = argument().parse().unwrap_or(1).max(1),
            Some("-I") => place = Some(argument()),
            Some("-P" | "-L") => drop(argument()),
            _ => {}
        }
    }
    if words.is_empty() {
        words.push("echo".to_owned());
    }
    let input = String::from_utf8_lossy(&program.input.rest().await).into_owned();
    let mut inner = program.clone();
    inner.input = crate::sim::nodes::process::stream::Input::Nothing;
    let mut code = 0;
    let batches: Vec<Vec<String>> = match &place {
        Some(place) => {
            input.lines().map(|line| words.iter().map(|word| word.replace(place.as_str(), line)).collect()).collect()
        }
        None => {
            let all: Vec<String> = input.split_whitespace().map(str::to_owned).collect();
            all.chunks(each.min(all.len().max(1))).map(|chunk| [words.clone(), chunk.to_vec()].concat()).collect()
        }
    };
    for batch in batches {
        code = code.max(Box::pin(time::run(&inner, batch)).await);
    }
    if code == 0 { 0 } else { 123 }
}
