//! What a check tells about itself while it is linted: problems at ways below it, and the names it asks the learner for.
//! The rules that need the whole scenario stand in `lint`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::json;

use super::known::{self, Known};
use super::nearest::nearest;
use super::node::{Node, Tree};
use super::problem::Problem;
use super::query::{Query, Which};
use super::source::{Place, Source};
use crate::expr::{ExprError, Program};
use crate::object::schema::{self, ProblemKind, Shape, Type};
use crate::object::selector::LabelSelector;

/// A part of a drawn scenario or manifest under the loupe.
pub struct Inspect<'a> {
    /// The file it stands in.
    pub source: &'a Arc<Source>,
    /// The part of the drawn tree.
    pub node: &'a Node,
    /// What was found.
    pub problems: &'a mut Vec<Problem>,
    /// The names it asks for, with their places.
    pub names: Vec<(Place, String)>,
}

impl<'a> Inspect<'a> {
    /// A part of a tree, with where to put what is found.
    pub fn new(source: &'a Arc<Source>, node: &'a Node, problems: &'a mut Vec<Problem>) -> Self {
        Self { source, node, problems, names: Vec::new() }
    }

    /// The place of what stands at the end of a way; of the whole where there is nothing.
    pub fn place(&self, way: &[&str]) -> Place {
        self.source.place(self.node.at(way).unwrap_or(self.node).span.clone())
    }

    /// Adds an error at a way.
    pub fn error(&mut self, way: &[&str], code: &'static str, message: impl Into<String>) {
        let problem = Problem::at(self.place(way), code, message);
        self.problems.push(problem);
    }

    /// Adds a warning at a way.
    pub fn warning(&mut self, way: &[&str], code: &'static str, message: impl Into<String>) {
        let problem = Problem::at(self.place(way), code, message).warning();
        self.problems.push(problem);
    }

    /// A name the learner must have been told, or have found.
    pub fn name(&mut self, way: &[&str], name: &str) {
        let place = self.place(way);
        self.names.push((place, name.to_owned()));
    }

    /// An object of which some fields are given: the kind must exist, the fields too, quantities and selectors must be some.
    pub fn partial(&mut self, way: &[&str], api_version: &str, kind: &str) {
        let Some(of) = self.kind(way, api_version, kind) else { return };
        let Some(node) = self.node.at(way) else { return };
        for problem in schema::check(&node.to_value(), of) {
            // What is no field of the type, yet an instruction of a strategic merge patch.
            if problem.path.rsplit('.').next().is_some_and(|last| last.starts_with('$')) {
                continue;
            }
            let unknown = matches!(problem.kind, ProblemKind::UnknownField { .. });
            let place = self.source.place(locate(node, &problem.path, unknown));
            self.problems.push(schema_problem(place, kind, &problem));
        }
        self.selectors(node, of);
        names(self.source, node, &mut self.names);
    }

    /// The type of a kind; `None` for custom resources, and for a kind that does not exist, which is told.
    pub fn kind(&mut self, way: &[&str], api_version: &str, kind: &str) -> Option<Type> {
        match known::kind(api_version, kind) {
            Known::Type(of) => Some(of),
            Known::Custom => None,
            Known::Unknown(help) => {
                let mut way = way.to_vec();
                way.push("kind");
                let message = format!("Kubernetes has no kind `{kind}` in apiVersion {api_version}");
                let problem = Problem { help, ..Problem::at(self.place(&way), "unknown-kind", message) };
                self.problems.push(problem);
                None
            }
        }
    }

    /// Objects of a kind, by name or labels.
    pub fn query(&mut self, way: &[&str], query: &Query) {
        self.kind(way, &query.api_version, &query.kind);
        let below = |key: &'static str| [way, &[key]].concat();
        if let Some(namespace) = &query.namespace {
            self.name(&below("namespace"), namespace);
        }
        match &query.which {
            Which::Name(name) => self.name(&below("name"), name),
            Which::Labels(labels) => {
                let labels = labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
                if let Err(error) = LabelSelector::from_map(Some(&labels)) {
                    self.error(&below("labels"), "bad-selector", error.to_string());
                }
            }
        }
    }

