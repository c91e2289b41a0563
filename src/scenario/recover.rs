//! Reads a type from a tree and goes on behind errors, so that an author sees all of a file's errors at once.
//! What is taken out of the tree to go on causes no errors of its own.

use std::collections::HashSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::node::{Key, Node, Tree};
use super::problem::Problem;
use super::source::Source;
use super::typed::{Kind, TypeError};

const MAX_ROUNDS: usize = 100;

/// A type read from a tree as far as that could be done.
pub struct Recovered<T> {
    /// What was read.
    pub value: T,
    /// The tree without what could not be read.
    pub rest: Node,
}

/// Makes a `T` of the tree. All that is wrong is added to `problems`; in the `T` it is left out, or something else stands in its
/// place. Where neither can be done there is no `T`.
pub fn read<T: DeserializeOwned>(
    source: &Arc<Source>,
    node: &Node,
    problems: &mut Vec<Problem>,
) -> Option<Recovered<T>> {
    let mut rest = node.clone();
    let mut mended = HashSet::new();
    for _ in 0..MAX_ROUNDS {
        let error = match T::deserialize(&rest) {
            Ok(value) => return Some(Recovered { value, rest }),
            Err(error) => error,
        };
        if !follows(&error, &mended) {
            problems.push(error.problem(source));
        }
        match fill_in::<T>(&rest, &error) {
            Some(filled) => rest = filled,
            None => take(&mut rest, &error, &mut mended)?,
        }
    }
    None
}

/// Where a mapping starts, and the key taken out of it.
type Mended = HashSet<(usize, String)>;

/// Whether an error is only there because of what was taken out.
fn follows(error: &TypeError, mended: &Mended) -> bool {
    let Some(start) = error.span.as_ref().map(|span| span.start) else { return false };
    match error.kind {
        Kind::Unknown(_) => false,
        Kind::Missing(field) => mended.contains(&(start, field.to_owned())),
        Kind::Value(_) => mended.iter().any(|(from, _)| *from == start),
    }
}

/// The tree with something that the type takes where it is wrong or missing.
fn fill_in<T: DeserializeOwned>(rest: &Node, error: &TypeError) -> Option<Node> {
    let (key, words) = match error.kind {
        Kind::Unknown(_) => return None,
        Kind::Missing(field) => (Some(field), &[][..]),
        Kind::Value(words) => (None, words),
    };
    let texts = words.iter().take(1).chain(&["x"]).map(|word| Tree::Text((*word).to_owned()));
    [Tree::Int(1), Tree::Bool(true)].into_iter().chain(texts).chain([Tree::List(Vec::new())]).find_map(|tree| {
        let mut filled = rest.clone();
        let place = error.path.iter().rev().try_fold(&mut filled, |node, step| child(node, step))?;
        let new = Node { span: error.span.clone()?, tree, drawn: false };
        let mut path = error.path.clone();
        match (key, &mut place.tree) {
            (None, _) => *place = new,
            (Some(field), Tree::Map(entries)) => {
                entries.push((Key { span: place.span.clone(), text: field.to_owned() }, new));
                path.insert(0, field.to_owned());
            }
            (Some(_), _) => return None,
        }
        let still = T::deserialize(&filled).is_err_and(|next| next.path == path);
        (!still).then_some(filled)
    })
}

/// Takes what the error is about out of the tree; a field that was only misspelt is set right.
fn take(rest: &mut Node, error: &TypeError, mended: &mut Mended) -> Option<()> {
    let (last, way) = error.path.split_first()?;
    let parent = way.iter().rev().try_fold(rest, |node, step| child(node, step))?;
    match &mut parent.tree {
        Tree::List(items) => {
            let index = last.parse::<usize>().ok().filter(|index| *index < items.len())?;
            items.remove(index);
        }
        Tree::Map(entries) => {
            let index = entries.iter().position(|(key, _)| key.text == *last)?;
            match error.kind {
                Kind::Unknown(Some(meant)) if entries.iter().all(|(key, _)| key.text != meant) => {
                    entries[index].0.text = meant.to_owned();
                }
                _ => drop(mended.insert((parent.span.start, entries.remove(index).0.text))),
            }
        }
        _ => return None,
    }
    Some(())
}

fn child<'a>(node: &'a mut Node, step: &str) -> Option<&'a mut Node> {
    match &mut node.tree {
        Tree::List(items) => items.get_mut(step.parse::<usize>().ok()?),
        Tree::Map(entries) => entries.iter_mut().find(|(key, _)| key.text == step).map(|(_, node)| node),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::{Dialect, parse};
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Team {
        name: String,
        players: Vec<Player>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only their errors matter")]
    struct Player {
        name: String,
        number: u32,
    }

    #[test]
    fn all_errors_are_told_once_each_with_their_lines() {
        let text = "nmae: Reds\nplayers:\n- name: 7\n  number: seven\n- number: 8\n- {name: Ann, number: 9, age: 30}\n";
        let source = Source::new("team.yaml", text);
        let node = parse(&source, Dialect::Pack).unwrap();
        let mut problems = Vec::new();
        let team = read::<Team>(&source, &node, &mut problems).unwrap().value;
        assert_eq!((team.name.as_str(), team.players.len()), ("Reds", 3));
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        team.yaml:1:1: there is no field `nmae` here
        team.yaml:3:9: expected text, found the number 7
        team.yaml:4:11: expected a whole number from 0, found the text `seven`
        team.yaml:5:3: the field `name` is missing here
        team.yaml:6:26: there is no field `age` here
        ");
    }
}
