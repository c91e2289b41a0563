//! Arrows: which module may name which, read from the table and the orders in ARCHITECTURE.md.
//! What a file must look like stands in `house`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::source::{self, Named};
use super::{files, none, read, top};

/// The layer table: each layer with those it may use, lowest first.
struct Layers {
    names: Vec<String>,
    may_use: BTreeMap<String, Vec<String>>,
}

fn layers() -> Layers {
    let mut layers = Layers { names: Vec::new(), may_use: BTreeMap::new() };
    for line in read(Path::new("ARCHITECTURE.md")).lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, number, name, _, may_use, _] = cells[..] else { continue };
        if number.parse::<u32>().is_err() {
            continue;
        }
        let name = name.trim_matches('`').to_owned();
        let may_use = match may_use {
            "–" => Vec::new(),
            "all below" => layers.names.clone(),
            some => some.split_whitespace().map(str::to_owned).collect(),
        };
        layers.may_use.insert(name.clone(), may_use);
        layers.names.push(name);
    }
    layers
}

/// The order inside a folder, from a line such as ``- inside `sim`: `apiserver` < `controllers` `nodes` < `world` ``.
struct Order {
    folder: Vec<String>,
    ranks: BTreeMap<String, usize>,
}

fn orders() -> Vec<Order> {
    let text = read(Path::new("ARCHITECTURE.md"));
    text.lines().filter_map(|line| line.strip_prefix("- inside `")).filter_map(order).collect()
}

fn order(line: &str) -> Option<Order> {
    let (folder, order) = line.split_once("`: ")?;
    let names = |rank: &str| rank.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let ranks =
        order.split('<').enumerate().flat_map(|(rank, part)| names(part).into_iter().map(move |name| (name, rank)));
    Some(Order { folder: folder.split('/').map(str::to_owned).collect(), ranks: ranks.collect() })
}

/// Who names what, over all of `src/`.
fn arrows() -> Vec<(PathBuf, Vec<String>, Named)> {
    let mut arrows = Vec::new();
    for file in files("src", ".rs") {
        let module = source::module(&file);
        let tokens = source::tokens(&read(&file));
        arrows.extend(source::named(&tokens, &module).into_iter().map(|named| (file.clone(), module.clone(), named)));
    }
    arrows
}

fn complaint(file: &Path, named: &Named, why: &str) -> String {
    format!("{}:{} names {}: {why}", file.display(), named.line, named.path.join("::"))
}

#[test]
fn the_table_lists_every_layer_and_only_points_down() {
    let layers = layers();
    let folders: BTreeSet<_> = std::fs::read_dir(top().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        layers.names.iter().cloned().collect::<BTreeSet<_>>(),
        folders,
        "layers in ARCHITECTURE.md, folders in src/"
    );
    for (place, name) in layers.names.iter().enumerate() {
        for used in &layers.may_use[name] {
            assert!(layers.names[..place].contains(used), "{name} may use {used}, which is not below it");
        }
    }
}

#[test]
fn a_layer_names_only_those_the_table_gives_it() {
    let layers = layers();
    let mut complaints = Vec::new();
    for (file, module, named) in arrows() {
        // lib.rs declares the layers and main.rs starts the topmost; neither is in a layer.
        let (Some(from), Some(to)) = (module.first(), named.path.first()) else { continue };
        if !layers.names.contains(to) {
            complaints.push(complaint(&file, &named, "that is in no layer"));
        } else if from != to && !layers.may_use[from].contains(to) {
            complaints.push(complaint(&file, &named, &format!("{from} may use {:?}", layers.may_use[from])));
        }
    }
    none("ARCHITECTURE.md gives each layer what it may use", &complaints);
}

#[test]
fn main_only_starts_the_command_line() {
    let tokens = source::tokens(&read(Path::new("src/main.rs")));
    let named = source::named(&tokens, &[]);
    let others: Vec<_> = named.iter().filter(|named| named.path.first().is_some_and(|first| first != "cli")).collect();
    assert!(others.is_empty(), "main.rs names more than cli: {others:?}");
}

