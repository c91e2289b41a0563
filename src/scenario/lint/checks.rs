//! Checks: names, points, what waits for what, and what each kind tells about itself.
//! The names they ask for are looked at in `names`.

use std::collections::{BTreeMap, BTreeSet};

use super::Subject;
use crate::scenario::check::{Check, Statement};
use crate::scenario::inspect::Inspect;
use crate::scenario::model::Capability;
use crate::scenario::nearest::nearest;
use crate::scenario::node::Node;
use crate::scenario::problem::Problem;
use crate::scenario::source::Place;

/// Looks at all checks.
pub fn lint(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let checks = &subject.drawing.variant.checks;
    for (check, node) in checks.iter().zip(subject.items("checks")) {
        points(subject, check, node, problems);
        after(subject, check, node, problems);
        network(subject, check, node, problems);
        nodes(subject, check, node, problems);
        if let Some(node) = node.get(check.kind.key()) {
            check.inspect(&mut Inspect::new(&subject.scenario.source, node, problems));
        }
    }
    subject.unique_names("checks", "check", problems);
    let whole = subject.drawing.whole.at(&["spec", "checks"]);
    if whole.is_some_and(|checks| checks.items().is_empty()) {
        problems.push(Problem::at(subject.place(whole), "no-checks", "a scenario without checks cannot be graded"));
    }
}

fn points(subject: &Subject<'_>, check: &Check, node: &Node, problems: &mut Vec<Problem>) {
    if check.guard || check.points > 0 {
        return;
    }
    let place = subject.place(Some(node.get("points").unwrap_or(node)));
    let message = format!("the check `{}` is worth nothing", check.name);
    problems.push(Problem::at(place, "no-points", message).help("give it `points: 1` or more, or `guard: true`"));
}

fn network(subject: &Subject<'_>, check: &Check, node: &Node, problems: &mut Vec<Problem>) {
    if check.needs_network() && !subject.drawing.variant.requires.contains(&Capability::Network) {
        let place = subject.place(Some(node));
        let message = format!("the check `{}` asks through the network, which not every cluster has", check.name);
        problems.push(Problem::at(place, "no-network", message).help("write `requires: [network]`"));
    }
}

fn nodes(subject: &Subject<'_>, check: &Check, node: &Node, problems: &mut Vec<Problem>) {
    if check.needs_nodes() && !subject.drawing.variant.requires.contains(&Capability::NodeShell) {
        let place = subject.place(Some(node));
        let message = format!("the check `{}` looks inside of a node, where not every cluster lets us", check.name);
        problems.push(Problem::at(place, "no-node-shell", message).help("write `requires: [node-shell]`"));
    }
}

fn after(subject: &Subject<'_>, check: &Check, node: &Node, problems: &mut Vec<Problem>) {
    let checks: BTreeMap<&str, &Check> =
        subject.drawing.variant.checks.iter().map(|check| (check.name.as_str(), check)).collect();
    for (index, name) in check.after.iter().enumerate() {
        let place = subject.place(node.at(&["after", &index.to_string()]));
        subject.known_check(name, place, problems);
    }
    let prior = closure(check, &checks);
    if prior.contains(check.name.as_str()) {
        let place = subject.place(node.get("after"));
        problems.push(Problem::at(place, "after-cycle", format!("the check `{}` waits for itself", check.name)));
    }
    let unknown = prior.iter().any(|name| !checks.contains_key(name));
    let positive = |name: &&str| checks.get(name).is_some_and(|check| !check.is_negative() && !check.guard);
    if check.is_negative() && !check.guard && !unknown && !prior.iter().any(positive) {
        let place = subject.place(Some(node));
        let message = format!("the check `{}` would pay for doing nothing: it holds where nothing is", check.name);
        let help = "name a check that only the right work passes under `after`, or make it a `guard`";
        problems.push(Problem::at(place, "pays-for-nothing", message).help(help));
    }
}

/// The names of all checks that must hold before this one, itself only where it waits for itself.
fn closure<'a>(check: &'a Check, checks: &BTreeMap<&'a str, &'a Check>) -> BTreeSet<&'a str> {
    let mut prior = BTreeSet::new();
    let mut next: Vec<&str> = check.after.iter().map(String::as_str).collect();
    while let Some(name) = next.pop() {
        if prior.insert(name) {
            next.extend(checks.get(name).into_iter().flat_map(|check| &check.after).map(String::as_str));
        }
    }
    prior
}

impl Subject<'_> {
    /// The drawn items of a list below `spec`.
    pub(super) fn items(&self, key: &str) -> &[Node] {
        self.drawing.node.at(&["spec", key]).map(Node::items).unwrap_or_default()
    }

    /// The place of a part of `scenario.yaml`; its start where there is none.
    pub(super) fn place(&self, node: Option<&Node>) -> Place {
        self.scenario.source.place(node.map_or(0..0, |node| node.span.clone()))
    }

    /// The place of a word in a text of `scenario.yaml`; of the whole text where it is not found.
    pub(super) fn place_of(&self, word: &str, node: Option<&Node>) -> Place {
        let place = self.place(node);
        let at = place.source.text.get(place.span.clone()).and_then(|text| text.find(word));
        match at.map(|at| place.span.start + at) {
            Some(start) => Place { span: start..start + word.len(), ..place },
            None => place,
        }
    }

    /// Tells a name that is no check's.
    pub(super) fn known_check(&self, name: &str, place: Place, problems: &mut Vec<Problem>) {
        let checks = self.drawing.whole.at(&["spec", "checks"]).map(Node::items).unwrap_or_default();
        let written = checks.iter().filter_map(|check| check.get("name")?.text());
        let read = self.drawing.variant.checks.iter().map(|check| check.name.as_str());
        let names: Vec<&str> = written.chain(read).collect();
        if !names.contains(&name) {
            let problem = Problem::at(place, "unknown-name", format!("there is no check `{name}`"));
            let near = nearest(name, names).map(|near| format!("did you mean `{near}`?"));
            problems.push(Problem { help: near, ..problem });
        }
    }

    /// Tells names that two items of a list below `spec` share.
    pub(super) fn unique_names(&self, key: &str, what: &str, problems: &mut Vec<Problem>) {
        let items = self.drawing.whole.at(&["spec", key]).map(Node::items).unwrap_or_default();
        let mut seen = BTreeMap::new();
        for (name, node) in items.iter().filter_map(|item| item.get("name").and_then(|node| Some((node.text()?, node))))
        {
            if let Some(first) = seen.insert(name, node) {
                let line = self.place(Some(first)).line();
                let message = format!("two {what}s are called `{name}`; the other stands in line {line}");
                problems.push(Problem::at(self.place(Some(node)), "duplicate-name", message));
            }
        }
    }
}
