//! Patterns: the shell's (`*.log`), and enough regular expressions for `grep` and `sed`.
//! Who matches what with them is the shell's and the programs'.

/// Whether a text as a whole fits a shell pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    fits(&pattern, &text)
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|skip| fits(&pattern[1..], &text[skip..])),
        Some('?') => !text.is_empty() && fits(&pattern[1..], &text[1..]),
        Some('[') => match (class(pattern), text.first()) {
            (Some((set, rest)), Some(first)) => set.has(*first) && fits(rest, &text[1..]),
            (Some(_), None) => false,
            (None, _) => text.first() == Some(&'[') && fits(&pattern[1..], &text[1..]),
        },
        Some('\\') if pattern.len() > 1 => text.first() == Some(&pattern[1]) && fits(&pattern[2..], &text[1..]),
        Some(letter) => text.first() == Some(letter) && fits(&pattern[1..], &text[1..]),
    }
}

/// `[a-z]`: characters, or all but them.
#[derive(Clone, Debug)]
struct Class {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Class {
    fn has(&self, letter: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != self.negated
    }
}

fn class(pattern: &[char]) -> Option<(Class, &[char])> {
    let mut rest = pattern.get(1..)?;
    let negated = matches!(rest.first(), Some('!' | '^'));
    if negated {
        rest = &rest[1..];
    }
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        match rest {
            [']', after @ ..] if !first => return Some((Class { ranges, negated }, after)),
            ['[', ':', ..] => {
                let end = rest.windows(2).position(|pair| pair == [':', ']'])?;
                let name: String = rest[2..end].iter().collect();
                ranges.extend_from_slice(named(&name));
                rest = &rest[end + 2..];
            }
            [low, '-', high, after @ ..] if *high != ']' => {
                ranges.push((*low, *high));
                rest = after;
            }
            [letter, after @ ..] => {
                ranges.push((*letter, *letter));
                rest = after;
            }
            [] => return None,
        }
        first = false;
    }
}

fn named(name: &str) -> &'static [(char, char)] {
    match name {
        "digit" => &[('0', '9')],
        "alpha" => &[('a', 'z'), ('A', 'Z')],
        "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
        "lower" => &[('a', 'z')],
        "upper" => &[('A', 'Z')],
        "space" => &[(' ', ' '), ('\t', '\r')],
        _ => &[],
    }
}

#[derive(Clone, Debug)]
enum Atom {
    Letter(char),
    Any,
    Class(Class),
    Start,
    End,
    Group(Vec<Branch>),
}

#[derive(Clone, Debug)]
struct Piece {
    atom: Atom,
    least: usize,
    most: usize,
}

type Branch = Vec<Piece>;

/// Only so much of a line is looked at: matching goes deeper with every letter.
const LONGEST: usize = 2000;

/// A regular expression, basic or extended. Groups do not capture.
#[derive(Clone, Debug)]
pub struct Regex {
    branches: Vec<Branch>,
    fold: bool,
}

impl Regex {
    /// Reads one; what makes no sense stands for itself. `fold` makes no difference between cases.
    pub fn new(pattern: &str, extended: bool, fold: bool) -> Self {
        let letters: Vec<char> = if fold { pattern.to_lowercase() } else { pattern.to_owned() }.chars().collect();
        let mut reader = Reader { letters: &letters, at: 0, extended };
        Self { branches: reader.branches(), fold }
    }

    /// The text itself, letter by letter.
    pub fn literal(text: &str, fold: bool) -> Self {
        let text = if fold { text.to_lowercase() } else { text.to_owned() };
        let piece = |letter| Piece { atom: Atom::Letter(letter), least: 1, most: 1 };
        Self { branches: vec![text.chars().map(piece).collect()], fold }
    }

    /// Where it first fits: the range in characters.
    pub fn find(&self, text: &str) -> Option<(usize, usize)> {
        let letters: Vec<char> = if self.fold { text.to_lowercase() } else { text.to_owned() }.chars().collect();
        self.find_from(&letters, 0)
    }

    /// The same in characters, from one on.
    pub fn find_from(&self, letters: &[char], from: usize) -> Option<(usize, usize)> {
        let letters = &letters[..letters.len().min(LONGEST)];
        (from..=letters.len()).find_map(|start| {
            let mut end = None;
            run(&self.branches, letters, start, &mut |at| {
                end = end.max(Some(at));
                false
            });
            end.map(|end| (start, end))
        })
    }
}

struct Reader<'a> {
    letters: &'a [char],
    at: usize,
    extended: bool,
}

