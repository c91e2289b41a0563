//! Writes the assets: `schema.txt.gz` (shapes and facts), `protobuf.txt.gz` (wire numbers), `descriptions.txt.gz`.
//! Their forms are described where they are read: `object::schema::table`, `sim::apiserver::protobuf`, `sim::apiserver::openapi`.

use crate::descriptions;
use crate::facts::names;
use crate::model::{Field, Model};
use anyhow::Result;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub fn write() -> Result<()> {
    let model = Model::parse(&std::fs::read_to_string(format!("{ROOT}/facts/types.txt"))?)?;
    let maker = Maker::new(&model);
    let schemas = descriptions::schemas();
    cross_check(&maker, &schemas);
    gzip("schema.txt.gz", &maker.schema())?;
    gzip("protobuf.txt.gz", &maker.protobuf())?;
    gzip("descriptions.txt.gz", &maker.descriptions(&schemas))
}

fn gzip(name: &str, text: &str) -> Result<()> {
    let path = format!("{ROOT}/../../assets/kubernetes/{name}");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    let bytes = encoder.finish()?;
    println!("{path}: {} bytes, {} packed", text.len(), bytes.len());
    Ok(std::fs::write(path, bytes)?)
}

struct Maker<'a> {
    model: &'a Model,
    /// Types that are objects in JSON, with their place in the tables.
    places: BTreeMap<&'a str, usize>,
}

impl<'a> Maker<'a> {
    fn new(model: &'a Model) -> Self {
        let objects = model.types.keys().map(String::as_str).filter(|name| special(name).is_none());
        Self { model, places: objects.enumerate().map(|(place, name)| (name, place)).collect() }
    }

    /// The fields of a type as JSON has them: inlined structs taken in, each with the Go names it is embedded by (`ProbeHandler`).
    fn flat(&self, name: &str) -> Vec<(&'a Field, String)> {
        let Some(one) = self.model.types.get(name) else { return Vec::new() };
        let mut out = Vec::new();
        for field in &one.fields {
            if field.json != "^" {
                out.push((field, String::new()));
                continue;
            }
            let inner = field.go.trim_start_matches('*');
            let embedded = inner.rsplit('.').next().unwrap_or(inner);
            out.extend(self.flat(inner).into_iter().map(|(field, deeper)| {
                (field, if deeper.is_empty() { embedded.to_string() } else { format!("{embedded}.{deeper}") })
            }));
        }
        out
    }

    fn schema(&self) -> String {
        let mut out = String::new();
        for name in self.places.keys() {
            let atomic = self.model.types[*name].facts.contains_key("map");
            out += &format!("+{name}\t{}\n", if atomic { "a" } else { "" });
            for (field, embedded) in self.flat(name) {
                out += &format!("{}\t{}\t{}", field.json, self.shape(&field.go), flags(field));
                for (letter, key) in [('l', "list"), ('k', "keys"), ('s', "strategy"), ('m', "key"), ('e', "enum"), ('d', "default"), ('t', "map")] {
                    if let Some(value) = field.facts.get(key) {
                        out += &format!("\t{letter}{value}");
                    }
                }
                let go = self.printed(&field.go);
                // Named where the shape does not say it: aliases, and what may hold anything.
                if names(&field.go).iter().any(|name| self.model.aliases.contains_key(name) || anything(name)) {
                    out += &format!("\tg{go}");
                }
                if !embedded.is_empty() {
                    out += &format!("\tv{embedded}");
                }
                out.push('\n');
            }
        }
        for (name, group, version, kind) in &self.model.gvks {
            if let Some(place) = self.places.get(name.as_str()) {
                let slash = if group.is_empty() { "" } else { "/" };
                out += &format!("@{group}{slash}{version}\t{kind}\t{place}\n");
            }
        }
        out
    }

    fn shape(&self, go: &str) -> String {
        let go = go.trim_start_matches('*');
        if go == "[]byte" {
            return "y".into();
        }
        if let Some(rest) = go.strip_prefix("[]") {
            return format!("[{}", self.shape(rest));
        }
        if let Some((_, rest)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
            return format!("{{{}", self.shape(rest));
        }
        if let Some(letter) = special(go) {
            return if anything(go) { "a".into() } else { letter.into() };
        }
        if let Some(alias) = self.model.aliases.get(go) {
            return self.shape(alias);
        }
        match self.places.get(go) {
            Some(place) => format!("o{place}"),
            None => scalar(go).into(),
        }
    }

    /// A Go type as Go prints it in errors: `v1.Protocol`, `map[string]string`.
    fn printed(&self, go: &str) -> String {
        let go = go.trim_start_matches('*');
        if let Some(rest) = go.strip_prefix("[]") {
            return format!("[]{}", self.printed(rest));
        }
        if let Some((key, rest)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
            return format!("map[{}]{}", self.printed(key), self.printed(rest));
        }
        let mut words = go.rsplit('.');
        let last = words.next().unwrap_or(go);
        words.next().map_or(last.into(), |package| format!("{package}.{last}"))
    }

