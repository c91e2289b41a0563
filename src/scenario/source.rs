//! A text file of a pack, and places in it.
//! Reading a pack's folder stands in `folder`, what is wrong at a place in `problem`.

use std::ops::Range;
use std::sync::Arc;

/// A text file of a pack.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The path as messages should show it.
    pub path: String,
    /// The text.
    pub text: Arc<str>,
}

impl Source {
    /// A file with this text.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into() })
    }

    /// A stretch of the file.
    pub fn place(self: &Arc<Self>, span: Range<usize>) -> Place {
        Place { source: Arc::clone(self), span }
    }
}

/// A stretch of a file of a pack.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub source: Arc<Source>,
    /// The bytes of its text that are meant.
    pub span: Range<usize>,
}

impl Place {
    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        let before = self.before();
        before.rsplit('\n').next().unwrap_or(before).chars().count() + 1
    }

    fn before(&self) -> &str {
        self.source.text.get(..self.span.start).unwrap_or(&self.source.text)
    }
}
