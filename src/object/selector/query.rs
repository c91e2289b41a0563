//! The query language of label selectors: scanner and grammar.
//! Source of the grammar and of the words of its errors: k8s.io/apimachinery `pkg/labels/selector.go`.

use super::label::{Operator, Requirement};
use super::{SelectorError, syntax};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Error,
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    GreaterThan,
    Identifier,
    In,
    LessThan,
    NotEquals,
    NotIn,
    Open,
}

/// Reads requirements, in the order written.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    let mut parser = Parser { items: scan(text), position: 0 };
    let mut requirements = Vec::new();
    loop {
        let (token, literal) = parser.peek();
        match token {
            Token::Identifier | Token::Not => {
                let requirement =
                    parser.requirement().map_err(|why| error(format!("unable to parse requirement: {}", why.0)))?;
                requirements.push(requirement);
                match parser.next() {
                    (Token::End, _) => return Ok(requirements),
                    (Token::Comma, _) => {
                        let (after, literal) = parser.peek();
                        if !matches!(after, Token::Identifier | Token::Not) {
                            return Err(expected(&literal, "identifier after ','"));
                        }
                    }
                    (_, literal) => return Err(expected(&literal, "',' or 'end of string'")),
                }
            }
            Token::End => return Ok(requirements),
            _ => return Err(expected(&literal, "!, identifier, or 'end of string'")),
        }
    }
}

fn error(text: String) -> SelectorError {
    SelectorError(text)
}

fn expected(found: &str, wanted: &str) -> SelectorError {
    error(format!("found '{found}', expected: {wanted}"))
}

struct Parser {
    items: Vec<(Token, String)>,
    position: usize,
}

impl Parser {
    /// The token ahead; `in` and `notin` count as identifiers, as they do wherever no operator is due.
    fn peek(&self) -> (Token, String) {
        match self.peek_operator() {
            (Token::In | Token::NotIn, literal) => (Token::Identifier, literal),
            item => item,
        }
    }

    fn peek_operator(&self) -> (Token, String) {
        self.items.get(self.position).cloned().unwrap_or((Token::End, String::new()))
    }

    fn next(&mut self) -> (Token, String) {
        let item = self.peek();
        self.position += 1;
        item
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let (mut token, mut key) = self.next();
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.next();
        }
        if token != Token::Identifier {
            return Err(expected(&key, "identifier"));
        }
        let faults = syntax::key_faults(&key);
        if !faults.is_empty() {
            return Err(error(format!("<nil>: Invalid value: {key:?}: {}", faults.join("; "))));
        }
        if negated {
            return Requirement::new(&key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Requirement::new(&key, Operator::Exists, Vec::new());
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.exact_value()?],
        };
        Requirement::new(&key, operator, values)
    }

    fn operator(&mut self) -> Result<Operator, SelectorError> {
        let (token, literal) = self.peek_operator();
        self.position += 1;
        Ok(match token {
            Token::In => Operator::In,
            Token::NotIn => Operator::NotIn,
            Token::Equals => Operator::Equals,
            Token::DoubleEquals => Operator::DoubleEquals,
            Token::NotEquals => Operator::NotEquals,
            Token::GreaterThan => Operator::GreaterThan,
            Token::LessThan => Operator::LessThan,
            _ => return Err(expected(&literal, "in, notin, =, ==, !=, gt, lt")),
        })
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        let (token, literal) = self.next();
        if token != Token::Open {
            return Err(error(format!("found '{literal}' expected: '('")));
        }
        let (token, first) = self.peek();
        match token {
            Token::Close => {
                self.position += 1;
                Ok(vec![String::new()])
            }
            Token::Identifier | Token::Comma => {
                let values = self.identifiers()?;
                match self.next().0 {
                    Token::Close => Ok(values),
                    _ => Err(expected(&first, "')'")),
                }
            }
            _ => Err(expected(&first, "',', ')' or identifier")),
        }
    }

    /// Identifiers between the parentheses; a missing one beside a comma is the empty string.
    fn identifiers(&mut self) -> Result<Vec<String>, SelectorError> {
        let mut values = Vec::new();
        loop {
            let (token, literal) = self.next();
            let ahead = self.peek();
            match token {
                Token::Identifier => {
                    values.push(literal);
                    match ahead.0 {
                        Token::Comma => {}
                        Token::Close => return Ok(values),
                        _ => return Err(expected(&ahead.1, "',' or ')'")),
                    }
                }
                Token::Comma => {
                    if values.is_empty() || matches!(ahead.0, Token::Close | Token::Comma) {
                        values.push(String::new());
                    }
                    if ahead.0 == Token::Close {
                        return Ok(values);
                    }
                }
                _ => return Err(expected(&literal, "',', or identifier")),
            }
        }
    }

    fn exact_value(&mut self) -> Result<String, SelectorError> {
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.next() {
            (Token::Identifier, literal) => Ok(literal),
            (_, literal) => Err(expected(&literal, "identifier")),
        }
    }
}

const SPECIAL: [(&str, Token); 9] = [
    ("==", Token::DoubleEquals),
    ("!=", Token::NotEquals),
    ("=", Token::Equals),
    ("!", Token::Not),
    ("(", Token::Open),
    (")", Token::Close),
    (",", Token::Comma),
    (">", Token::GreaterThan),
    ("<", Token::LessThan),
];

fn is_special(symbol: char) -> bool {
    "=!(),><".contains(symbol)
}

fn scan(text: &str) -> Vec<(Token, String)> {
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let Some(first) = rest.chars().next().filter(|first| *first != '\0') else { break };
        let length = if is_special(first) {
            let found = SPECIAL.iter().find(|(symbol, _)| rest.starts_with(symbol));
            let (symbol, token) = found.copied().unwrap_or(("", Token::Error));
            items.push((token, symbol.to_owned()));
            symbol.len().max(1)
        } else {
            let stop = |symbol: char| is_special(symbol) || " \t\r\n\0".contains(symbol);
            let word = &rest[..rest.find(stop).unwrap_or(rest.len())];
            let token = match word {
                "in" => Token::In,
                "notin" => Token::NotIn,
                _ => Token::Identifier,
            };
            items.push((token, word.to_owned()));
            word.len()
        };
        rest = &rest[length..];
    }
    items.push((Token::End, String::new()));
    items
}
