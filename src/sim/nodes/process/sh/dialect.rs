//! Which shell it is: BusyBox' `ash`, Debian's `dash`, or `bash`. They read and complain each in its own way.
//! Source: the sources of BusyBox 1.36 (`shell/ash.c`) and dash 0.5.12 (`parser.c`), and bash 5.2 as it was seen.

use brush_parser::ParserOptions;

use super::sum::NoSum;
use crate::sim::nodes::process::program::Program;

/// The shell that reads a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    Ash,
    Dash,
    Bash,
}

/// What was being done when something went wrong.
#[derive(Clone, Copy)]
pub enum Lost {
    Program,
    Folder,
    Reading,
    Writing,
}

impl Dialect {
    /// The shell a program is, by its name and its image.
    pub fn of(program: &Program) -> Self {
        match program.name() {
            "bash" => Self::Bash,
            _ if program.container.image.is_busybox() => Self::Ash,
            _ => Self::Dash,
        }
    }

    /// How scripts are read.
    pub fn options(self) -> ParserOptions {
        let posix = self == Self::Dash;
        ParserOptions {
            sh_mode: posix,
            posix_mode: posix,
            enable_extended_globbing: false,
            tilde_expansion_at_word_start: true,
            ..ParserOptions::default()
        }
    }

    /// A complaint about something on a line, with the name of the shell before it.
    pub fn complaint(self, name: &str, line: usize, what: &str) -> String {
        match self {
            Self::Ash => format!("{name}: {what}\n"),
            Self::Dash => format!("{name}: {line}: {what}\n"),
            Self::Bash => format!("{name}: line {line}: {what}\n"),
        }
    }

    /// What is said when something is not there.
    pub fn lost(self, what: Lost, name: &str) -> String {
        match (self, what) {
            (Self::Bash, Lost::Program) if !name.contains('/') => format!("{name}: command not found"),
            (Self::Bash, Lost::Folder) => format!("cd: {name}: No such file or directory"),
            (Self::Bash, _) => format!("{name}: No such file or directory"),
            (_, Lost::Program) => format!("{name}: not found"),
            (Self::Ash, Lost::Folder) => format!("cd: can't cd to {name}: No such file or directory"),
            (Self::Dash, Lost::Folder) => format!("cd: can't cd to {name}"),
            (Self::Ash, Lost::Reading) => format!("can't open {name}: no such file"),
            (Self::Dash, Lost::Reading) => format!("cannot open {name}: No such file"),
            (Self::Ash, Lost::Writing) => format!("can't create {name}: nonexistent directory"),
            (Self::Dash, Lost::Writing) => format!("cannot create {name}: Directory nonexistent"),
        }
    }

    /// What is said when a sum has no value.
    pub fn no_sum(self, why: NoSum, sum: &str) -> String {
        match (self, why) {
            (Self::Ash, NoSum::Syntax) => "arithmetic syntax error".to_owned(),
            (Self::Ash, NoSum::DividedByZero) => "divide by zero".to_owned(),
            (Self::Ash, NoSum::Loop) => "expression recursion loop detected".to_owned(),
            (Self::Dash, NoSum::DividedByZero) => format!("arithmetic expression: division by zero: \"{sum}\""),
            (Self::Dash, _) => format!("arithmetic expression: expecting primary: \"{sum}\""),
            (Self::Bash, NoSum::Syntax) => format!("{sum}: syntax error: operand expected"),
            (Self::Bash, NoSum::DividedByZero) => format!("{sum}: division by 0"),
            (Self::Bash, NoSum::Loop) => format!("{sum}: expression recursion level exceeded"),
        }
    }

    /// What is said when a variable must be set and is not (`set -u`).
    pub fn unset(self, name: &str) -> String {
        if self == Self::Bash { format!("{name}: unbound variable") } else { format!("{name}: parameter not set") }
    }

    /// The code a script ends with then.
    pub fn unset_code(self) -> i32 {
        if self == Self::Bash { 127 } else { 2 }
    }
}
