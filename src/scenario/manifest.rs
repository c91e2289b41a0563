//! Manifests of `apply`: reading the file or the text a step names, and taking it apart into objects.
//! Whether an object is one Kubernetes would take is lint's and the cluster's.

use std::sync::Arc;

use serde_json::Value;

use super::folder::Folder;
use super::node::{Dialect, Node, Tree, parse_many};
use super::problem::Problem;
use super::source::{Place, Source};
use super::step::ManifestText;
use super::template::Templates;

/// A manifest's object with its place.
pub struct Document {
    /// The file, drawn.
    pub source: Arc<Source>,
    /// The object's tree.
    pub node: Node,
}

/// The objects of a step's manifests, in order, lists taken apart. What is wrong is told at `place` or in the file.
pub fn read(
    folder: &Folder,
    templates: &Templates,
    text: &ManifestText,
    place: Place,
    problems: &mut Vec<Problem>,
) -> Vec<Value> {
    documents(folder, templates, text, place, problems).iter().map(|document| document.node.to_value()).collect()
}

/// The same, with places for lint.
pub fn documents(
    folder: &Folder,
    templates: &Templates,
    text: &ManifestText,
    place: Place,
    problems: &mut Vec<Problem>,
) -> Vec<Document> {
    let source = match source(folder, templates, text, &place) {
        Ok(source) => source,
        Err(problem) => {
            problems.push(problem);
            return Vec::new();
        }
    };
    let nodes = match parse_many(&source, Dialect::Manifest) {
        Ok(nodes) => nodes,
        Err(problem) => {
            problems.push(problem);
            return Vec::new();
        }
    };
    if nodes.is_empty() {
        problems.push(Problem::at(place, "bad-value", "there is no manifest to apply here"));
    }
    let mut documents = Vec::new();
    for node in nodes {
        take_apart(&source, node, &mut documents, problems);
    }
    documents
}

fn source(folder: &Folder, templates: &Templates, text: &ManifestText, place: &Place) -> Result<Arc<Source>, Problem> {
    let Some(path) = text.path() else {
        return Ok(Source::new(format!("{} (manifests at line {})", place.source.path, place.line()), text.0.as_str()));
    };
    let file = folder
        .named(path)
        .map_err(|(code, message, help)| Problem { help, ..Problem::at(place.clone(), code, message) })?;
    let drawn = templates.draw_file(file)?;
    let path = if *drawn == *file.text { file.path.clone() } else { format!("{} (as drawn)", file.path) };
    Ok(Source::new(path, drawn))
}

fn take_apart(source: &Arc<Source>, node: Node, documents: &mut Vec<Document>, problems: &mut Vec<Problem>) {
    let text = |key: &str| node.get(key).and_then(Node::text);
    if text("kind").is_some_and(|kind| kind == "List") {
        let items = node.get("items").map(|items| items.items().to_vec()).unwrap_or_default();
        for item in items {
            take_apart(source, item, documents, problems);
        }
        return;
    }
    let named = |key: &str| node.at(&["metadata", key]).is_some_and(|name| name.text().is_some());
    let missing = match (&node.tree, text("apiVersion"), text("kind")) {
        (Tree::Map(_), Some(_), Some(_)) if named("name") => None,
        (Tree::Map(_), Some(_), Some(_)) => Some("metadata.name"),
        (Tree::Map(_), None, _) => Some("apiVersion"),
        (Tree::Map(_), Some(_), None) => Some("kind"),
        _ => {
            let message = format!("a manifest is a mapping, and this is {}", node.words());
            return problems.push(Problem::at(source.place(node.span), "bad-value", message));
        }
    };
    match missing {
        Some(field) => {
            let message = format!("the field `{field}` is missing in this manifest");
            problems.push(Problem::at(source.place(node.span), "missing-field", message));
        }
        None => documents.push(Document { source: Arc::clone(source), node }),
    }
}
