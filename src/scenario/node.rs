//! A YAML document as a tree in which every part knows where it stands in its file.
//! Types are made of it in `typed`, templates drawn in `template`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_yaml::{Options, Spanned};

use super::problem::Problem;
use super::source::Source;

/// A part of a document.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands, in bytes of its file.
    pub span: Range<usize>,
    /// What it is.
    pub tree: Tree,
    /// Whether a template made it, so that a number drawn may stand where text is wanted.
    pub drawn: bool,
}

/// What a part of a document is.
#[derive(Clone, Debug)]
pub enum Tree {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it stands, in bytes of its file.
    pub span: Range<usize>,
    /// Its text.
    pub text: String,
}

impl Node {
    /// What stands under `key`, in a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(found, _)| found.text == key).map(|(_, node)| node)
    }

    /// What stands at the end of a way of keys and list positions.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match &node.tree {
            Tree::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => node.get(step),
        })
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Key, Node)] {
        if let Tree::Map(entries) = &self.tree { entries } else { &[] }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        if let Tree::List(items) = &self.tree { items } else { &[] }
    }

    /// The text, where it is text.
    pub fn text(&self) -> Option<&str> {
        if let Tree::Text(text) = &self.tree { Some(text) } else { None }
    }

    /// The words a message uses for what this is.
    pub fn words(&self) -> String {
        match &self.tree {
            Tree::Null => "nothing".to_owned(),
            Tree::Bool(value) => format!("`{value}`"),
            Tree::Int(value) => format!("the number {value}"),
            Tree::Float(value) => format!("the number {value}"),
            Tree::Text(text) if text.len() <= 40 && !text.contains('\n') => format!("the text `{text}`"),
            Tree::Text(_) => "text".to_owned(),
            Tree::List(_) => "a list".to_owned(),
            Tree::Map(_) => "a mapping".to_owned(),
        }
    }

    /// The same without places.
    pub fn to_value(&self) -> Value {
        match &self.tree {
            Tree::Null => Value::Null,
            Tree::Bool(value) => Value::from(*value),
            Tree::Int(value) => Value::from(*value),
            Tree::Float(value) => Value::from(*value),
            Tree::Text(text) => Value::from(text.as_str()),
            Tree::List(items) => items.iter().map(Node::to_value).collect(),
            Tree::Map(entries) => Value::Object(
                entries.iter().map(|(key, node)| (key.text.clone(), node.to_value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// A tree for a value that stands at `span`.
    pub fn of_value(value: &Value, span: &Range<usize>) -> Self {
        let child = |value: &Value| Self::of_value(value, span);
        let key = |text: &String| Key { span: span.clone(), text: text.clone() };
        let tree = match value {
            Value::Null => Tree::Null,
            Value::Bool(value) => Tree::Bool(*value),
            Value::Number(number) => {
                number.as_i64().map_or_else(|| Tree::Float(number.as_f64().unwrap_or_default()), Tree::Int)
            }
            Value::String(text) => Tree::Text(text.clone()),
            Value::Array(items) => Tree::List(items.iter().map(child).collect()),
            Value::Object(map) => Tree::Map(map.iter().map(|(name, value)| (key(name), child(value))).collect()),
        };
        Self { span: span.clone(), tree, drawn: true }
    }
}

/// How a document's plain words are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `pack.yaml` and `scenario.yaml`: only `true` and `false` are booleans.
    Pack,
    /// Manifests, as `kubectl` reads them: `yes` and `on` are booleans too.
    Manifest,
}

/// Reads a file that holds one document.
pub fn parse(source: &Arc<Source>, dialect: Dialect) -> Result<Node, Problem> {
    if source.text.trim().is_empty() {
        return Err(Problem::in_file(&source.path, "yaml", "the file is empty"));
    }
    serde_yaml::from_str_with_options(&source.text, options(dialect)).map_err(|error| problem(source, &error))
}

/// Reads a file that holds any number of documents; empty ones are left out.
pub fn parse_many(source: &Arc<Source>, dialect: Dialect) -> Result<Vec<Node>, Problem> {
    let read = serde_yaml::from_str_multiple_with_options(&source.text, options(dialect));
    let nodes: Vec<Node> = read.map_err(|error| problem(source, &error))?;
    Ok(nodes.into_iter().filter(|node| !matches!(node.tree, Tree::Null)).collect())
}

fn options(dialect: Dialect) -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_nodes: 50_000,
            max_events: 200_000,
            max_depth: 64,
            max_documents: 1_000,
            max_aliases: 1_000,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 20_000 },
        strict_booleans: dialect == Dialect::Pack,
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

fn problem(source: &Arc<Source>, error: &serde_yaml::Error) -> Problem {
    use serde_yaml::MessageFormatter;
    let words = serde_yaml::UserMessageFormatter.format_message(error.without_snippet()).into_owned();
    let message = format!("this is not YAML that can be read: {words}");
    let Some(location) = error.location() else { return Problem::in_file(&source.path, "yaml", message) };
    let line = source.text.lines().nth((location.line().max(1) - 1) as usize).unwrap_or_default();
    let problem = Problem::at(source.place(span(&location, &source.text)), "yaml", message);
    let bare = line.trim_start_matches([' ', '-']).starts_with("{{") || line.contains(": {{") || line.contains("[{{");
    if bare { problem.help("a value that begins with `{{` needs quotes") } else { problem }
}

fn span(location: &serde_yaml::Location, text: &str) -> Range<usize> {
    let whole = location.span();
    let number = |value: Option<u64>| value.and_then(|value| usize::try_from(value).ok());
    match (number(whole.byte_offset()), number(whole.byte_len())) {
        (Some(start), Some(length)) => start.min(text.len())..(start + length).min(text.len()),
        _ => {
            let (line, column) = (location.line().max(1) as usize, location.column().max(1) as usize);
            let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
            let start = (before + column - 1).min(text.len());
            start..start
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, defined, .. } = Spanned::<Tree>::deserialize(deserializer)?;
        let span = match &value {
            Tree::Map(entries) => entries.first().map(|(key, _)| key.span.clone()),
            Tree::List(items) => items.first().map(|item| item.span.clone()),
            _ => None,
        };
        Ok(Self { span: span.unwrap_or_else(|| bytes(&defined)), tree: value, drawn: false })
    }
}

fn bytes(location: &serde_yaml::Location) -> Range<usize> {
    let whole = location.span();
    let start = whole.byte_offset().unwrap_or(0) as usize;
    start..start + whole.byte_len().unwrap_or(0) as usize
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(i64::try_from(value).map_or(Tree::Float(value as f64), Tree::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        while let Some(Spanned { value, defined, .. }) = access.next_key::<Spanned<String>>()? {
            if entries.iter().any(|(key, _)| key.text == value) {
                return Err(de::Error::custom(format!("the key `{value}` stands here twice")));
            }
            let key = Key { span: bytes(&defined), text: value };
            entries.push((key, access.next_value()?));
        }
        Ok(Tree::Map(entries))
    }
}
