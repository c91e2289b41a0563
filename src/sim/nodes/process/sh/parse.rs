//! Reading a script: POSIX shell grammar, as `sh` of BusyBox and Debian read it.
//! Words are read in `word.rs`. What is wrong is told in BusyBox' words.

use std::sync::Arc;

use super::here::fill_list;
use super::tree::{Command, Item, Kind, List, Part, Pipeline, Redirect, Target, Word};

/// Why a script cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("syntax error: {0}")]
pub struct SyntaxError(pub String);

impl SyntaxError {
    /// Whether more lines may mend it.
    pub fn is_unfinished(&self) -> bool {
        self.0.contains("end of file") || self.0.contains("unterminated")
    }
}

pub type Result<T> = std::result::Result<T, SyntaxError>;

/// Words that begin or end something where a command is expected.
const RESERVED: &[&str] = &[
    "then", "else", "elif", "fi", "do", "done", "esac", "}", "{", "!", "if", "while", "until", "for", "case",
    "function",
];

/// So deep commands may be nested.
const DEEPEST: usize = 60;

pub struct Parser<'a> {
    pub(super) text: &'a [char],
    pub(super) at: usize,
    pub(super) depth: usize,
    /// Here-documents whose text follows the next line's end: where their place is kept, delimiter, and how it was written.
    pub(super) here: Vec<(String, bool, bool)>,
    /// Their texts, in the order they were asked for.
    pub(super) found: Vec<Word>,
}

