//! Words: quotes, parameters, substitutions, as brush-parser takes them apart.
//! What becomes of them when the script runs is `expand.rs`.

use std::sync::Arc;

use brush_parser::ast;
use brush_parser::word::{
    self, BraceExpressionMember, BraceExpressionOrText, ParameterExpr, ParameterTestType, SpecialParameter,
    SubstringMatchKind, TildeExpr, WordPiece, WordPieceWithSource,
};

use super::convert::Reader;
use super::deep::{has_few_braces, is_readable};
use super::dialect::Dialect;
use super::parse::Result;
use super::tree::{Change, Index, Parameter, Part, Place, Word};
use super::wrong::{SyntaxError, Wrong};

/// So many words a word in braces may become.
const MOST_WORDS: usize = 2000;

impl Reader {
    /// The words that some words are.
    pub(super) fn all_words(&mut self, words: &[ast::Word]) -> Result<Vec<Word>> {
        let mut all = Vec::new();
        for word in words {
            all.append(&mut self.words(word)?);
        }
        Ok(all)
    }

    /// The words that a word is: more than one when it has braces in it (`{1..3}`), and bash reads it.
    pub(super) fn words(&mut self, word: &ast::Word) -> Result<Vec<Word>> {
        let text = word.value.as_str();
        if self.dialect != Dialect::Bash || !text.contains('{') || !has_few_braces(text) || !is_readable(text) {
            return Ok(vec![self.word(word)?]);
        }
        match word::parse_brace_expansions(text, &self.dialect.options()) {
            Ok(Some(pieces)) if pieces.iter().any(|piece| matches!(piece, BraceExpressionOrText::Expr(_))) => {
                let mut texts = vec![String::new()];
                braces(&pieces, &mut texts);
                texts.iter().map(|text| self.plain(text)).collect()
            }
            _ => Ok(vec![self.word(word)?]),
        }
    }

    /// One word.
    pub(super) fn word(&mut self, word: &ast::Word) -> Result<Word> {
        self.plain(&word.value)
    }

    fn plain(&mut self, text: &str) -> Result<Word> {
        if !text.contains(['$', '`', '"', '\'', '\\', '~']) {
            return Ok(vec![Part::Text(text.to_owned(), false)]);
        }
        self.check(text)?;
        let pieces = word::parse(text, &self.dialect.options()).map_err(|_| self.bad(text))?;
        let mut word = Word::new();
        self.pieces(&pieces, &mut word, false)?;
        Ok(word)
    }

    /// A text in which only `$`, `` ` `` and `\` mean something: a text in the script, a sum.
    pub(super) fn text(&mut self, text: &str) -> Result<Word> {
        if !text.contains(['$', '`', '\\']) {
            return Ok(vec![Part::Text(text.to_owned(), true)]);
        }
        self.check(text)?;
        let pieces = word::parse_heredoc(text, &self.dialect.options()).map_err(|_| self.bad(text))?;
        let mut word = Word::new();
        self.pieces(&pieces, &mut word, true)?;
        Ok(word)
    }

    fn check(&self, text: &str) -> Result<()> {
        if is_readable(text) { Ok(()) } else { Err(self.refused("nested too deep")) }
    }

    fn bad(&self, text: &str) -> SyntaxError {
        SyntaxError { line: self.line, what: Wrong::Substitution(text.to_owned()) }
    }

