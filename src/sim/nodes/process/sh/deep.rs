//! How deep a script is nested. brush-parser goes down a level of its own stack for each, and tries some levels several times
//! over, so what is deeper than anybody writes is refused before it is read.

use std::sync::LazyLock;

use brush_parser::Token;
use regex::Regex;

/// So deep commands may be nested.
const DEEPEST: usize = 24;

/// So deep groups in brackets and choices may be nested: each is tried three times over.
const DEEPEST_TRIED: usize = 8;

/// So deep substitutions may be nested within a word.
const DEEPEST_WORD: usize = 8;

/// So deep they may be in a script before it is cut into words.
pub const DEEPEST_TEXT: usize = 20;

/// Whether a script can be cut into words without going too deep.
pub fn is_cuttable(script: &str) -> bool {
    nesting(script, DEEPEST_TEXT) <= DEEPEST_TEXT
}

/// Whether a word can be read without going too deep.
pub fn is_readable(word: &str) -> bool {
    let within = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\''));
    within.is_some_and(|text| !text.contains('\''))
        || (nesting(word, DEEPEST_WORD) <= DEEPEST_WORD && indices(word) <= DEEPEST_WORD && !HUGE.is_match(word))
}

/// Whether the braces of a word can be read: each is tried several times over.
pub fn has_few_braces(word: &str) -> bool {
    word.matches('{').count() <= DEEPEST_WORD
}

