//! A script as a tree: lists of pipelines of commands made of words.
//! Reading it is `parse.rs` and `word.rs`, running it `run.rs`.

use std::sync::Arc;

/// Commands one after the other.
pub type List = Vec<Item>;

/// Pipelines joined by `&&` and `||`.
#[derive(Clone, Debug)]
pub struct Item {
    pub first: Pipeline,
    /// Whether each runs only if what was before it succeeded (`&&`), or only if it failed.
    pub rest: Vec<(bool, Pipeline)>,
    pub background: bool,
}

/// Commands joined by `|`.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub negated: bool,
    pub commands: Vec<Command>,
}

/// One command with its redirections.
#[derive(Clone, Debug)]
pub struct Command {
    pub kind: Kind,
    pub redirects: Vec<Redirect>,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Simple {
        sets: Vec<(String, Word)>,
        words: Vec<Word>,
    },
    Group(List),
    Subshell(List),
    If {
        arms: Vec<(List, List)>,
        otherwise: List,
    },
    Loop {
        until: bool,
        condition: List,
        body: List,
    },
    /// Without words: over the positional parameters.
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    Case {
        word: Word,
        arms: Vec<(Vec<Word>, List)>,
    },
    Function {
        name: String,
        body: Arc<Command>,
    },
}

#[derive(Clone, Debug)]
pub struct Redirect {
    /// The stream that is redirected: 0, 1 or 2.
    pub stream: u8,
    pub to: Target,
}

#[derive(Clone, Debug)]
pub enum Target {
    Read(Word),
    Write(Word),
    Append(Word),
    /// Where that stream goes.
    Same(u8),
    /// Text written in the script.
    Here(Word),
}

/// Parts that become text one after the other.
pub type Word = Vec<Part>;

#[derive(Clone, Debug)]
pub enum Part {
    /// Text; quoted text is neither split nor a pattern.
    Text(String, bool),
    Parameter(Parameter, bool),
    /// What a command writes.
    Output(List, bool),
    /// The value of an expression.
    Sum(Word, bool),
}

/// `$NAME`, `${NAME:-word}` and the like.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    /// The operator without its colon: `-`, `=`, `+`, `?`, `#`, `##`, `%`, `%%`, `/`; and `len` for `${#NAME}`.
    pub operator: &'static str,
    /// Whether empty counts as unset.
    pub colon: bool,
    pub word: Word,
}
