//! The pack as a whole: names, domains and weights, exams, and that scenarios fit it.
//! The scenarios themselves are looked at one by one.

use std::collections::BTreeMap;

use crate::scenario::load::is_name;
use crate::scenario::nearest::nearest;
use crate::scenario::node::Node;
use crate::scenario::pack::{Blueprint, Pack, Tasks};
use crate::scenario::problem::Problem;
use crate::scenario::source::Place;

/// How many tasks an exam may have.
const MOST_TASKS: u32 = 100;

/// Looks at `pack.yaml`, and at what scenarios say of their pack.
pub fn lint(pack: &Pack, problems: &mut Vec<Problem>) {
    if !is_name(&pack.name) {
        let message = format!(
            "`{}` is not a name: at most 63 lower case letters, digits and `-`, with no `-` at either end",
            pack.name
        );
        problems.push(Problem::at(at(pack, &["metadata", "name"]), "bad-value", message));
    }
    domains(pack, problems);
    for (index, exam) in pack.spec.exams.iter().enumerate() {
        lint_exam(pack, exam, &index.to_string(), problems);
    }
    duplicates(pack, "exams", "name", problems);
    scenarios(pack, problems);
}

fn at(pack: &Pack, way: &[&str]) -> Place {
    pack.source.place(pack.node.at(way).map_or(0..0, |node| node.span.clone()))
}

fn domains(pack: &Pack, problems: &mut Vec<Problem>) {
    duplicates(pack, "domains", "id", problems);
    let sum: u64 = pack.spec.domains.iter().map(|domain| u64::from(domain.weight)).sum();
    if sum != 100 {
        let message = format!("the weights of the domains make {sum} percent, not 100");
        problems.push(Problem::at(at(pack, &["spec", "domains"]), "bad-value", message));
    }
}

fn duplicates(pack: &Pack, list: &str, key: &str, problems: &mut Vec<Problem>) {
    let mut seen = BTreeMap::new();
    let items = pack.node.at(&["spec", list]).map(Node::items).unwrap_or_default();
    for node in items.iter().filter_map(|item| item.get(key)) {
        let Some(name) = node.text() else { continue };
        if seen.insert(name, ()).is_some() {
            let place = pack.source.place(node.span.clone());
            problems.push(Problem::at(place, "duplicate-name", format!("`{name}` stands twice in `{list}`")));
        }
    }
}

fn lint_exam(pack: &Pack, exam: &Blueprint, index: &str, problems: &mut Vec<Problem>) {
    let way = ["spec", "exams", index];
    let mut tell = |key: &str, code, message: String, near: Option<&str>| {
        let place = at(pack, &[&way[..], &[key]].concat());
        let help = near.map(|near| format!("did you mean `{near}`?"));
        problems.push(Problem { help, ..Problem::at(place, code, message) });
    };
    if !is_name(&exam.name) {
        tell(
            "name",
            "bad-value",
            format!(
                "`{}` is not a name: at most 63 lower case letters, digits and `-`, with no `-` at either end",
                exam.name
            ),
            None,
        );
    }
    if exam.minutes == 0 || exam.minutes > 600 {
        tell("minutes", "bad-value", "an exam takes between 1 and 600 minutes".to_owned(), None);
    }
    if !(1..=100).contains(&exam.pass) {
        tell("pass", "bad-value", "`pass` is a percentage from 1 to 100".to_owned(), None);
    }
    match &exam.tasks {
        Tasks::Count(count) if !(1..=MOST_TASKS).contains(count) => {
            tell("tasks", "bad-value", format!("an exam has between 1 and {MOST_TASKS} tasks"), None);
        }
        Tasks::Count(_) => {}
        Tasks::OfDomains(domains) => {
            if domains.iter().any(|(_, count)| !(1..=MOST_TASKS).contains(count)) {
                tell("tasks", "bad-value", format!("a domain has between 1 and {MOST_TASKS} tasks"), None);
            }
            for (domain, _) in domains.iter().filter(|(domain, _)| pack.domain(domain).is_none()) {
                let near = nearest(domain, pack.spec.domains.iter().map(|domain| domain.id.as_str()));
                tell("tasks", "unknown-name", format!("the pack has no domain `{domain}`"), near);
            }
        }
        Tasks::Scenarios(names) => {
            for name in names.iter().filter(|name| pack.scenario(name).is_none()) {
                let near = nearest(name, pack.scenarios.iter().map(|scenario| scenario.name.as_str()));
                tell("tasks", "unknown-name", format!("the pack has no scenario `{name}`"), near);
            }
        }
    }
}

fn scenarios(pack: &Pack, problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for scenario in &pack.scenarios {
        let place = |way: &[&str]| scenario.source.place(scenario.node.at(way).map_or(0..0, |node| node.span.clone()));
        if let Some(first) = seen.insert(&scenario.name, scenario.source.path.clone()) {
            let message = format!("two scenarios are called `{}`; the other is {first}", scenario.name);
            problems.push(Problem::at(place(&["metadata", "name"]), "duplicate-name", message));
        } else if scenario.folder.root().rsplit('/').next() != Some(&scenario.name) {
            let folder = scenario.folder.root().rsplit('/').next().unwrap_or_default();
            let message = format!("the scenario is called `{}` and its folder `{folder}`", scenario.name);
            problems.push(Problem::at(place(&["metadata", "name"]), "name-not-folder", message));
        }
        if pack.domain(&scenario.head.domain).is_none() {
            let near = nearest(&scenario.head.domain, pack.spec.domains.iter().map(|domain| domain.id.as_str()));
            let problem = Problem::at(
                place(&["spec", "domain"]),
                "unknown-name",
                format!("the pack has no domain `{}`", scenario.head.domain),
            );
            problems.push(Problem { help: near.map(|near| format!("did you mean `{near}`?")), ..problem });
        }
    }
}
