//! Reads Go struct declarations: JSON name, type, wire number, omitempty, inlining, patch tags.
//! Just enough of Go's syntax for the `types.go` files of the Kubernetes API; not a Go parser.

use crate::model::{Field, Model, Type};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Everything declared in the packages below `modules` (a `pkg/mod/k8s.io` folder) for Kubernetes `version` (`0.35.4`).
pub fn read(modules: &Path, version: &str) -> Result<Model> {
    let mut model = Model::default();
    for (module, folders) in [
        ("api", vec![]),
        ("apimachinery", vec!["pkg/apis/meta/v1", "pkg/runtime", "pkg/util/intstr", "pkg/api/resource", "pkg/types", "pkg/version"]),
        ("apiextensions-apiserver", vec!["pkg/apis/apiextensions/v1"]),
        ("kube-aggregator", vec!["pkg/apis/apiregistration/v1"]),
    ] {
        let root = modules.join(format!("{module}@v{version}"));
        let mut paths: Vec<String> = folders.into_iter().map(String::from).collect();
        if paths.is_empty() {
            for group in std::fs::read_dir(&root)?.flatten().filter(|entry| entry.path().is_dir()) {
                for version in std::fs::read_dir(group.path())?.flatten().filter(|entry| entry.path().is_dir()) {
                    paths.push(format!("{}/{}", group.file_name().to_string_lossy(), version.file_name().to_string_lossy()));
                }
            }
        }
        for path in paths {
            let package = full(&format!("k8s.io/{module}/{path}"));
            let mut files: Vec<_> = std::fs::read_dir(root.join(&path))?.flatten().map(|entry| entry.path()).collect();
            files.sort();
            for file in files {
                let name = file.file_name().unwrap_or_default().to_string_lossy().to_string();
                if name.ends_with(".go") && !name.ends_with("_test.go") && !name.contains("generated") {
                    file_types(&std::fs::read_to_string(&file)?, &package, &mut model);
                }
            }
        }
    }
    Ok(model)
}

/// `k8s.io/api/core/v1` as OpenAPI names it: `io.k8s.api.core.v1`.
fn full(import: &str) -> String {
    import.replacen("k8s.io/", "io.k8s.", 1).replace('/', ".")
}

fn file_types(source: &str, package: &str, model: &mut Model) {
    let mut imports: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Option<(String, Type)> = None;
    let mut importing = false;
    for line in source.lines() {
        let text = line.trim();
        if text.starts_with("//") {
            continue;
        }
        if importing || (text.starts_with("import ") && text.ends_with('"')) {
            importing = importing && text != ")";
            let words: Vec<&str> = text.trim_start_matches("import ").split_whitespace().collect();
            if let Some(path) = words.last().and_then(|word| word.strip_prefix('"')).and_then(|word| word.strip_suffix('"')) {
                let alias = if words.len() > 1 { words[0] } else { path.rsplit('/').next().unwrap_or(path) };
                imports.insert(alias.to_string(), full(path));
            }
        } else if text == "import (" {
            importing = true;
        } else if let Some((name, mut one)) = open.take() {
            if text == "}" {
                model.types.insert(name, one);
            } else {
                one.fields.extend(field(text, package, &imports));
                open = Some((name, one));
            }
        } else if let Some(rest) = line.strip_prefix("type ") {
            let rest = rest.split("//").next().unwrap_or(rest).trim();
            if let Some(name) = rest.strip_suffix(" struct{}") {
                model.types.insert(format!("{package}.{name}"), Type::default());
            } else if let Some(name) = rest.strip_suffix(" struct {") {
                open = Some((format!("{package}.{name}"), Type::default()));
            } else if let Some((name, go)) = rest.split_once(' ')
                && !go.starts_with("interface")
                && !go.starts_with("struct")
                && !go.starts_with("func")
                && !name.is_empty()
            {
                model.aliases.insert(format!("{package}.{name}"), resolve(go.trim_start_matches("= "), package, &imports));
            }
        }
    }
}

fn field(text: &str, package: &str, imports: &BTreeMap<String, String>) -> Option<Field> {
    let (declaration, rest) = text.split_once('`')?;
    let (tags, _) = rest.split_once('`')?;
    let words: Vec<&str> = declaration.split_whitespace().collect();
    let json = tag(tags, "json")?;
    let mut parts = json.split(',');
    let name = parts.next()?.to_string();
    let options: BTreeSet<&str> = parts.collect();
    if name == "-" {
        return None;
    }
    let go = words.last()?;
    let mut one = Field { json: name, go: resolve(go, package, imports), ..Field::default() };
    if one.json.is_empty() {
        one.json = "^".into();
    }
    if options.contains("omitempty") {
        one.facts.insert("omit".into(), String::new());
    }
    if options.contains("omitzero") {
        one.facts.insert("zero".into(), String::new());
    }
    one.number = tag(tags, "protobuf").and_then(|text| text.split(',').nth(1)?.parse().ok());
    Some(one)
}

fn tag<'a>(tags: &'a str, name: &str) -> Option<&'a str> {
    let start = tags.find(&format!("{name}:\""))? + name.len() + 2;
    tags[start..].split('"').next()
}

/// A Go type expression with full names: `[]metav1.Condition` is `[]io.k8s.apimachinery.pkg.apis.meta.v1.Condition`.
fn resolve(go: &str, package: &str, imports: &BTreeMap<String, String>) -> String {
    if let Some(rest) = go.strip_prefix('*') {
        return format!("*{}", resolve(rest, package, imports));
    }
    if let Some(rest) = go.strip_prefix("[]") {
        return format!("[]{}", resolve(rest, package, imports));
    }
    if let Some((key, value)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
        return format!("map[{}]{}", resolve(key, package, imports), resolve(value, package, imports));
    }
    if let Some((alias, name)) = go.split_once('.') {
        return format!("{}.{name}", imports.get(alias).cloned().unwrap_or_else(|| alias.to_string()));
    }
    match go {
        "string" | "bool" | "byte" | "int" | "int32" | "int64" | "uint32" | "uint64" | "float32" | "float64" | "any" => go.to_string(),
        _ => format!("{package}.{go}"),
    }
}