#[test]
fn inside_a_folder_with_an_order_nobody_looks_up() {
    let modules: BTreeSet<_> = files("src", ".rs").iter().map(|file| source::module(file)).collect();
    let orders = orders();
    assert!(!orders.is_empty(), "ARCHITECTURE.md has no line that begins with: - inside `");
    let mut complaints = Vec::new();
    for (file, module, named) in arrows() {
        for order in &orders {
            complaints.extend(looks_up(order, &modules, &module, &named).map(|why| complaint(&file, &named, &why)));
        }
    }
    none("ARCHITECTURE.md gives the order inside a folder", &complaints);
}

/// Why a name breaks a folder's order. Parts without a place in it may be named by all, and may name none that has one.
fn looks_up(order: &Order, modules: &BTreeSet<Vec<String>>, from: &[String], to: &Named) -> Option<String> {
    let from = from.strip_prefix(&order.folder[..])?.first()?;
    let inner = to.path.strip_prefix(&order.folder[..])?;
    let part = inner.first().filter(|part| modules.contains(&[&order.folder[..], &[(*part).clone()]].concat()));
    let Some(to) = part else { return Some(format!("{from} is a part of {}", order.folder.join("/"))) };
    let rank = |part: &String| order.ranks.get(part);
    match (rank(from), rank(to)) {
        _ if from == to => None,
        (_, None) => None,
        (None, Some(_)) => {
            Some(format!("{from} has no place in the order inside {}; give it one", order.folder.join("/")))
        }
        (Some(from_rank), Some(to_rank)) if to_rank < from_rank => None,
        _ => Some(format!("{to} is not before {from} inside {}", order.folder.join("/"))),
    }
}

#[test]
fn in_the_cluster_objects_are_reached_through_the_api() {
    let api = ["sim", "apiserver"];
    let storage = ["sim", "apiserver", "storage"];
    let begins =
        |path: &[String], with: &[&str]| path.len() >= with.len() && path.iter().zip(with).all(|(a, b)| a == b);
    let root = |module: &[String]| {
        module.len() == 1 || [["sim", "world"], ["sim", "etcd"], ["sim", "checkpoint"]].iter().any(|one| module == one)
    };
    let past: Vec<_> = arrows()
        .into_iter()
        .filter(|(_, module, named)| begins(&named.path, &storage) && !begins(module, &api) && !root(module))
        .filter(|(_, _, named)| named.path.get(3).is_none_or(|item| item != "Object"))
        .map(|(file, _, named)| complaint(&file, &named, "only the API server and the root may"))
        .collect();
    none("controllers, scheduler, nodes and shell reach objects through the API", &past);
}

#[test]
fn memory_knows_grading_by_its_report_only() {
    let more: Vec<_> = arrows()
        .into_iter()
        .filter(|(_, module, _)| module.first().is_some_and(|layer| layer == "exam" || layer == "progress"))
        .filter(|(_, _, named)| named.path.first().is_some_and(|layer| layer == "grading"))
        .filter(|(_, _, named)| named.path.get(1).is_none_or(|part| part != "report"))
        .map(|(file, _, named)| complaint(&file, &named, "only grading::report"))
        .collect();
    none("exam and progress use the report's types and nothing else of grading", &more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_kept_in_every_direction() {
        let order = order("sim`: `api` < `controllers` `nodes` < `world`").unwrap();
        let path = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<_>>();
        let modules = ["sim", "sim::api", "sim::controllers", "sim::nodes", "sim::world", "sim::words", "sim::api::x"];
        let modules: BTreeSet<_> = modules.into_iter().map(path).collect();
        let fine = |from, to| looks_up(&order, &modules, &path(from), &Named { path: path(to), line: 1 }).is_none();
        assert!(fine("sim::controllers::job", "sim::api::client::Client"));
        assert!(fine("sim::world", "sim::nodes::Kubelet") && fine("sim", "sim::world::World"));
        assert!(fine("sim::api", "sim::words::Word") && fine("tui", "sim::world"));
        assert!(!fine("sim::api", "sim::controllers::Job"), "up");
        assert!(!fine("sim::nodes", "sim::controllers::Job"), "aside");
        assert!(!fine("sim::words", "sim::api::Client"), "out of no place");
        assert!(!fine("sim::api", "sim::World"), "the root");
    }
}
