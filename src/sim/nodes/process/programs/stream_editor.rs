//! `sed` and `awk`, as far as one-liners go: substitution, deletion, printing and lines put beside others, at addresses and from one
//! to another; columns of lines that match. What goes beyond that says so instead of doing something else.

use regex::{Captures, Regex};

use super::{has, options, value};
use crate::sim::nodes::process::expression::expression;
use crate::sim::nodes::process::program::Program;

enum Address {
    Always,
    Line(usize),
    Last,
    Fits(Regex),
}

impl Address {
    fn fits(&self, line: &str, (number, last): (usize, bool)) -> bool {
        match self {
            Self::Always => true,
            Self::Line(wanted) => *wanted == number,
            Self::Last => last,
            Self::Fits(regex) => regex.is_match(line),
        }
    }
}

enum Edit {
    Substitute { regex: Regex, with: String, flags: Flags },
    Delete,
    Print,
    Quit,
    Number,
    Before(String),
    After(String),
    Instead(String),
}

/// Of a substitution: from which one on of those that fit, whether only that, and whether the line is printed.
struct Flags {
    from: usize,
    all: bool,
    print: bool,
}

/// An edit, and where it is made: at a line, or from one to another.
struct Command {
    from: Address,
    to: Option<Address>,
    elsewhere: bool,
    edit: Edit,
    /// Between the two.
    inside: bool,
}

impl Command {
    /// Whether a line is meant. Lines come in their order.
    fn means(&mut self, line: &str, at: (usize, bool)) -> bool {
        let Some(to) = &self.to else { return self.from.fits(line, at) != self.elsewhere };
        let meant = self.inside || self.from.fits(line, at);
        self.inside = match (meant, self.inside, to) {
            (false, ..) => false,
            (_, _, Address::Line(end)) => *end > at.0,
            // The end is looked for from the line after the beginning on.
            (_, false, to) => !matches!(to, Address::Last) || !at.1,
            (_, true, to) => !to.fits(line, at),
        };
        meant != self.elsewhere
    }
}

fn commands(script: &str, extended: bool) -> Option<Vec<Command>> {
    let mut commands = Vec::new();
    let mut rest = script.trim();
    while !rest.is_empty() {
        let (from, after) = address(rest, extended)?;
        let (to, after) = match after.trim_start().strip_prefix(',') {
            Some(after) => address(after.trim_start(), extended).map(|(to, after)| (Some(to), after))?,
            None => (None, after),
        };
        let after = after.trim_start();
        let (elsewhere, after) = after.strip_prefix('!').map_or((false, after), |after| (true, after.trim_start()));
        let (edit, next) = edit(after, extended)?;
        commands.push(Command { from, to, elsewhere, edit, inside: false });
        rest = next.trim_start_matches([';', '\n', ' ', '}']);
    }
    Some(commands)
}

/// An edit, and what comes after it.
fn edit(text: &str, extended: bool) -> Option<(Edit, &str)> {
    let sign = text.chars().next()?;
    let next = &text[sign.len_utf8()..];
    let edit = match sign {
        's' => {
            let delimiter = next.chars().next()?;
            let (from, with, after) = split(&next[delimiter.len_utf8()..], delimiter)?;
            let (flags, next) = after.split_at(after.find([';', '\n', '}', ' ']).unwrap_or(after.len()));
            let regex = expression(&from, extended, flags.contains(['i', 'I']))?;
            let first: String = flags.chars().filter(char::is_ascii_digit).collect();
            let from = if first.is_empty() { 1 } else { first.parse().ok()? };
            let flags = Flags { from, all: flags.contains('g'), print: flags.contains('p') };
            return Some((Edit::Substitute { regex, with, flags }, next));
        }
        'a' | 'i' | 'c' => {
            let (line, next) = next.split_at(next.find('\n').unwrap_or(next.len()));
            let line = line.trim_start().strip_prefix('\\').unwrap_or(line).trim_start();
            // The text may be in the line after a backslash.
            let (line, next) = match (line, next.strip_prefix('\n')) {
                ("", Some(below)) => below.split_at(below.find('\n').unwrap_or(below.len())),
                _ => (line, next),
            };
            let line = format!("{line}\n");
            let edit = match sign {
                'a' => Edit::After(line),
                'i' => Edit::Before(line),
                _ => Edit::Instead(line),
            };
            return Some((edit, next));
        }
        'd' => Edit::Delete,
        'p' => Edit::Print,
        'q' => Edit::Quit,
        '=' => Edit::Number,
        _ => return None,
    };
    Some((edit, next))
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
        return Some((Address::Fits(expression(pattern, extended, false)?), rest));
    }
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    if digits > 0 {
        return Some((Address::Line(text[..digits].parse().ok()?), &text[digits..]));
    }
    Some((Address::Always, text))
}

