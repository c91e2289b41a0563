//! What is wrong with a script, in the words of the shell that reads it.
//! Finding it is `parse.rs`.

use super::dialect::Dialect;

/// Why a script cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The line it was found on, from 1.
    pub line: usize,
    pub what: Wrong,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Something that cannot stand here, the line it stands on, and what should stand here instead.
    Unexpected {
        sign: String,
        text: String,
        instead: Option<&'static str>,
    },
    End {
        instead: Option<&'static str>,
    },
    /// No second quote, brace or bracket.
    Open(char),
    /// No end of a text in the script, with that last line.
    Here(String),
    Substitution(String),
    /// It could be read, and is not.
    Refused(&'static str),
}

impl SyntaxError {
    /// Whether more lines may mend it.
    pub fn is_unfinished(&self) -> bool {
        matches!(self.what, Wrong::End { .. } | Wrong::Open(_) | Wrong::Here(_))
    }

    /// All that is written about it by a shell of that name; `inline` when the script is a word (`-c`).
    pub fn message(&self, dialect: Dialect, name: &str, inline: bool) -> String {
        match dialect {
            Dialect::Bash => self.bash(&format!("{name}:{}", if inline { " -c:" } else { "" })),
            Dialect::Dash => format!("{name}: {}: {}\n", self.line, self.dash()),
            Dialect::Ash if name.contains('.') => format!("{name}: line {}: syntax error: {}\n", self.line, self.ash()),
            Dialect::Ash => format!("{name}: syntax error: {}\n", self.ash()),
        }
    }

    fn ash(&self) -> String {
        match &self.what {
            Wrong::Unexpected { sign, instead, .. } => format!("unexpected {}{}", token(sign), expecting(*instead)),
            Wrong::End { instead } => format!("unexpected end of file{}", expecting(*instead)),
            Wrong::Open(')') => "unexpected end of file (expecting \")\")".to_owned(),
            Wrong::Open('`') => "EOF in backquote substitution".to_owned(),
            Wrong::Open('}') => "missing '}'".to_owned(),
            Wrong::Open(_) | Wrong::Here(_) => "unterminated quoted string".to_owned(),
            Wrong::Substitution(_) => "bad substitution".to_owned(),
            Wrong::Refused(why) => (*why).to_owned(),
        }
    }

    fn dash(&self) -> String {
        let what = match &self.what {
            Wrong::Unexpected { sign, instead, .. } => format!("{} unexpected{}", token(sign), expecting(*instead)),
            Wrong::End { instead } => format!("end of file unexpected{}", expecting(*instead)),
            Wrong::Open(')') => "end of file unexpected (expecting \")\")".to_owned(),
            Wrong::Open('`') => "EOF in backquote substitution".to_owned(),
            Wrong::Open('}') => "Missing '}'".to_owned(),
            Wrong::Open(_) | Wrong::Here(_) => "Unterminated quoted string".to_owned(),
            Wrong::Substitution(_) => return "Bad substitution".to_owned(),
            Wrong::Refused(why) => (*why).to_owned(),
        };
        format!("Syntax error: {what}")
    }

    fn bash(&self, name: &str) -> String {
        let line = self.line;
        match &self.what {
            Wrong::Unexpected { sign, text, .. } => {
                let sign = if sign == "\n" { "newline" } else { sign };
                format!(
                    "{name} line {line}: syntax error near unexpected token `{sign}'\n{name} line {line}: `{text}'\n"
                )
            }
            Wrong::End { .. } | Wrong::Here(_) => {
                format!("{name} line {}: syntax error: unexpected end of file\n", line + 1)
            }
            Wrong::Open(sign) => {
                let line = if *sign == ')' { line + 1 } else { line };
                format!("{name} line {line}: unexpected EOF while looking for matching `{sign}'\n")
            }
            Wrong::Substitution(text) => format!("{name} line {line}: {text}: bad substitution\n"),
            Wrong::Refused(why) => format!("{name} line {line}: syntax error: {why}\n"),
        }
    }
}

fn token(sign: &str) -> String {
    const SIGNS: &[&str] = &[
        ";", "&", "|", "(", ")", ";;", "&&", "||", "if", "then", "elif", "else", "fi", "for", "while", "until", "do",
        "done", "case", "esac", "{", "}", "!", "in",
    ];
    match sign {
        "\n" => "newline".to_owned(),
        sign if sign.starts_with(['<', '>']) => "redirection".to_owned(),
        sign if SIGNS.contains(&sign) => format!("{sign:?}"),
        _ => "word".to_owned(),
    }
}

fn expecting(sign: Option<&str>) -> String {
    sign.map(|sign| format!(" (expecting {sign:?})")).unwrap_or_default()
}