    fn protobuf(&self) -> String {
        let mut out = String::new();
        for name in self.places.keys() {
            out += &format!("+{name}\n");
            for field in &self.model.types[*name].fields {
                let Some(number) = field.number else { continue };
                let inline = if field.json == "^" { "^" } else { "" };
                let json = if field.json == "^" { "" } else { &field.json };
                out += &format!("{number}\t{json}\t{inline}{}\n", self.wire(&field.go));
            }
        }
        out
    }

    fn wire(&self, go: &str) -> String {
        let go = go.trim_start_matches('*');
        if go == "[]byte" {
            return "y".into();
        }
        if let Some(rest) = go.strip_prefix("[]") {
            return format!("[{}", self.wire(rest));
        }
        if let Some((_, rest)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
            return format!("{{{}", self.wire(rest));
        }
        if let Some(letter) = special(go) {
            return letter.into();
        }
        // Named slices that Kubernetes wraps in a message of their own.
        if go.ends_with(".ExtraValue") || go.ends_with(".Verbs") {
            return "w".into();
        }
        if let Some(alias) = self.model.aliases.get(go) {
            return self.wire(alias);
        }
        match self.places.get(go) {
            Some(place) => format!("m{place}"),
            None => scalar(go).into(),
        }
    }

    fn descriptions(&self, schemas: &BTreeMap<String, Value>) -> String {
        let mut out = String::new();
        for (name, schema) in schemas.iter().filter(|(name, _)| special(name).is_some()) {
            out += &format!("+{name}\t{}\n", line(&schema["description"]));
        }
        for name in self.places.keys() {
            let Some(schema) = schemas.get(*name) else { continue };
            out += &format!("+{name}\t{}\n", line(&schema["description"]));
            for (field, _) in self.flat(name) {
                let text = line(&schema["properties"][&field.json]["description"]);
                if !text.is_empty() {
                    out += &format!("{}\t{text}\n", field.json);
                }
            }
        }
        out
    }
}

/// `o`mitempty, omit`z`ero, `r`equired, `p`ointer.
fn flags(field: &Field) -> String {
    let mut flags = String::new();
    for (letter, key) in [('o', "omit"), ('z', "zero"), ('r', "required")] {
        if field.facts.contains_key(key) {
            flags.push(letter);
        }
    }
    if field.go.starts_with('*') {
        flags.push('p');
    }
    flags
}

/// Types with a JSON and wire form of their own.
fn special(name: &str) -> Option<&'static str> {
    Some(match name.strip_prefix("io.k8s.")? {
        "apimachinery.pkg.apis.meta.v1.Time" => "t",
        "apimachinery.pkg.apis.meta.v1.MicroTime" => "u",
        "apimachinery.pkg.apis.meta.v1.FieldsV1" => "f",
        "apimachinery.pkg.api.resource.Quantity" => "q",
        "apimachinery.pkg.util.intstr.IntOrString" => "x",
        "apimachinery.pkg.runtime.RawExtension" => "r",
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON" => "j",
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray" => "A",
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool" => "B",
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray" => "S",
        _ => return None,
    })
}

/// Whether a special type may hold anything in JSON.
fn anything(name: &str) -> bool {
    special(name).is_some_and(|letter| !"tuqx".contains(letter))
}

fn scalar(go: &str) -> &'static str {
    match go {
        "string" => "s",
        "bool" => "b",
        "int32" => "i",
        "int64" | "int" => "l",
        "float64" => "n",
        other => {
            eprintln!("no shape for {other}");
            "a"
        }
    }
}

fn line(text: &Value) -> String {
    text.as_str().unwrap_or_default().replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
}

/// The Go sources and k8s-openapi must know the same fields.
fn cross_check(maker: &Maker, schemas: &BTreeMap<String, Value>) {
    for (name, schema) in schemas {
        if !maker.places.contains_key(name.as_str()) {
            continue;
        }
        let ours: Vec<&str> = maker.flat(name).iter().map(|(field, _)| field.json.as_str()).collect();
        let theirs: Vec<&String> = schema["properties"].as_object().map(|map| map.keys().collect()).unwrap_or_default();
        let lacks: Vec<&&str> = ours.iter().filter(|field| !theirs.iter().any(|other| other == *field)).collect();
        let more: Vec<&&String> = theirs.iter().filter(|field| !ours.contains(&field.as_str())).collect();
        if !(lacks.is_empty() && more.is_empty()) {
            eprintln!("{name}: only in Go {lacks:?}, only in k8s-openapi {more:?}");
        }
    }
    for name in maker.places.keys().filter(|name| !schemas.contains_key(**name) && !name.ends_with("List")) {
        eprintln!("k8s-openapi does not describe {name}");
    }
}
