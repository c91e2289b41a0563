//! What a check or a step tells about itself while it is linted: problems at ways below it, and the names it asks for.
//! The rules that need the whole scenario stand beside this file.

use std::sync::Arc;

use crate::scenario::check::Access;
use crate::scenario::node::Node;
use crate::scenario::problem::{Place, Problem};
use crate::scenario::query::{Query, Which};
use crate::scenario::source::Source;

/// A check under the loupe.
pub struct Inspect<'a> {
    /// The file it stands in.
    pub source: &'a Arc<Source>,
    /// Its part of the drawn tree, below its kind's key.
    pub node: &'a Node,
    /// What was found.
    pub problems: &'a mut Vec<Problem>,
    /// The names it asks for, with their places.
    pub names: Vec<(Place, String)>,
}

impl Inspect<'_> {
    /// The place of what stands at the end of a way; of the whole where there is nothing.
    pub fn place(&self, way: &[&str]) -> Place {
        self.source.place(self.node.at(way).unwrap_or(self.node).span.clone())
    }

    /// An error at a way.
    pub fn error(&mut self, way: &[&str], code: &'static str, message: impl Into<String>) {
        let problem = Problem::at(self.place(way), code, message);
        self.problems.push(problem);
    }

    /// A warning at a way.
    pub fn warning(&mut self, way: &[&str], code: &'static str, message: impl Into<String>) {
        let problem = Problem::at(self.place(way), code, message).warning();
        self.problems.push(problem);
    }

    /// A name the learner must have chosen or found.
    pub fn name(&mut self, way: &[&str], name: &str) {
        let place = self.place(way);
        self.names.push((place, name.to_owned()));
    }

    pub fn partial(&mut self, _way: &[&str], _api_version: &str, _kind: &str) {}
    pub fn query(&mut self, _way: &[&str], _query: &Query) {
        let _ = Which::Name(String::new());
    }
    pub fn access(&mut self, _access: &Access) {}
    pub fn cel<'n>(&mut self, _way: &[&str], _text: &str, _names: impl Iterator<Item = &'n str>) {}
}