/// Reads a whole script.
pub fn parse(script: &str) -> Result<List> {
    let text: Vec<char> = script.chars().collect();
    let mut parser = Parser::new(&text);
    let mut list = parser.list(&[])?;
    if parser.at < text.len() {
        return Err(parser.unexpected());
    }
    let mut texts = std::mem::take(&mut parser.found).into_iter();
    fill_list(&mut list, &mut texts);
    Ok(list)
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a [char]) -> Self {
        Self { text, at: 0, depth: 0, here: Vec::new(), found: Vec::new() }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    pub(super) fn looks_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, letter)| self.text.get(self.at + index) == Some(&letter))
    }

    pub(super) fn takes(&mut self, text: &str) -> bool {
        let found = self.looks_at(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    pub(super) fn unexpected(&self) -> SyntaxError {
        match self.peek() {
            None => SyntaxError("unexpected end of file".to_owned()),
            Some('\n') => SyntaxError("unexpected newline".to_owned()),
            Some(_) => {
                let rest: String = self.text[self.at..].iter().take_while(|letter| !letter.is_whitespace()).collect();
                let sign = [";;", "&&", "||", ";", "&", "|", ")", "("].into_iter().find(|sign| rest.starts_with(sign));
                SyntaxError(format!("unexpected {:?}", sign.unwrap_or(&rest)))
            }
        }
    }

    /// Passes blanks, joined lines and comments.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('\\') if self.text.get(self.at + 1) == Some(&'\n') => self.at += 2,
                Some('#') => {
                    while self.peek().is_some_and(|letter| letter != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Passes blanks and line ends.
    fn lines(&mut self) {
        loop {
            self.blanks();
            if self.peek() != Some('\n') {
                return;
            }
            self.at += 1;
            self.here_documents();
        }
    }

    /// The reserved word that comes next, if one does.
    fn reserved(&mut self) -> Option<&'static str> {
        self.blanks();
        RESERVED.iter().copied().find(|word| {
            let after = self.text.get(self.at + word.chars().count());
            self.looks_at(word) && after.is_none_or(|letter| letter.is_whitespace() || ";&|()<>".contains(*letter))
        })
    }

    fn word_is(&mut self, word: &str) -> bool {
        let found = self.reserved() == Some(RESERVED.iter().copied().find(|known| *known == word).unwrap_or_default());
        if found {
            self.at += word.chars().count();
        }
        found
    }

    fn want(&mut self, word: &str) -> Result<()> {
        self.lines();
        if self.word_is(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Commands up to one of these reserved words (which stays), a closing parenthesis or the end.
    pub(super) fn list(&mut self, ends: &[&str]) -> Result<List> {
        let mut list = List::new();
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(SyntaxError("nested too deep".to_owned()));
        }
        loop {
            self.lines();
            let ended = self.peek().is_none_or(|letter| letter == ')') || self.looks_at(";;");
            if ended || self.reserved().is_some_and(|word| ends.contains(&word)) {
                self.depth -= 1;
                return Ok(list);
            }
            let mut item = self.item()?;
            self.blanks();
            if self.looks_at("&") && !self.looks_at("&&") {
                self.at += 1;
                item.background = true;
            } else if self.looks_at(";") && !self.looks_at(";;") {
                self.at += 1;
            } else if self.peek().is_some_and(|letter| letter != '\n' && letter != ')') && !self.looks_at(";;") {
                return Err(self.unexpected());
            }
            list.push(item);
        }
    }

    fn item(&mut self) -> Result<Item> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let and = if self.takes("&&") {
                true
            } else if self.takes("||") {
                false
            } else {
                return Ok(Item { first, rest, background: false });
            };
            self.lines();
            rest.push((and, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline> {
        let negated = self.word_is("!");
        let mut commands = vec![self.command()?];
        loop {
            self.blanks();
            if self.looks_at("||") || !self.takes("|") {
                return Ok(Pipeline { negated, commands });
            }
            self.lines();
            commands.push(self.command()?);
        }
    }

    fn command(&mut self) -> Result<Command> {
        self.blanks();
        let mut kind = match self.reserved() {
            Some("{") => {
                self.at += 1;
                let body = self.list(&["}"])?;
                self.want("}")?;
                Kind::Group(body)
            }
            Some("if") => self.conditional()?,
            Some(word @ ("while" | "until")) => {
                self.at += word.len();
                let condition = self.list(&["do"])?;
                Kind::Loop { until: word == "until", condition, body: self.body()? }
            }
            Some("for") => self.counted()?,
            Some("case") => self.case()?,
            Some("function") => {
                self.at += "function".len();
                self.blanks();
                let name = self.name();
                self.blanks();
                self.takes("()");
                self.function(name)?
            }
            Some(_) => return Err(self.unexpected()),
            None if self.takes("(") => {
                let body = self.list(&[])?;
                if !self.takes(")") {
                    return Err(self.unexpected());
                }
                Kind::Subshell(body)
            }
            None => return self.simple(),
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        if let Kind::Function { body, .. } = &mut kind {
            Arc::make_mut(body).redirects.append(&mut redirects);
        }
        Ok(Command { kind, redirects })
    }

    fn body(&mut self) -> Result<List> {
        self.want("do")?;
        let body = self.list(&["done"])?;
        self.want("done")?;
        Ok(body)
    }

    fn conditional(&mut self) -> Result<Kind> {
        let mut arms = Vec::new();
        self.at += "if".len();
        loop {
            let condition = self.list(&["then"])?;
            self.want("then")?;
            arms.push((condition, self.list(&["elif", "else", "fi"])?));
            if !self.word_is("elif") {
                break;
            }
        }
        let otherwise = if self.word_is("else") { self.list(&["fi"])? } else { List::new() };
        self.want("fi")?;
        Ok(Kind::If { arms, otherwise })
    }

    fn counted(&mut self) -> Result<Kind> {
        self.at += "for".len();
        self.blanks();
        let name = self.name();
        self.lines();
        let words = if self.takes("in ") || self.takes("in\t") || self.takes("in\n") {
            let mut words = Vec::new();
            self.blanks();
            while let Some(word) = self.word()? {
                words.push(word);
                self.blanks();
            }
            Some(words)
        } else {
            None
        };
        self.blanks();
        self.takes(";");
        Ok(Kind::For { name, words, body: self.body()? })
    }

    fn case(&mut self) -> Result<Kind> {
        self.at += "case".len();
        self.blanks();
        let word = self.word()?.ok_or_else(|| self.unexpected())?;
        self.lines();
        if !self.takes("in") {
            return Err(self.unexpected());
        }
        let mut arms = Vec::new();
        loop {
            self.lines();
            if self.takes("esac") {
                return Ok(Kind::Case { word, arms });
            }
            self.takes("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                patterns.push(self.word()?.ok_or_else(|| self.unexpected())?);
                self.blanks();
                if !self.takes("|") {
                    break;
                }
            }
            if !self.takes(")") {
                return Err(self.unexpected());
            }
            arms.push((patterns, self.list(&["esac"])?));
            self.lines();
            self.takes(";;");
        }
    }

    fn function(&mut self, name: String) -> Result<Kind> {
        self.lines();
        let body = self.command()?;
        Ok(Kind::Function { name, body: Arc::new(body) })
    }

    pub(super) fn name(&mut self) -> String {
        let name: String =
            self.text[self.at..].iter().take_while(|letter| letter.is_alphanumeric() || **letter == '_').collect();
        self.at += name.chars().count();
        name
    }

    fn simple(&mut self) -> Result<Command> {
        let (mut sets, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            let start = self.at;
            if words.is_empty() {
                let name = self.name();
                if !name.is_empty() && !name.starts_with(|letter: char| letter.is_ascii_digit()) && self.takes("=") {
                    sets.push((name, self.word()?.unwrap_or_default()));
                    continue;
                }
                if !name.is_empty() && sets.is_empty() {
                    self.blanks();
                    if self.takes("()") || self.takes("( )") {
                        let kind = self.function(name)?;
                        return Ok(Command { kind, redirects });
                    }
                }
                self.at = start;
            }
            match self.word()? {
                Some(word) => words.push(word),
                None if words.is_empty() && sets.is_empty() && redirects.is_empty() => return Err(self.unexpected()),
                None => return Ok(Command { kind: Kind::Simple { sets, words }, redirects }),
            }
        }
    }

    fn redirect(&mut self) -> Result<Option<Redirect>> {
        self.blanks();
        let start = self.at;
        let digit = self.peek().filter(char::is_ascii_digit).and_then(|digit| digit.to_digit(10));
        if digit.is_some() {
            self.at += 1;
        }
        let both = digit.is_none() && self.looks_at("&>");
        if both {
            self.at += 1;
        }
        let sign = [">>", ">&", ">|", "<<-", "<<<", "<<", "<&", ">", "<"].into_iter().find(|sign| self.looks_at(sign));
        let Some(sign) = sign else {
            self.at = start;
            return Ok(None);
        };
        self.at += sign.len();
        self.blanks();
        let stream = u8::try_from(digit.unwrap_or(u32::from(sign.starts_with('>')))).unwrap_or(1);
        if let ">&" | "<&" = sign {
            let to = self.name();
            let to = to.parse().map_err(|_| SyntaxError(format!("bad fd number {to:?}")))?;
            return Ok(Some(Redirect { stream, to: Target::Same(to) }));
        }
        if sign.starts_with("<<") && sign != "<<<" {
            return Ok(Some(self.here_document(stream, sign == "<<-")?));
        }
        let word = self.word()?.ok_or_else(|| self.unexpected())?;
        let to = match sign {
            "<" => Target::Read(word),
            ">>" => Target::Append(word),
            "<<<" => Target::Here([word, vec![Part::Text("\n".to_owned(), true)]].concat()),
            _ => Target::Write(word),
        };
        Ok(Some(Redirect { stream: if both { BOTH } else { stream }, to }))
    }
}

/// Standard output and standard error at once (`&>`).
pub const BOTH: u8 = 12;
