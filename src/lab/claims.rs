//! What a task takes for itself on a cluster that others use at the same time: names, and what reaches beyond names.
//! Who goes beside whom is decided by those who lay several.

use std::collections::BTreeSet;

use serde_json::Value;

use super::foreign;
use crate::scenario::step::Step;
use crate::scenario::variant::Variant;

/// Words of what acts on objects that do not name it, and on what: a default StorageClass on every claim without one.
const REACHES: [(&str, &str); 2] = [("is-default-class", "classes"), ("globaldefault", "priorities")];
/// Words of what is acted on so.
const FEELS: [(&str, &str); 3] =
    [("persistentvolumeclaim", "classes"), ("ingress", "classes"), ("priorityclass", "priorities")];
/// Words of commands that change nodes, which everybody's Pods run on.
const NODES: [&str; 7] = [
    "kubectl taint",
    "kubectl drain",
    "kubectl cordon",
    "kubectl uncordon",
    "label node",
    "annotate node",
    "edit node",
];
/// The ports that Services of the type NodePort share.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

/// What a task takes for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    names: BTreeSet<String>,
    reaches: BTreeSet<&'static str>,
    feels: BTreeSet<&'static str>,
    nodes: bool,
}

impl Claims {
    /// What a variant takes, with all its solutions and wrong answers.
    pub fn of(variant: &Variant) -> Self {
        let mut names = BTreeSet::new();
        variant.params.values().for_each(|value| drawn(value, &mut names));
        let marks = foreign::planned(variant);
        names.extend(marks.iter().filter_map(|mark| mark.namespace.clone()));
        names.extend(marks.iter().filter(|mark| mark.namespace.is_none()).map(|mark| mark.name.clone()));
        let text = format!("{} {}", kinds(&marks), text(variant)).to_lowercase();
        let told = |words: &[(&'static str, &'static str)]| {
            words.iter().filter(|(word, _)| text.contains(word)).map(|(_, what)| *what).collect()
        };
        Self { names, reaches: told(&REACHES), feels: told(&FEELS), nodes: touches_nodes(variant) }
    }

    /// Whether two tasks cannot be on one cluster at the same time.
    pub fn clash(&self, other: &Self) -> bool {
        let meet = |one: &BTreeSet<&str>, other: &BTreeSet<&str>| !one.is_disjoint(other);
        self.nodes
            || other.nodes
            || !self.names.is_disjoint(&other.names)
            || meet(&self.reaches, &other.reaches)
            || meet(&self.reaches, &other.feels)
            || meet(&self.feels, &other.reaches)
    }
}

/// Whether a task, or an answer to it, changes nodes.
pub fn touches_nodes(variant: &Variant) -> bool {
    let changed = |step: &Step| match step {
        Step::Patch(patch) => patch.target().kind == "Node",
        Step::NodeFile(_) | Step::NodeCommand(_) | Step::Certificate(_) => true,
        Step::Run(run) => NODES.iter().any(|word| run.0.contains(word)),
        _ => false,
    };
    steps(variant).any(changed)
}

/// Every word of a task's steps and files: an object of another name was not made by an answer to it.
pub fn words(variant: &Variant) -> BTreeSet<String> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || "-.:".contains(letter);
    let text = text(variant);
    let mut words: BTreeSet<String> = text.split(|letter| !word(letter)).map(str::to_owned).collect();
    words.extend(text.split(|letter| !word(letter) || letter == ':').map(|word| word.trim_matches('.').to_owned()));
    words
}

fn steps(variant: &Variant) -> impl Iterator<Item = &Step> {
    let solutions = variant.solutions.iter().flat_map(|solution| &solution.steps);
    let wrong = variant.wrong.iter().flat_map(|wrong| &wrong.steps);
    variant.setup.iter().chain(solutions).chain(wrong)
}

fn text(variant: &Variant) -> String {
    let told = steps(variant).filter_map(|step| match step {
        Step::Run(run) => Some(run.0.clone()),
        Step::Apply(apply) => Some(Value::from(apply.objects.clone()).to_string()),
        _ => None,
    });
    told.chain(variant.files.values().cloned()).collect::<Vec<_>>().join("\n")
}

fn kinds(marks: &[foreign::Mark]) -> String {
    marks.iter().map(|mark| mark.kind.as_str()).collect::<Vec<_>>().join(" ")
}

fn drawn(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(names.insert(text.clone())),
        Value::Number(number) if number.as_i64().is_some_and(|number| NODE_PORTS.contains(&number)) => {
            names.insert(number.to_string());
        }
        Value::Array(values) => values.iter().for_each(|value| drawn(value, names)),
        Value::Object(fields) => fields.values().for_each(|value| drawn(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seed::Seed;
    use crate::scenario::folder::Folder;
    use crate::scenario::{Pack, scaffold};

    fn claims(edit: impl Fn(String) -> String) -> Claims {
        let texts = scaffold::pack("sample").into_iter().map(|file| (file.path, edit(file.text)));
        let texts: Vec<(String, String)> = texts.collect();
        let folder = Folder::of_texts("sample", texts.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        let pack = Pack::of_folder(folder).unwrap();
        Claims::of(&pack.scenario(scaffold::FIRST).unwrap().variant(Seed(1)).unwrap())
    }

    #[test]
    fn tasks_of_one_namespace_wait_for_each_other_and_others_do_not() {
        let renamed = |text: String| {
            ["orion", "vega", "lyra", "settings", "defaults"]
                .iter()
                .fold(text, |text, word| text.replace(word, &format!("{word}x")))
        };
        let one = claims(|text| text);
        assert!(one.clash(&one), "the same task twice");
        let other = claims(|text| renamed(text).replace("keep-me", "keep-it"));
        assert!(!one.clash(&other), "{one:?} {other:?}");
        let drains = claims(|text| {
            renamed(text).replace(
                "    - name: leaves the old one\n      run: ",
                "    - name: leaves the old one\n      run: kubectl drain x; ",
            )
        });
        assert!(one.clash(&drains), "nodes are everybody's");
    }
}