/// At least how deep brackets of arrays are nested.
fn indices(word: &str) -> usize {
    let (mut open, mut deepest) = (0usize, 0);
    for sign in word.chars() {
        match sign {
            '[' => open += 1,
            ']' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// So long an expression may be, and so many signs it may have that may nest.
const LONGEST_SUM: (usize, usize) = (2000, 60);

/// Whether an expression can be read without going too deep: an index is tried at every operator.
pub fn is_computable(sum: &str) -> bool {
    indices(sum) <= 2
        && sum.len() <= LONGEST_SUM.0
        && sum.matches(['(', '!', '~', '?', '=', '*', '-', '+']).count() <= LONGEST_SUM.1
}

/// A number that does not fit where brush-parser reads one: `~99999999999999999999`, `{1..99999999999999999999}`.
static HUGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:~|\.\.|\{)[+-]?\d{18}"));

/// What opens and closes again with nothing in between that opens, closes or quotes.
static FLAT: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [
        pattern(r#"\$?\((?:[^(){}'"`\\#]|[^(){}'"`\\#\s]#)*\)"#),
        pattern(r#"\$\{[^(){}'"`\\]*\}"#),
        pattern(r#"`[^(){}'"`\\#]*`"#),
    ]
});

/// Quotes around nothing that opens or closes.
static QUOTED: LazyLock<[Regex; 2]> =
    LazyLock::new(|| [pattern(r#""(?:[^"'`\\(){}]|\\[^(){}'`])*""#), pattern(r#"'(?:[^'"`()$]|\$[^'"`({])*'"#)]);

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("constant: a pattern")
}

/// At least how deep substitutions are nested: no reading of the quotes makes it more. Exact enough once it is over `enough`.
fn nesting(text: &str, enough: usize) -> usize {
    let opens = |text: &str| text.matches(['(', '`']).count() + text.matches("${").count();
    let mut left = opens(text);
    let mut levels = 0;
    let mut text = text.to_owned();
    while levels + left > enough {
        let before = text.len();
        for quoted in QUOTED.iter() {
            text = quoted.replace_all(&text, "").into_owned();
        }
        for flat in FLAT.iter() {
            let shorter = flat.replace_all(&text, "");
            levels += usize::from(shorter.len() < text.len());
            text = shorter.into_owned();
        }
        left = opens(&text);
        if text.len() == before || left == 0 || levels > enough {
            break;
        }
    }
    levels + left
}

/// The commands that are open while the tokens of a script pass by: for each, what ends it or its part.
#[derive(Default)]
pub struct Open {
    ends: Vec<&'static str>,
    deepest: usize,
    deepest_tried: usize,
    /// Words of the `[[ … ]]` at hand, and the most there were.
    words: Option<usize>,
    most_words: usize,
}

/// So many words `[[ … ]]` may have: its tree is as deep as it is long.
const LONGEST_TEST: usize = 150;

impl Open {
    /// What is open at the end of some tokens.
    pub fn after(tokens: &[Token]) -> Self {
        let mut open = Self::default();
        for (at, token) in tokens.iter().enumerate() {
            let before = |steps: usize| at.checked_sub(steps).map(|at| &tokens[at]);
            open.count(token.to_str());
            match token {
                Token::Operator(sign, _) => open.pass(sign),
                Token::Word(word, _) if begins(before(1)) || is_word(before(2), &["function", "time"]) => {
                    open.pass(word)
                }
                Token::Word(..) => {}
            }
        }
        open
    }

    /// Whether nothing was ever nested too deep.
    pub fn is_shallow(&self, allowed: usize) -> bool {
        self.most_words <= LONGEST_TEST && self.deepest <= DEEPEST.min(allowed) && self.deepest_tried <= DEEPEST_TRIED
    }

    /// What would end the innermost, or its part.
    pub fn end(&self) -> Option<&'static str> {
        self.ends.last().copied()
    }

    /// Whether a token ends a command, or a part of one, that is not open or has nothing in it.
    pub fn refuses(tokens: &[Token], at: usize) -> bool {
        let Token::Word(word, _) = &tokens[at] else { return false };
        let before = tokens[..at].iter().rev().find(|token| token.to_str() != "\n");
        let end = Self::after(&tokens[..at]).end();
        let (of, hollow): (&str, &[&str]) = match word.as_str() {
            "then" => ("then", &["if", "elif"]),
            "elif" | "else" | "fi" => ("fi", &["then", "else"]),
            "do" => ("do", &["while", "until"]),
            "done" => ("done", &["do"]),
            "}" => ("}", &["{"]),
            "esac" => (";;", &[]),
            _ => return false,
        };
        begins(at.checked_sub(1).map(|at| &tokens[at])) && (end != Some(of) || is_word(before, hollow))
    }

    fn count(&mut self, word: &str) {
        self.words = match (word, self.words) {
            ("]]", _) => None,
            ("[[", None) => Some(0),
            (_, words) => words.map(|words| words + 1),
        };
        self.most_words = self.most_words.max(self.words.unwrap_or_default());
    }

    fn pass(&mut self, word: &str) {
        match (word, self.end()) {
            ("if", _) => self.ends.push("then"),
            ("while" | "until" | "for" | "select", _) => self.ends.push("do"),
            ("case", _) => self.ends.push(";;"),
            ("{", _) => self.ends.push("}"),
            ("(", _) => self.ends.push(")"),
            ("then", Some("then")) => self.next("fi"),
            ("elif", Some("fi")) => self.next("then"),
            ("do", Some("do")) => self.next("done"),
            ("esac", Some(";;")) => drop(self.ends.pop()),
            (word, Some(end)) if word == end && word != ";;" => drop(self.ends.pop()),
            _ => {}
        }
        self.deepest = self.deepest.max(self.ends.len());
        if self.ends.len() <= DEEPEST {
            let tried = self.ends.iter().filter(|end| matches!(**end, ")" | ";;")).count();
            self.deepest_tried = self.deepest_tried.max(tried);
        }
    }

    fn next(&mut self, end: &'static str) {
        self.ends.pop();
        self.ends.push(end);
    }
}

/// So deep commands may be nested in a script that is nested in nothing.
pub const ALLOWED: usize = DEEPEST;

fn is_word(token: Option<&Token>, words: &[&str]) -> bool {
    matches!(token, Some(Token::Word(word, _)) if words.contains(&word.as_str()))
}

/// Words after which a command begins.
const BEFORE: &[&str] = &[
    "if", "then", "elif", "else", "while", "until", "do", "{", "!", "in", "time", "-p", "coproc", "fi", "done", "esac",
    "}",
];

/// Whether a command can begin after a token.
fn begins(before: Option<&Token>) -> bool {
    match before {
        None => true,
        Some(Token::Operator(sign, _)) => !sign.starts_with(['<', '>']) && !sign.starts_with("&>"),
        Some(Token::Word(..)) => is_word(before, BEFORE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_never_taken_for_less() {
        for (text, shallow) in [
            ("\"$(basename \"${X:-$(pwd)}\")\"", true),
            ("$(awk '{print $1}' f) $(date) ${A} ${B} ${C} ${D} ${E} ${F} ${G} `x`", true),
            (&"$(echo \"$(".repeat(9), false),
            (&"$(\")\"".repeat(9), false),
            (&"$(# '\n".repeat(9), false),
            ("~99999999999999999999", false),
        ] {
            assert_eq!(is_readable(text), shallow, "{text}");
        }
    }
}
