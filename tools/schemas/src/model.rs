//! What is known about a type, and the text form of it that is committed (`facts/types.txt`).
//!
//! `gvk TYPE GROUP VERSION KIND`, `alias TYPE GO-EXPRESSION`, `type TYPE [key=value…]`, and, below a type, one line a field:
//! a tab, then `json name (or ^ for an inlined struct)`, `Go expression`, `field number or -`, `key=value…`, all tab-separated.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Default, Debug, Clone)]
pub struct Field {
    pub json: String,
    pub go: String,
    pub number: Option<u32>,
    /// `omit` (omitempty), `zero` (omitzero), `required`, `list`, `keys`, `map`, `strategy`, `key`, `enum`, `default`.
    pub facts: BTreeMap<String, String>,
}

#[derive(Default, Debug, Clone)]
pub struct Type {
    pub facts: BTreeMap<String, String>,
    pub fields: Vec<Field>,
}

#[derive(Default, Debug)]
pub struct Model {
    pub gvks: Vec<(String, String, String, String)>,
    pub aliases: BTreeMap<String, String>,
    pub types: BTreeMap<String, Type>,
}

impl Model {
    pub fn text(&self) -> String {
        let mut out = String::from("# Made by `schemas facts`; see model.rs for the form.\n");
        for (name, group, version, kind) in &self.gvks {
            out += &format!("gvk\t{name}\t{group}\t{version}\t{kind}\n");
        }
        for (name, go) in &self.aliases {
            out += &format!("alias\t{name}\t{go}\n");
        }
        for (name, one) in &self.types {
            out += &format!("type\t{name}{}\n", pairs(&one.facts));
            for field in &one.fields {
                let number = field.number.map_or("-".into(), |number| number.to_string());
                out += &format!("\t{}\t{}\t{number}{}\n", field.json, field.go, pairs(&field.facts));
            }
        }
        out
    }

    pub fn parse(text: &str) -> Result<Self> {
        let mut model = Self::default();
        let mut last = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split('\t').collect();
            match words.as_slice() {
                ["gvk", name, group, version, kind] => {
                    model.gvks.push((name.to_string(), group.to_string(), version.to_string(), kind.to_string()));
                }
                ["alias", name, go] => drop(model.aliases.insert(name.to_string(), go.to_string())),
                ["type", name, rest @ ..] => {
                    last = name.to_string();
                    model.types.insert(last.clone(), Type { facts: facts(rest), fields: Vec::new() });
                }
                ["", json, go, number, rest @ ..] => {
                    let field =
                        Field { json: json.to_string(), go: go.to_string(), number: number.parse().ok(), facts: facts(rest) };
                    model.types.get_mut(&last).context("a field before any type")?.fields.push(field);
                }
                _ => anyhow::bail!("not a line of facts: {line}"),
            }
        }
        Ok(model)
    }
}

fn pairs(facts: &BTreeMap<String, String>) -> String {
    facts.iter().map(|(key, value)| if value.is_empty() { format!("\t{key}") } else { format!("\t{key}={value}") }).collect()
}

fn facts(words: &[&str]) -> BTreeMap<String, String> {
    words
        .iter()
        .map(|word| word.split_once('=').unwrap_or((word, "")))
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

/// A JSON value as a fact's text (strings bare, lists joined by commas).
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
