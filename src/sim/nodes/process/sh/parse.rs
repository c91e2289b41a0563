//! Reading a script: brush-parser cuts it into tokens and reads these; what it makes of them becomes our tree in `convert.rs`.
//! What is wrong is told as the shell at hand would tell it. Two things shells read and brush-parser does not, a `case` without
//! opening brackets inside `$( )` and a backslash at the very end, are syntax errors here.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use brush_parser::{ParseError, ParserOptions, Token, TokenizerError, parse_tokens, uncached_tokenize_str};

use super::convert::Reader;
use super::deep::{ALLOWED, DEEPEST_TEXT, Open, is_cuttable, is_readable};
use super::dialect::Dialect;
use super::tree::List;
use super::wrong::{SyntaxError, Wrong};

pub type Result<T> = std::result::Result<T, SyntaxError>;

/// So many bytes a script may have.
const LONGEST: usize = 1 << 18;

/// Scripts by their text.
type Scripts = HashMap<(Dialect, String), Arc<List>>;

/// Scripts that were read: thousands of Pods begin with the same.
static READ: LazyLock<Mutex<Scripts>> = LazyLock::new(Mutex::default);

/// So many are kept, and so long they may be.
const KEPT: (usize, usize) = (500, 1 << 14);

/// Reads a whole script.
pub fn parse(script: &str, dialect: Dialect) -> Result<Arc<List>> {
    let read = || READ.lock().unwrap_or_else(PoisonError::into_inner);
    if script.len() > KEPT.1 {
        return Ok(Arc::new(Reader { dialect, line: 1, allowed: ALLOWED }.script(script)?));
    }
    let key = (dialect, script.to_owned());
    if let Some(known) = read().get(&key) {
        return Ok(known.clone());
    }
    let list = Arc::new(Reader { dialect, line: 1, allowed: ALLOWED }.script(script)?);
    let mut read = read();
    if read.len() >= KEPT.0 {
        read.clear();
    }
    read.insert(key, list.clone());
    Ok(list)
}

/// The same for a script that does not go on: a text in it without an end (`<<END`) ends with it.
pub fn parse_whole(script: &str, dialect: Dialect) -> Result<Arc<List>> {
    let mut script = script.to_owned();
    for _ in 0..4 {
        match parse(&script, dialect) {
            Err(SyntaxError { what: Wrong::Here(end), .. }) => {
                if !script.ends_with('\n') {
                    script.push('\n');
                }
                if !end.is_empty() {
                    script.push_str(&format!("{end}\n"));
                }
            }
            done => return done,
        }
    }
    parse(&script, dialect)
}

impl Reader {
    /// Reads a script, or what stands in `$( )`.
    pub fn script(&mut self, script: &str) -> Result<List> {
        if script.len() > LONGEST || !is_cuttable(script) {
            return Err(self.refused("too long or nested too deep"));
        }
        let options = self.dialect.options();
        let tokens =
            cut(script, &options).map_err(|error| SyntaxError { line: self.last_line(script), what: uncut(error) })?;
        // A word may be an assignment, which is read along with the commands.
        let readable = tokens.iter().all(|token| !matches!(token, Token::Word(word, _) if !is_readable(word)));
        if !readable || !Open::after(&tokens).is_shallow(self.allowed) {
            return Err(self.refused("nested too deep"));
        }
        if let Some(token) = tokens.windows(2).find(|pair| is_huge(pair)) {
            self.line += token[0].location().start.line - 1;
            return Err(self.refused("bad fd number"));
        }
        let first = self.line;
        let program = match parse_tokens(&tokens, &options) {
            Ok(program) => program,
            Err(error) => return Err(self.unread(script, &tokens, &error)),
        };
        let mut list = List::new();
        for commands in &program.complete_commands {
            list.append(&mut self.list(commands, first)?);
        }
        Ok(list)
    }

    /// That something is not done here.
    pub fn refused(&self, why: &'static str) -> SyntaxError {
        SyntaxError { line: self.line, what: Wrong::Refused(why) }
    }

    fn last_line(&self, script: &str) -> usize {
        self.line + script.lines().count().saturating_sub(1)
    }

    /// Where reading the tokens stopped, and what the shell says about it.
    fn unread(&self, script: &str, tokens: &[Token], error: &ParseError) -> SyntaxError {
        let mut at = match error {
            ParseError::ParsingNear(place) => {
                tokens.iter().position(|token| token.location().start.index == place.index).unwrap_or(tokens.len())
            }
            _ => tokens.len(),
        };
        // Every word is tried as an assignment first, so one that must not stand here is told by what stands behind it.
        if let Some(before) = at.checked_sub(1)
            && Open::refuses(tokens, before)
        {
            at = before;
        }
        let open = Open::after(&tokens[..at]);
        let Some(token) = tokens.get(at) else {
            return SyntaxError { line: self.last_line(script), what: Wrong::End { instead: open.end() } };
        };
        let line = token.location().start.line;
        let sign = token.to_str().to_owned();
        let instead = instead_of(&sign, at.checked_sub(1).map(|at| &tokens[at]), &open);
        let text = script.lines().nth(line - 1).unwrap_or_default().to_owned();
        SyntaxError { line: self.line + line - 1, what: Wrong::Unexpected { sign, text, instead } }
    }
}