    /// An expression over objects: it must compile, use only names that are declared, and be true or false.
    pub fn expression(&mut self, way: &[&str], text: &str, objects: &BTreeMap<String, Query>) {
        let program = match Program::compile(text) {
            Ok(program) => program,
            Err(error) => {
                // The parser lists every token it would have taken, which helps nobody.
                let words = error.to_string();
                let short = words.split(" expecting {").next().unwrap_or_default();
                return self.error(way, "bad-expression", short);
            }
        };
        let used = program.variables();
        let mut unknown = used.iter().filter(|name| !objects.contains_key(*name)).peekable();
        let all_known = unknown.peek().is_none();
        for name in unknown {
            let help = match nearest(name, objects.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it under `objects`".to_owned(),
            };
            let problem =
                Problem::at(self.place(way), "bad-expression", format!("`{name}` is no object of this check"));
            self.problems.push(problem.help(help));
        }
        for name in objects.keys().filter(|name| all_known && !used.contains(*name)) {
            self.warning(&["objects", name], "unused-object", format!("the expression does not use `{name}`"));
        }
        let empty = |query: &Query| if matches!(query.which, Which::Name(_)) { json!({}) } else { json!([]) };
        let nothing = objects.iter().map(|(name, query)| (name.clone(), empty(query))).collect();
        match program.is_true(&nothing) {
            Err(error @ ExprError::Undeclared(_)) if all_known => {
                self.error(way, "bad-expression", error.to_string());
            }
            Err(error @ ExprError::NotBool(_)) => self.error(way, "bad-expression", error.to_string()),
            _ => {}
        }
    }

    /// Label selectors inside of an object.
    fn selectors(&mut self, node: &Node, of: Type) {
        if of.short_name() == "LabelSelector" {
            if let Err(error) = LabelSelector::from_object(Some(&node.to_value())) {
                let place = self.source.place(node.span.clone());
                self.problems.push(Problem::at(place, "bad-selector", error.to_string()));
            }
            return;
        }
        for (key, value) in node.entries() {
            let Some(inner) = of.field(&key.text).map(|field| &field.shape) else { continue };
            match inner {
                Shape::Object(of) => self.selectors(value, *of),
                Shape::List(item) => {
                    let Shape::Object(of) = **item else { continue };
                    value.items().iter().for_each(|item| self.selectors(item, of));
                }
                _ => {}
            }
        }
    }
}

fn schema_problem(place: Place, kind: &str, found: &schema::Problem) -> Problem {
    match &found.kind {
        ProblemKind::UnknownField { near } => {
            let message = format!("a {kind} has no field `{}`", found.path);
            let problem = Problem::at(place, "unknown-field", message);
            Problem { help: near.map(|near| format!("did you mean `{near}`?")), ..problem }
        }
        ProblemKind::WrongShape { expected, found: is } => {
            let problem = Problem::at(place, "bad-value", format!("`{}` is {expected}, and this is {is}", found.path));
            let text = expected.contains("string") && is.contains("number");
            if text { problem.help("put it in quotes, or write `{{ param | string }}`") } else { problem }
        }
        _ => Problem::at(place, "bad-value", found.to_string()),
    }
}

/// The names an object asks for: its own and its namespace's, those of parts that are found by name, and those it refers to.
fn names(source: &Arc<Source>, node: &Node, found: &mut Vec<(Place, String)>) {
    match &node.tree {
        Tree::Map(entries) => {
            for (key, value) in entries {
                let names = key.text == "name" || key.text == "namespace" || key.text.ends_with("Name");
                match value.text() {
                    Some(name) if names => found.push((source.place(value.span.clone()), name.to_owned())),
                    _ if ["labels", "annotations", "matchLabels", "data", "stringData"]
                        .contains(&key.text.as_str()) => {}
                    _ => names_below(source, value, found),
                }
            }
        }
        _ => names_below(source, node, found),
    }
}

fn names_below(source: &Arc<Source>, node: &Node, found: &mut Vec<(Place, String)>) {
    match &node.tree {
        Tree::Map(_) => names(source, node, found),
        Tree::List(items) => items.iter().for_each(|item| names(source, item, found)),
        _ => {}
    }
}

/// Where a way as `object::schema` writes it (`spec.containers[0].imag`) leads; as far as it can be followed.
fn locate(node: &Node, path: &str, key_itself: bool) -> Range<usize> {
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.is_empty() {
        return node.span.clone();
    }
    if let Some((index, rest)) = path.strip_prefix('[').and_then(|path| path.split_once(']')) {
        let item = index.parse().ok().and_then(|index: usize| node.items().get(index));
        return item.map_or(node.span.clone(), |item| locate(item, rest, key_itself));
    }
    let leads = |text: &str| path.strip_prefix(text).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    let found = node.entries().iter().filter_map(|(key, value)| Some((key, value, leads(&key.text)?)));
    match found.max_by_key(|(key, ..)| key.text.len()) {
        Some((key, _, "")) if key_itself => key.span.clone(),
        Some((_, value, rest)) => locate(value, rest, key_itself),
        None => node.span.clone(),
    }
}