impl Reader<'_> {
    fn rest(&self) -> &[char] {
        &self.letters[self.at.min(self.letters.len())..]
    }

    /// Whether a special sign comes next, written bare or with a backslash as the dialect wants; passes it.
    fn takes(&mut self, sign: char) -> bool {
        let found = match self.rest() {
            [first, ..] if self.extended => *first == sign,
            ['\\', second, ..] => *second == sign,
            _ => false,
        };
        if found {
            self.at += if self.extended { 1 } else { 2 };
        }
        found
    }

    fn branches(&mut self) -> Vec<Branch> {
        let mut branches = vec![Vec::new()];
        while !self.rest().is_empty() {
            let before = self.at;
            if self.takes(')') {
                self.at = before;
                break;
            }
            if self.takes('|') {
                branches.push(Vec::new());
                continue;
            }
            let atom = self.atom();
            let (least, most) = self.times();
            if let Some(branch) = branches.last_mut() {
                branch.push(Piece { atom, least, most });
            }
        }
        branches
    }

    fn atom(&mut self) -> Atom {
        if self.takes('(') {
            let branches = self.branches();
            self.takes(')');
            return Atom::Group(branches);
        }
        let (atom, length) = match self.rest() {
            ['.', ..] => (Atom::Any, 1),
            ['^', ..] => (Atom::Start, 1),
            ['$'] | ['$', '|' | ')', ..] => (Atom::End, 1),
            ['$', ..] => (Atom::Letter('$'), 1),
            ['[', ..] => match class(self.rest()) {
                Some((class, after)) => (Atom::Class(class), self.rest().len() - after.len()),
                None => (Atom::Letter('['), 1),
            },
            ['\\', 'd', ..] => (Atom::Class(Class { ranges: named("digit").to_vec(), negated: false }), 2),
            ['\\', 's', ..] => (Atom::Class(Class { ranges: named("space").to_vec(), negated: false }), 2),
            ['\\', 'w', ..] => {
                (Atom::Class(Class { ranges: [named("alnum"), &[('_', '_')]].concat(), negated: false }), 2)
            }
            ['\\', letter, ..] => (Atom::Letter(*letter), 2),
            [letter, ..] => (Atom::Letter(*letter), 1),
            [] => (Atom::End, 0),
        };
        self.at += length;
        atom
    }

    fn times(&mut self) -> (usize, usize) {
        if self.rest().first() == Some(&'*') {
            self.at += 1;
            return (0, usize::MAX);
        }
        if self.takes('+') {
            return (1, usize::MAX);
        }
        if self.takes('?') {
            return (0, 1);
        }
        if self.takes('{') {
            let text: String = self.rest().iter().take_while(|letter| !matches!(letter, '}' | '\\')).collect();
            self.at += text.chars().count();
            self.takes('}');
            let (least, most) = text.split_once(',').unwrap_or((&text, &text));
            return (least.parse().unwrap_or(0), most.parse().unwrap_or(usize::MAX));
        }
        (1, 1)
    }
}

/// Tries every way the branches fit from `at`; `found` says with true that it has enough.
fn run(branches: &[Branch], text: &[char], at: usize, found: &mut dyn FnMut(usize) -> bool) -> bool {
    branches.iter().any(|branch| sequence(branch, text, at, found))
}

fn sequence(pieces: &[Piece], text: &[char], at: usize, found: &mut dyn FnMut(usize) -> bool) -> bool {
    match pieces.split_first() {
        None => found(at),
        Some((piece, rest)) => repeat((piece, 0), rest, text, at, found),
    }
}

fn repeat(
    (piece, done): (&Piece, usize),
    rest: &[Piece],
    text: &[char],
    at: usize,
    found: &mut dyn FnMut(usize) -> bool,
) -> bool {
    let more = done < piece.most
        && once(&piece.atom, text, at, &mut |next| {
            // What takes nothing would be repeated for ever.
            (next > at || done < piece.least) && repeat((piece, done + 1), rest, text, next, found)
        });
    more || (done >= piece.least && sequence(rest, text, at, found))
}

fn once(atom: &Atom, text: &[char], at: usize, found: &mut dyn FnMut(usize) -> bool) -> bool {
    let here = text.get(at).copied();
    let fits = match atom {
        Atom::Start => return at == 0 && found(at),
        Atom::End => return at == text.len() && found(at),
        Atom::Group(branches) => return run(branches, text, at, found),
        Atom::Any => here.is_some(),
        Atom::Letter(letter) => here == Some(*letter),
        Atom::Class(class) => here.is_some_and(|letter| class.has(letter)),
    };
    fits && found(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_patterns() {
        for (pattern, text, fits) in [
            ("*.log", "a.log", true),
            ("*.log", "a.txt", false),
            ("[a-c]?", "bz", true),
            ("[!a]", "a", false),
            ("a*", "a", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn regular_expressions() {
        for (pattern, extended, text, found) in [
            ("b+", true, "abbc", Some((1, 3))),
            ("b\\+", false, "abbc", Some((1, 3))),
            ("b+", false, "abbc", None),
            ("^a.*c$", false, "abbc", Some((0, 4))),
            ("error|warn", true, "a warning", Some((2, 6))),
            ("(ab){2}", true, "xababab", Some((1, 5))),
            ("[[:digit:]]*x", false, "a12x", Some((1, 4))),
        ] {
            assert_eq!(Regex::new(pattern, extended, false).find(text), found, "{pattern}");
        }
        assert!(Regex::new("ERROR", false, true).find("an error").is_some());
    }
}