    fn pieces(&mut self, pieces: &[WordPieceWithSource], word: &mut Word, quoted: bool) -> Result<()> {
        for (at, piece) in pieces.iter().enumerate() {
            match &piece.piece {
                WordPiece::Text(text) => {
                    // What does not make sense behind a dollar sign is taken for text.
                    if text == "$"
                        && let Some(WordPiece::Text(next)) = pieces.get(at + 1).map(|next| &next.piece)
                        && next.starts_with(['{', '('])
                    {
                        let end = next.find('}').map_or(next.len(), |end| end + 1);
                        return Err(self.bad(&format!("${}", &next[..end])));
                    }
                    push(word, text, quoted);
                }
                WordPiece::SingleQuotedText(text) => word.push(Part::Text(text.clone(), true)),
                WordPiece::AnsiCQuotedText(text) => word.push(Part::Text(escaped(text), true)),
                WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
                    word.push(Part::Text(String::new(), true));
                    self.pieces(inner, word, true)?;
                }
                WordPiece::EscapeSequence(text) => match text.strip_prefix('\\').unwrap_or(text) {
                    "\n" => {}
                    text => push(word, text, true),
                },
                WordPiece::TildeExpansion(TildeExpr::Home) => word.push(Part::Home),
                WordPiece::TildeExpansion(TildeExpr::UserHome(name)) => push(word, &format!("~{name}"), quoted),
                WordPiece::TildeExpansion(_) => push(word, "~", quoted),
                WordPiece::ParameterExpansion(expression) => {
                    word.push(Part::Parameter(Arc::new(self.parameter(expression, quoted)?), quoted));
                }
                WordPiece::CommandSubstitution(script) => word.push(self.output(script, quoted)?),
                WordPiece::BackquotedCommandSubstitution(script) => {
                    let script = script.replace("\\$", "$").replace("\\\\", "\\");
                    word.push(self.output(&script, quoted)?);
                }
                WordPiece::ArithmeticExpression(sum) => word.push(Part::Sum(self.text(&sum.value)?, quoted)),
            }
        }
        Ok(())
    }

    fn output(&mut self, script: &str, quoted: bool) -> Result<Part> {
        let (line, allowed) = (self.line, self.allowed);
        let Some(left) = allowed.checked_sub(2) else { return Err(self.refused("nested too deep")) };
        self.allowed = left;
        let list = self.script(script)?;
        (self.line, self.allowed) = (line, allowed);
        Ok(Part::Output(Arc::new(list), quoted))
    }

    fn parameter(&mut self, expression: &ParameterExpr, quoted: bool) -> Result<Parameter> {
        let (parameter, indirect, change) = match expression {
            ParameterExpr::Parameter { parameter, indirect } => (parameter, indirect, Change::None),
            ParameterExpr::ParameterLength { parameter, indirect } => (parameter, indirect, Change::Length),
            ParameterExpr::UseDefaultValues { parameter, indirect, test_type, default_value } => {
                (parameter, indirect, self.unset('-', test_type, default_value.as_ref(), quoted)?)
            }
            ParameterExpr::AssignDefaultValues { parameter, indirect, test_type, default_value } => {
                (parameter, indirect, self.unset('=', test_type, default_value.as_ref(), quoted)?)
            }
            ParameterExpr::IndicateErrorIfNullOrUnset { parameter, indirect, test_type, error_message } => {
                (parameter, indirect, self.unset('?', test_type, error_message.as_ref(), quoted)?)
            }
            ParameterExpr::UseAlternativeValue { parameter, indirect, test_type, alternative_value } => {
                (parameter, indirect, self.unset('+', test_type, alternative_value.as_ref(), quoted)?)
            }
            ParameterExpr::RemoveSmallestSuffixPattern { parameter, indirect, pattern } => {
                (parameter, indirect, self.trim(true, false, pattern.as_ref())?)
            }
            ParameterExpr::RemoveLargestSuffixPattern { parameter, indirect, pattern } => {
                (parameter, indirect, self.trim(true, true, pattern.as_ref())?)
            }
            ParameterExpr::RemoveSmallestPrefixPattern { parameter, indirect, pattern } => {
                (parameter, indirect, self.trim(false, false, pattern.as_ref())?)
            }
            ParameterExpr::RemoveLargestPrefixPattern { parameter, indirect, pattern } => {
                (parameter, indirect, self.trim(false, true, pattern.as_ref())?)
            }
            expression => return self.more(expression),
        };
        self.of(parameter, *indirect, change)
    }

    /// What POSIX does not know.
    fn more(&mut self, expression: &ParameterExpr) -> Result<Parameter> {
        let case = |upper, all| Change::Case { upper, all };
        let (parameter, indirect, change) = match expression {
            ParameterExpr::Substring { parameter, indirect, offset, length } => {
                let length = length.as_ref().map(|length| self.text(&length.value)).transpose()?;
                (parameter, indirect, Change::Slice { from: self.text(&offset.value)?, length })
            }
            ParameterExpr::ReplaceSubstring { parameter, indirect, pattern, replacement, match_kind } => {
                let place = match match_kind {
                    SubstringMatchKind::Prefix => Place::Front,
                    SubstringMatchKind::Suffix => Place::End,
                    SubstringMatchKind::FirstOccurrence => Place::First,
                    SubstringMatchKind::Anywhere => Place::Everywhere,
                };
                let with = self.plain(replacement.as_deref().unwrap_or_default())?;
                (parameter, indirect, Change::Replace { pattern: self.plain(pattern)?, with, place })
            }
            ParameterExpr::UppercaseFirstChar { parameter, indirect, .. } => (parameter, indirect, case(true, false)),
            ParameterExpr::UppercasePattern { parameter, indirect, .. } => (parameter, indirect, case(true, true)),
            ParameterExpr::LowercaseFirstChar { parameter, indirect, .. } => (parameter, indirect, case(false, false)),
            ParameterExpr::LowercasePattern { parameter, indirect, .. } => (parameter, indirect, case(false, true)),
            ParameterExpr::MemberKeys { variable_name, concatenate } => {
                let index = Index::All { joined: *concatenate };
                return Ok(Parameter { name: variable_name.clone(), index, indirect: false, change: Change::Keys });
            }
            _ => return Err(self.refused("not simulated by this practice cluster")),
        };
        self.of(parameter, *indirect, change)
    }

    fn of(&mut self, parameter: &word::Parameter, indirect: bool, change: Change) -> Result<Parameter> {
        let (name, index) = match parameter {
            word::Parameter::Positional(number) => (number.to_string(), Index::None),
            word::Parameter::Special(SpecialParameter::AllPositionalParameters { concatenate }) => {
                (if *concatenate { "*" } else { "@" }.to_owned(), Index::All { joined: *concatenate })
            }
            word::Parameter::Special(special) => (special.to_string(), Index::None),
            word::Parameter::Named(name) => (name.clone(), Index::None),
            word::Parameter::NamedWithIndex { name, index } => (name.clone(), Index::One(self.text(index)?)),
            word::Parameter::NamedWithAllIndices { name, concatenate } => {
                (name.clone(), Index::All { joined: *concatenate })
            }
        };
        Ok(Parameter { name, index, indirect, change })
    }

    fn unset(&mut self, sign: char, test: &ParameterTestType, text: Option<&String>, quoted: bool) -> Result<Change> {
        let text = text.map_or("", String::as_str);
        let colon = matches!(test, ParameterTestType::UnsetOrNull);
        // Within double quotes single ones are letters.
        let word = if quoted { self.text(&text.replace('"', ""))? } else { self.plain(text)? };
        Ok(Change::Unset { sign, colon, word })
    }

    fn trim(&mut self, end: bool, longest: bool, pattern: Option<&String>) -> Result<Change> {
        Ok(Change::Trim { end, longest, pattern: self.plain(pattern.map_or("", String::as_str))? })
    }
}