fn substituted(line: &str, regex: &Regex, with: &str, flags: &Flags) -> Option<String> {
    let (mut out, mut at, mut changed) = (String::new(), 0, false);
    for (number, found) in (1..).zip(regex.captures_iter(line)) {
        let Some(whole) = found.get(0).filter(|_| number >= flags.from) else { continue };
        changed = true;
        out.push_str(&line[at..whole.start()]);
        put(with, &found, &mut out);
        at = whole.end();
        if !flags.all {
            break;
        }
    }
    out.push_str(&line[at..]);
    changed.then_some(out)
}

/// Puts what takes the place of what was found: `&` is all of it, `\1` its first group.
fn put(with: &str, found: &Captures, out: &mut String) {
    let group = |number: usize| found.get(number).map_or("", |group| group.as_str());
    let mut letters = with.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => out.push_str(group(0)),
            '\\' => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(digit) if digit.is_ascii_digit() => out.push_str(group(digit as usize - '0' as usize)),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            _ => out.push(letter),
        }
    }
}

pub async fn sed(program: Program) -> i32 {
    let (options, mut rest) = options(&program, "ef");
    let script = match value(&options, 'e') {
        Some(script) => script.to_owned(),
        None if rest.is_empty() => return program.fail("no script", 1).await,
        None => rest.remove(0),
    };
    let extended = has(&options, 'E') || has(&options, 'r');
    let Some(mut commands) = commands(&script, extended) else {
        return program.fail("this script is more than the simulator's sed can do", 1).await;
    };
    let quiet = has(&options, 'n');
    let in_place = has(&options, 'i');
    if rest.is_empty() {
        let mut number = 0;
        let mut next = program.input.line().await;
        while let Some(line) = next {
            // Whether a line is the last is known when the next does not come.
            next = program.input.line().await;
            number += 1;
            let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            let (out, quit) = edited(&line, (number, next.is_none()), &mut commands, quiet);
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
            let (out, quit) = edited(line, (index + 1, index + 1 == count), &mut commands, quiet);
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

fn edited(line: &str, at: (usize, bool), commands: &mut [Command], quiet: bool) -> (String, bool) {
    let (mut line, mut out, mut after, mut quit) = (line.to_owned(), String::new(), String::new(), false);
    for command in commands {
        if !command.means(&line, at) {
            continue;
        }
        match &command.edit {
            Edit::Delete => return (out + &after, false),
            Edit::Instead(text) => {
                // Of several lines the last is replaced.
                let text = if command.inside { "" } else { text };
                return (out + text + &after, false);
            }
            Edit::Print => out.push_str(&format!("{line}\n")),
            Edit::Number => out.push_str(&format!("{}\n", at.0)),
            Edit::Before(text) => out.push_str(text),
            Edit::After(text) => after.push_str(text),
            Edit::Quit => {
                quit = true;
                break;
            }
            Edit::Substitute { regex, with, flags } => {
                if let Some(changed) = substituted(&line, regex, with, flags) {
                    line = changed;
                    if flags.print {
                        out.push_str(&format!("{line}\n"));
                    }
                }
            }
        }
    }
    if !quiet {
        out.push_str(&format!("{line}\n"));
    }
    (out + &after, quit)
}

/// `awk '/pattern/ && NR>1 {print $1, $NF}'`, with `-F`.
pub async fn awk(program: Program) -> i32 {
    let (options, mut rest) = options(&program, "Fv");
    if rest.is_empty() {
        return program.fail("no program", 2).await;
    }
    let script = rest.remove(0);
    let (pattern, action) = script.split_once('{').unwrap_or((&script, "print}"));
    let conditions: Option<Vec<Condition>> = match pattern.trim() {
        "" => Some(Vec::new()),
        pattern => pattern.split("&&").map(|one| Condition::parse(one.trim())).collect(),
    };
    let printed = action.trim().trim_end_matches('}').trim().trim_end_matches(';').strip_prefix("print");
    let printed = printed.filter(|printed| !printed.starts_with(|next: char| next.is_ascii_alphanumeric()));
    let (Some(printed), Some(conditions)) = (printed, conditions) else {
        return program.fail("this program is more than the simulator's awk can do", 2).await;
    };
    let separator = value(&options, 'F').map(str::to_owned);
    let paths = if rest.is_empty() { vec!["-".to_owned()] } else { rest };
    for path in paths {
        let bytes = match program.read(&path).await {
            Ok(bytes) => bytes,
            Err(why) => return program.fail(&format!("{path}: {why}"), 2).await,
        };
        for (index, text) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let line = Line::new(text, index + 1, separator.as_deref());
            if conditions.iter().all(|condition| condition.holds(&line)) && !program.say(&line.columns(printed)).await {
                return 1;
            }
        }
    }
    0
}

/// When awk prints something of a line.
enum Condition {
    Fits { word: String, regex: Regex, not: bool },
    Compares { left: String, operator: &'static str, right: String },
}

impl Condition {
    /// Reads one match or one comparison.
    fn parse(text: &str) -> Option<Self> {
        let regex = |text: &str| expression(text.trim().strip_prefix('/')?.strip_suffix('/')?, true, false);
        let (not, own) = text.strip_prefix('!').map_or((false, text), |own| (true, own));
        if own.starts_with('/') {
            return Some(Self::Fits { word: "$0".to_owned(), regex: regex(own)?, not });
        }
        for (sign, not) in [("!~", true), ("~", false)] {
            if let Some((word, pattern)) = text.split_once(sign) {
                return Some(Self::Fits { word: operand(word)?, regex: regex(pattern)?, not });
            }
        }
        ["==", "!=", ">=", "<=", ">", "<"].into_iter().find_map(|operator| {
            let (left, right) = text.split_once(operator)?;
            Some(Self::Compares { left: operand(left)?, operator, right: operand(right)? })
        })
    }

    fn holds(&self, line: &Line<'_>) -> bool {
        let (left, operator, right) = match self {
            Self::Fits { word, regex, not } => return regex.is_match(&line.value(word)) != *not,
            Self::Compares { left, operator, right } => (left, *operator, right),
        };
        let (one, other) = (line.value(left), line.value(right));
        let is_text = left.starts_with('"') || right.starts_with('"');
        // What looks like numbers is compared as such.
        let order = match (one.parse::<f64>(), other.parse::<f64>()) {
            (Ok(one), Ok(other)) if !is_text => one.partial_cmp(&other),
            _ => Some(one.cmp(&other)),
        };
        order.is_some_and(|order| match operator {
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_lt(),
        })
    }
}

/// A word that stands for a value: a field, a count, a number or text in quotes.
fn operand(word: &str) -> Option<String> {
    let word = word.trim();
    let text = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    let field = word.strip_prefix('$').is_some_and(|field| field == "NF" || field.parse::<usize>().is_ok());
    let is_known = field
        || text.is_some_and(|text| !text.contains('"'))
        || matches!(word, "NR" | "NF")
        || word.parse::<f64>().is_ok();
    is_known.then(|| word.to_owned())
}

/// A line as awk sees it.
struct Line<'a> {
    text: &'a str,
    fields: Vec<&'a str>,
    number: usize,
}

impl<'a> Line<'a> {
    fn new(text: &'a str, number: usize, separator: Option<&str>) -> Self {
        let fields = match separator {
            Some(separator) => text.split(separator).collect(),
            None => text.split_whitespace().collect(),
        };
        Self { text, fields, number }
    }

    /// What a word stands for.
    fn value(&self, word: &str) -> String {
        match word.trim() {
            "$0" => self.text.to_owned(),
            "$NF" => self.fields.last().copied().unwrap_or_default().to_owned(),
            "NF" => self.fields.len().to_string(),
            "NR" => self.number.to_string(),
            word => match word.strip_prefix('$').and_then(|index| index.parse::<usize>().ok()) {
                Some(index) => self.fields.get(index.wrapping_sub(1)).copied().unwrap_or_default().to_owned(),
                None => word.trim_matches('"').to_owned(),
            },
        }
    }

    /// What is printed of it.
    fn columns(&self, printed: &str) -> String {
        if printed.trim().is_empty() {
            return self.text.to_owned();
        }
        let groups = printed.split(',').map(|group| {
            // Words side by side stand side by side; text in quotes keeps its blanks.
            let mut out = String::new();
            let mut rest = group.trim();
            while !rest.is_empty() {
                let end = match rest.strip_prefix('"') {
                    Some(inner) => inner.find('"').map_or(rest.len(), |end| end + 2),
                    None => rest.find([' ', '"']).unwrap_or(rest.len()),
                };
                out.push_str(&self.value(&rest[..end]));
                rest = rest[end..].trim_start_matches(' ');
            }
            out
        });
        groups.collect::<Vec<_>>().join(" ")
    }
}
