//! A script as a tree: lists of pipelines of commands made of words.
//! `convert.rs` and `word.rs` make it of what brush-parser reads; running it is `run.rs`.

use std::sync::Arc;

/// Commands one after the other.
pub type List = Vec<Arc<Item>>;

/// Pipelines joined by `&&` and `||`.
#[derive(Debug)]
pub struct Item {
    pub first: Pipeline,
    /// Whether each runs only if what was before it succeeded (`&&`), or only if it failed.
    pub rest: Vec<(bool, Pipeline)>,
    pub background: bool,
}

/// Commands joined by `|`.
#[derive(Debug)]
pub struct Pipeline {
    pub negated: bool,
    pub commands: Vec<Arc<Command>>,
}

/// One command with its redirections.
#[derive(Debug)]
pub struct Command {
    pub kind: Kind,
    pub redirects: Vec<Redirect>,
}

#[derive(Debug)]
pub enum Kind {
    Simple(Simple),
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
    /// `for ((first; condition; step))`
    Count {
        first: Word,
        condition: Word,
        step: Word,
        body: List,
    },
    Case {
        word: Word,
        arms: Vec<Arm>,
    },
    /// `(( … ))`
    Sum(Word),
    /// `[[ … ]]`
    Test(Condition),
    Function {
        name: String,
        body: Arc<Command>,
    },
}

/// A program or what is built in, with its words.
#[derive(Debug)]
pub struct Simple {
    /// The line of the script it stands on.
    pub line: usize,
    pub sets: Vec<Set>,
    pub words: Vec<Word>,
    /// Arrays that are set once it is done: `declare -a NAME=(…)`.
    pub after: Vec<Set>,
}

/// `NAME=value` and its like.
#[derive(Debug)]
pub struct Set {
    pub name: String,
    pub index: Option<Word>,
    pub value: Value,
    /// Whether it is added to what there is (`+=`).
    pub append: bool,
}

#[derive(Debug)]
pub enum Value {
    Text(Word),
    Array(Vec<(Option<Word>, Word)>),
}

/// One choice of `case`.
#[derive(Debug)]
pub struct Arm {
    pub patterns: Vec<Word>,
    pub body: List,
    pub then: Then,
}

/// What follows a choice that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// `;;`
    Leave,
    /// `;&`: the next body, whatever its patterns.
    Fall,
    /// `;;&`: the next that fits.
    GoOn,
}

/// What `[[ … ]]` asks.
#[derive(Debug)]
pub enum Condition {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    One(String, Word),
    Two(Word, String, Word),
}

#[derive(Debug)]
pub struct Redirect {
    /// The stream that is redirected: 0, 1 or 2.
    pub stream: u8,
    pub to: Target,
}

/// Standard output and standard error at once (`&>`).
pub const BOTH: u8 = u8::MAX;

#[derive(Debug)]
pub enum Target {
    Read(Word),
    Write(Word),
    Append(Word),
    /// Where that stream goes.
    Same(u8),
    /// Nowhere (`>&-`).
    Closed,
    /// Text written in the script.
    Here(Word),
}

/// Parts that become text one after the other.
pub type Word = Vec<Part>;

#[derive(Clone, Debug)]
pub enum Part {
    /// Text; quoted text is neither split nor a pattern.
    Text(String, bool),
    /// `~` and what follows it up to the slash.
    Home,
    Parameter(Arc<Parameter>, bool),
    /// What a command writes.
    Output(Arc<List>, bool),
    /// The value of an expression.
    Sum(Word, bool),
}

/// `$NAME`, `${NAME:-word}` and the like.
#[derive(Debug)]
pub struct Parameter {
    pub name: String,
    pub index: Index,
    /// Whether its value is the name of the one that is meant (`${!NAME}`).
    pub indirect: bool,
    pub change: Change,
}

/// Which of an array's elements are meant.
#[derive(Debug)]
pub enum Index {
    None,
    One(Word),
    /// `[@]`, or joined by blanks `[*]`.
    All {
        joined: bool,
    },
}

/// What becomes of a parameter's value.
#[derive(Debug)]
pub enum Change {
    None,
    Length,
    /// `-`, `=`, `+` and `?`; with a colon empty counts as unset.
    Unset {
        sign: char,
        colon: bool,
        word: Word,
    },
    /// `#` and `##` from the front, `%` and `%%` from the end.
    Trim {
        end: bool,
        longest: bool,
        pattern: Word,
    },
    Slice {
        from: Word,
        length: Option<Word>,
    },
    Replace {
        pattern: Word,
        with: Word,
        place: Place,
    },
    /// `^`, `^^`, `,`, `,,`
    Case {
        upper: bool,
        all: bool,
    },
    /// `${!NAME[@]}`
    Keys,
}

/// Where a pattern is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    First,
    Everywhere,
    Front,
    End,
}
