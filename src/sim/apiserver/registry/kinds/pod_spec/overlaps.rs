//! Files of one volume that lie in each other's place, which the server tells of.
//! Source: `warningsForOverlappingVirtualPaths` of `pkg/api/pod/warnings.go`.

use super::super::at::At;

/// A file of a volume, and where it comes from.
struct File {
    path: String,
    source: String,
}

impl File {
    fn new(path: At<'_, '_>, source: &str) -> Self {
        Self { path: path.text().trim_end_matches('/').to_owned(), source: source.to_owned() }
    }

    fn shown(&self) -> String {
        match self.source.as_str() {
            "" => format!("{:?}", self.path),
            source => format!("{:?} ({source})", self.path),
        }
    }

    /// Whether one is the other, or lies in it.
    fn meets(&self, other: &Self) -> bool {
        let within = |outer: &str, inner: &str| format!("{inner}/").starts_with(&format!("{outer}/"));
        let named = !self.path.is_empty() && !other.path.is_empty();
        named && (within(&self.path, &other.path) || within(&other.path, &self.path))
    }
}

/// What is told of the files of volumes.
pub fn overlaps(volumes: At<'_, '_>) -> Vec<String> {
    let mut told = Vec::new();
    for volume in volumes.items() {
        let name = volume.key("name").text();
        let (map, secret) = (volume.key("configMap"), volume.key("secret"));
        let of_map = format!("ConfigMap {:?}", map.key("name").text());
        let of_secret = format!("Secret {:?}", secret.key("secretName").text());
        let own = [(map, of_map.as_str()), (secret, of_secret.as_str()), (volume.key("downwardAPI"), "DownwardAPI")];
        for (source, what) in own {
            let mut seen = Vec::new();
            tell(files(source, ""), &mut seen, &format!("volume {name:?} ({what})"), &mut told);
        }
        let projected = volume.key("projected");
        let sources = projected.key("sources");
        let mut seen = Vec::new();
        for source in sources.items() {
            if source.value().as_object().is_none_or(serde_json::Map::is_empty) {
                told.push(format!("volume {name:?} (Projected) has no sources provided"));
            }
            tell(parts(source), &mut seen, &format!("volume {name:?} (Projected)"), &mut told);
        }
    }
    told
}

fn tell(files: Vec<File>, seen: &mut Vec<File>, what: &str, told: &mut Vec<String>) {
    for file in files {
        let met = seen.iter().filter(|other| other.meets(&file));
        told.extend(met.map(|other| format!("{what}: overlapping paths: {} with {}", file.shown(), other.shown())));
        seen.push(file);
    }
}

fn files(source: At<'_, '_>, from: &str) -> Vec<File> {
    let items = source.key("items");
    items.items().map(|item| File::new(item.key("path"), from)).collect()
}

/// The files of one source of a projected volume.
fn parts(source: At<'_, '_>) -> Vec<File> {
    for (kind, word) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
        let found = source.key(kind);
        if found.is_set() {
            return files(found, &format!("{word} {:?}", found.key("name").text()));
        }
    }
    let (info, token) = (source.key("downwardAPI"), source.key("serviceAccountToken"));
    if info.is_set() {
        return files(info, "DownwardAPI");
    }
    let path = token.key("path");
    if token.is_set() { vec![File::new(path, "ServiceAccountToken")] } else { Vec::new() }
}
