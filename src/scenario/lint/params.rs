//! Parameters: every one used, every one used declared, and `differs` naming others.
//! Whether values can be drawn is seen by drawing.

use std::collections::BTreeSet;

use serde_json::Map;

use crate::scenario::load::{Scenario, TASK_FILE};
use crate::scenario::nearest::nearest;
use crate::scenario::node::{Node, Tree};
use crate::scenario::problem::Problem;
use crate::scenario::source::Place;
use crate::scenario::template::{Templates, find_drawn};

/// Looks at all of a scenario's texts, whichever way their templates would go.
pub fn lint(scenario: &Scenario, problems: &mut Vec<Problem>) {
    let templates = Templates::new(&Map::new());
    let params = scenario.node.at(&["spec", "params"]).map(Node::entries).unwrap_or_default();
    let declared: Vec<&str> = params.iter().map(|(key, _)| key.text.as_str()).collect();
    let mut used = BTreeSet::new();
    let mut look = |text: &str, place: Place| {
        for name in templates.names(text) {
            if !declared.contains(&name.as_str()) && !templates.has_function(&name) {
                problems.push(undeclared(&declared, &name, place.clone()));
            }
            used.insert(name);
        }
    };
    for (key, node) in scenario.node.get("spec").map(Node::entries).unwrap_or_default() {
        if key.text != "params" {
            each_text(node, &mut |text, node| look(text, scenario.source.place(node.span.clone())));
        }
    }
    for (_, file) in scenario.folder.files().filter(|(path, _)| is_drawn(path)) {
        look(&file.text, file.place(0..0));
    }
    for (key, node) in params {
        if !used.contains(&key.text) {
            let message = format!("the parameter `{}` is drawn and never used", key.text);
            problems.push(Problem::at(scenario.source.place(key.span.clone()), "unused-param", message));
        }
        differs(scenario, (&key.text, &declared), node, problems);
    }
}

/// Whether every parameter could be read; what could not was told with the head.
pub fn are_readable(scenario: &Scenario) -> bool {
    let written = scenario.node.at(&["spec", "params"]).map_or(0, |params| params.entries().len());
    scenario.head.params.0.len() == written
}

/// Whether a file of the scenario's folder is a template.
pub fn is_drawn(path: &str) -> bool {
    path == TASK_FILE || path.starts_with("setup/") || path.starts_with("solution/")
}

fn undeclared(declared: &[&str], name: &str, place: Place) -> Problem {
    let help = match nearest(name, declared.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "declare it under `params`; text that is no template goes between {% raw %} and {% endraw %}".to_owned()
        }
    };
    let place = narrow(place, name);
    Problem::at(place, "undeclared-param", format!("`{name}` is used here, and `params` declares no such thing"))
        .help(help)
}

/// The first place behind the start of `place` where the name stands in a template.
fn narrow(place: Place, name: &str) -> Place {
    match find_drawn(&place.source.text[place.span.start..], name).map(|at| place.span.start + at) {
        Some(start) => Place { span: start..start + name.len(), ..place },
        None => place,
    }
}

fn differs(scenario: &Scenario, (name, declared): (&str, &[&str]), node: &Node, problems: &mut Vec<Problem>) {
    for other in node.get("differs").map(Node::items).unwrap_or_default() {
        let Some(text) = other.text() else { continue };
        let place = scenario.source.place(other.span.clone());
        if text == name {
            problems.push(Problem::at(place, "unknown-name", format!("`{name}` cannot differ from itself")));
        } else if !declared.contains(&text) {
            let near = nearest(text, declared.iter().copied());
            let problem = Problem::at(place, "unknown-name", format!("there is no parameter `{text}` to differ from"));
            problems.push(Problem { help: near.map(|near| format!("did you mean `{near}`?")), ..problem });
        }
    }
}

/// Every text of a tree, keys too.
fn each_text(node: &Node, look: &mut impl FnMut(&str, &Node)) {
    match &node.tree {
        Tree::Text(text) => look(text, node),
        Tree::List(items) => items.iter().for_each(|item| each_text(item, look)),
        Tree::Map(entries) => {
            for (key, value) in entries {
                let at = Node { span: key.span.clone(), tree: Tree::Null, drawn: false };
                look(&key.text, &at);
                each_text(value, look);
            }
        }
        _ => {}
    }
}
