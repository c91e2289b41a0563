//! Joins the Go declarations with a server's facts and writes `facts/types.txt`.

use crate::model::Model;
use crate::{golang, server};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;

const VERSION: &str = "0.35.4";

/// Roots that no served document names, though clients send them.
const MORE: &[&str] = &["io.k8s.apimachinery.pkg.apis.meta.v1.List"];

pub fn write(kubectl: &str, modules: &str) -> Result<()> {
    let go = golang::read(Path::new(modules), VERSION)?;
    let schemas = server::schemas(kubectl)?;
    let mut out = Model::default();
    let mut wanted: Vec<String> = schemas.keys().cloned().chain(MORE.iter().map(|name| name.to_string())).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        if let Some(alias) = go.aliases.get(&name) {
            out.aliases.insert(name.clone(), alias.clone());
            wanted.extend(names(alias));
        } else if let Some(one) = go.types.get(&name) {
            wanted.extend(one.fields.iter().flat_map(|field| names(&field.go)));
            out.types.insert(name, one.clone());
        } else if !matches!(name.as_str(), "string" | "bool" | "byte" | "int" | "int32" | "int64" | "uint32" | "uint64" | "float64") {
            eprintln!("no Go declaration: {name}");
        }
    }
    for (name, schema) in &schemas {
        for gvk in schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            let word = |key: &str| gvk[key].as_str().unwrap_or_default().to_string();
            out.gvks.push((name.clone(), word("group"), word("version"), word("kind")));
        }
        if let (Some(one), Some(map)) = (out.types.get_mut(name), schema["x-kubernetes-map-type"].as_str()) {
            one.facts.insert("map".into(), map.into());
        }
        let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(|word| word.as_str()).collect();
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let mut facts = server::field_facts(schema);
            if required.contains(&field.as_str()) {
                facts.insert("required".into(), String::new());
            }
            if !attach(&mut out, name, field, &facts) {
                eprintln!("the server knows {name} {field}, the Go sources do not");
            }
        }
    }
    out.gvks.sort();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/facts/types.txt");
    std::fs::write(path, out.text())?;
    println!("{path}: {} types, {} kinds", out.types.len(), out.gvks.len());
    Ok(())
}

/// Gives a field its facts, looking through inlined structs; whether it was found.
fn attach(model: &mut Model, name: &str, field: &str, facts: &std::collections::BTreeMap<String, String>) -> bool {
    let Some(one) = model.types.get_mut(name) else { return false };
    if let Some(found) = one.fields.iter_mut().find(|one| one.json == field) {
        found.facts.extend(facts.clone());
        return true;
    }
    let inlined: Vec<String> = one.fields.iter().filter(|one| one.json == "^").map(|one| one.go.trim_start_matches('*').to_string()).collect();
    inlined.iter().any(|inner| attach(model, inner, field, facts))
}

/// The named types in a Go expression.
pub fn names(go: &str) -> Vec<String> {
    let go = go.trim_start_matches(['*']);
    if let Some(rest) = go.strip_prefix("[]") {
        return names(rest);
    }
    if let Some((key, value)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
        return names(key).into_iter().chain(names(value)).collect();
    }
    vec![go.to_string()]
}