fn push(word: &mut Word, text: &str, quoted: bool) {
    match word.last_mut() {
        Some(Part::Text(known, was_quoted)) if *was_quoted == quoted => known.push_str(text),
        _ => word.push(Part::Text(text.to_owned(), quoted)),
    }
}

/// `$'a\tb'`
fn escaped(text: &str) -> String {
    let text = text.replace("\\'", "'").replace("\\\"", "\"");
    crate::sim::nodes::process::programs::text::unescaped(&text).0
}

/// Goes on with each of some texts in every way the braces give.
fn braces(pieces: &[BraceExpressionOrText], texts: &mut Vec<String>) {
    for piece in pieces {
        let ways = match piece {
            BraceExpressionOrText::Text(text) => vec![text.clone()],
            BraceExpressionOrText::Expr(members) => members.iter().flat_map(ways).take(MOST_WORDS).collect(),
        };
        let all = texts.iter().flat_map(|text| ways.iter().map(move |way| format!("{text}{way}")));
        *texts = all.take(MOST_WORDS).collect();
    }
}

fn ways(member: &BraceExpressionMember) -> Vec<String> {
    let steps = |start: i64, end: i64, step: i64| {
        let step = i64::try_from(step.unsigned_abs()).unwrap_or(i64::MAX).max(1);
        let count = usize::try_from((end - start).unsigned_abs()).unwrap_or(MOST_WORDS).min(MOST_WORDS * 1000);
        let step_by = usize::try_from(step).unwrap_or(usize::MAX);
        let sign = (end - start).signum();
        (0..=count)
            .step_by(step_by)
            .take(MOST_WORDS)
            .map(move |at| start + sign * i64::try_from(at).unwrap_or_default())
    };
    match member {
        BraceExpressionMember::NumberSequence { start, end, increment } => {
            steps(*start, *end, *increment).map(|number| number.to_string()).collect()
        }
        BraceExpressionMember::CharSequence { start, end, increment } => {
            let letters = steps(i64::from(u32::from(*start)), i64::from(u32::from(*end)), *increment);
            letters.filter_map(|code| char::from_u32(u32::try_from(code).ok()?)).map(String::from).collect()
        }
        BraceExpressionMember::Child(pieces) => {
            let mut texts = vec![String::new()];
            braces(pieces, &mut texts);
            texts
        }
    }
}