/// Cuts a script into tokens. Where a text in the script was asked for within a substitution, and the script ends with it, the
/// tokenizer wants one letter more for each bracket and panics without.
fn cut(script: &str, options: &ParserOptions) -> std::result::Result<Vec<Token>, TokenizerError> {
    if !(script.contains("<<") && script.contains('$')) {
        return uncached_tokenize_str(script, &options.tokenizer_options());
    }
    let padded = format!("{script}{}", "\n".repeat(2 * DEEPEST_TEXT));
    let mut tokens = uncached_tokenize_str(&padded, &options.tokenizer_options())?;
    let end = script.chars().count();
    tokens.retain(|token| token.location().start.index < end || token.to_str() != "\n");
    Ok(tokens)
}

/// What `ash` and `dash` say they wanted instead: what ends the part that is open, when it could be ended here.
fn instead_of(sign: &str, before: Option<&Token>, open: &Open) -> Option<&'static str> {
    let end = open.end().filter(|end| *end != sign)?;
    let ends = ["then", "elif", "else", "fi", "do", "done", "esac", "}", ")", ";;"].contains(&sign);
    let is_operator = sign.starts_with([';', '&', '|', '<', '>', '\n', '(']);
    let after = |signs: &[&str]| before.is_some_and(|token| signs.contains(&token.to_str()));
    let wanted =
        if ends { !after(&["then", "do", "else", "{"]) } else { !is_operator && (end == "do" || after(&["("])) };
    wanted.then_some(end)
}

/// A number before `<` or `>` that is none of a stream.
fn is_huge(pair: &[Token]) -> bool {
    matches!(pair, [Token::Word(word, _), Token::Operator(sign, _)] if sign.starts_with(['<', '>'])
        && word.len() > 9 && word.chars().all(|sign| sign.is_ascii_digit()))
}

fn uncut(error: TokenizerError) -> Wrong {
    match error {
        TokenizerError::UnterminatedSingleQuote(_) | TokenizerError::UnterminatedAnsiCQuote(_) => Wrong::Open('\''),
        TokenizerError::UnterminatedDoubleQuote(_) => Wrong::Open('"'),
        TokenizerError::UnterminatedEscapeSequence => Wrong::Open('\\'),
        TokenizerError::UnterminatedBackquote(_) => Wrong::Open('`'),
        TokenizerError::UnterminatedVariable => Wrong::Open('}'),
        TokenizerError::UnterminatedCommandSubstitution
        | TokenizerError::UnterminatedExpansion
        | TokenizerError::UnterminatedExtendedGlob(_) => Wrong::Open(')'),
        TokenizerError::UnterminatedHereDocuments(ends, _) => {
            let end = ends.split(", ").next().unwrap_or_default();
            Wrong::Here(brush_parser::unquote_str(end))
        }
        TokenizerError::MissingHereTagForDocumentBody | TokenizerError::MissingHereTag(_) => {
            Wrong::Unexpected { sign: "\n".to_owned(), text: String::new(), instead: None }
        }
        TokenizerError::FailedDecoding | TokenizerError::ReadError(_) => Wrong::Refused("not text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads it as every shell would; who goes too deep takes the thread with it.
    fn read(script: &str) {
        for dialect in [Dialect::Ash, Dialect::Dash, Dialect::Bash] {
            drop(parse_whole(script, dialect));
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_refused_at_once() {
        for (open, close) in [
            ("( ", ")"),
            ("(", ""),
            ("$(", ")"),
            ("\"x $(echo ", ")\""),
            ("${a:-", "}"),
            ("$((", "))"),
            ("`echo ", "`"),
            ("if a; then ", "; fi"),
            ("while a; do ", "; done"),
            ("case a in a) ", "; esac"),
            ("{ ", "; }"),
            ("f() { ", "; }"),
            ("[[ ( ", ") ]]"),
            ("! ", ""),
            ("a && ", ""),
            ("echo $(\")\"", ")"),
            ("{1,", "}"),
            ("cat <<E\n", "\nE\n"),
            ("a[", "]"),
            ("[[ a =~ (", ""),
        ] {
            for times in [5, 8, 12, 30, 700] {
                read(&format!("{}x{}", open.repeat(times), close.repeat(times)));
            }
        }
        for script in [
            "echo 99999999999999999999>x",
            "echo ~99999999999999999999",
            "echo {1..99999999999999999999}",
            "$",
            "\0",
            "<<",
            "<<E",
        ] {
            read(script);
        }
        assert!(parse(&format!("{}x{}", "{ ".repeat(30), "; }".repeat(30)), Dialect::Bash).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "if ", "then ", "fi", "; ", "\n", "while ", "do ", "done", "case x in ", "a) ", ";; ", "esac", "for i in ", "(", ")", "((", "))",
                "{ ", "}", "$(", "${", "a", "x:-", "'", "\"", "`", "\\", "<<E", "<<-'E'\n", "E\n", "|", "&&", "&", ">", "2>", "<(", "<<<", "[[ ",
                " ]]", "$((", "=", "[", "]", "~", "#", " ", "$", "!", "é", "*", "9999999999", "==", "=~ ", "@", "{1..3}", "function ", "time ",
            ]), 0..40),
        ) {
            read(&pieces.concat());
        }

        #[test]
        fn any_letters_are_read_or_refused(script in "\\PC{0,60}") {
            read(&script);
        }
    }
}
