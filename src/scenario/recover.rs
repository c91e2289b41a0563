//! Reads a type from a tree and goes on behind errors, so that an author sees all of a file's errors at once.
//! What is taken out of the tree to go on causes no errors of its own.

use std::collections::HashSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::node::{Node, Tree};
use super::problem::Problem;
use super::source::Source;
use super::typed::{Kind, TypeError};

const MAX_ROUNDS: usize = 100;

/// Makes a `T` of the tree. Where that fails all that is wrong is added to `problems`, and there is no `T`.
pub fn read<T: DeserializeOwned>(source: &Arc<Source>, node: &Node, problems: &mut Vec<Problem>) -> Option<T> {
    let mut error = match T::deserialize(node) {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let mut rest = node.clone();
    let mut taken = HashSet::new();
    for _ in 0..MAX_ROUNDS {
        if !follows(&error, &taken) {
            problems.push(error.problem(source));
        }
        if error.path.is_empty() || take(&mut rest, &error, &mut taken).is_none() {
            break;
        }
        match T::deserialize(&rest) {
            Ok(_) => break,
            Err(next) => error = next,
        }
    }
    None
}

/// Where a mapping starts, and the key taken out of it.
type Taken = HashSet<(usize, String)>;

/// Whether an error is only there because of what was taken out.
fn follows(error: &TypeError, taken: &Taken) -> bool {
    let Some(start) = error.span.as_ref().map(|span| span.start) else { return false };
    match error.kind {
        Kind::Unknown(_) => false,
        Kind::Missing(field) => taken.contains(&(start, field.to_owned())),
        Kind::Value => taken.iter().any(|(from, _)| *from == start),
    }
}

/// Takes what the error is about out of the tree.
fn take(rest: &mut Node, error: &TypeError, taken: &mut Taken) -> Option<()> {
    let (last, way) = error.path.split_first()?;
    let parent = way.iter().rev().try_fold(rest, |node, step| child(node, step))?;
    match &mut parent.tree {
        Tree::List(items) => {
            let index = last.parse::<usize>().ok().filter(|index| *index < items.len())?;
            items.remove(index);
        }
        Tree::Map(entries) => {
            let index = entries.iter().position(|(key, _)| key.text == *last)?;
            taken.insert((parent.span.start, entries.remove(index).0.text));
            if let Kind::Unknown(Some(meant)) = error.kind {
                taken.insert((parent.span.start, meant.to_owned()));
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
    #[allow(dead_code, reason = "only their errors matter")]
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
        assert!(read::<Team>(&source, &node, &mut problems).is_none());
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
