//! The files of a pack, read once into memory: bounded in number and size, UTF-8, without links.
//! What the files mean stands in `pack` and `model`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::nearest::nearest;
use super::problem::{PackError, Problem};
use super::source::Source;

/// The largest file of a pack, in bytes.
pub const MAX_FILE: u64 = 512 * 1024;
/// How many files a pack may have.
pub const MAX_FILES: usize = 5_000;
/// The largest pack, in bytes.
pub const MAX_PACK: u64 = 32 * 1024 * 1024;
const MAX_DEPTH: usize = 8;

/// A pack's files by their path inside the pack, with `/` between folders.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    root: String,
    files: BTreeMap<String, Arc<Source>>,
    refused: BTreeMap<String, &'static str>,
}

impl Folder {
    /// A folder made of texts that are in memory, such as the packs inside the program. `root` is how messages show the folder.
    pub fn of_texts<'a>(root: &str, texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let show = |path: &str| if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") };
        let files = texts.into_iter().map(|(path, text)| (path.to_owned(), Source::new(show(path), text))).collect();
        Self { root: root.to_owned(), files, refused: BTreeMap::new() }
    }

    /// Reads a folder of the disk. Hidden files are left out; links, files that are not UTF-8 and files that are too big are
    /// refused when a scenario names them.
    pub fn read(path: &Path) -> Result<Self, PackError> {
        let mut folder = Self { root: path.display().to_string(), ..Self::default() };
        let mut left = MAX_PACK;
        folder.read_into(path, "", 0, &mut left)?;
        Ok(folder)
    }

    fn read_into(&mut self, path: &Path, prefix: &str, depth: usize, left: &mut u64) -> Result<(), PackError> {
        let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(path, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let inside = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
            if kind.is_symlink() {
                self.refused.insert(inside, "it is a symbolic link, and a pack must not reach outside of its folder");
            } else if kind.is_dir() && depth < MAX_DEPTH {
                self.read_into(&entry.path(), &inside, depth + 1, left)?;
            } else if kind.is_file() {
                self.read_file(&entry.path(), inside, left)?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, path: &Path, inside: String, left: &mut u64) -> Result<(), PackError> {
        let size = fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
        if size > MAX_FILE {
            self.refused.insert(inside, "it is larger than 512 KiB");
            return Ok(());
        }
        if size > *left || self.files.len() >= MAX_FILES {
            let message = format!("the folder holds more than {MAX_FILES} files or 32 MiB, which no pack does");
            return Err(Problem::in_file(&self.root, "too-big", message).help("name the folder of one pack").into());
        }
        *left -= size;
        match String::from_utf8(fs::read(path).map_err(|error| unreadable(path, &error))?) {
            Ok(text) => {
                let source = Source::new(path.display().to_string(), text);
                self.files.insert(inside, source);
            }
            Err(_) => {
                self.refused.insert(inside, "it is not UTF-8 text");
            }
        }
        Ok(())
    }

    /// How messages show the folder.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// All files with their paths, sorted.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Arc<Source>)> {
        self.files.iter().map(|(path, source)| (path.as_str(), source))
    }

    /// The file at exactly this path.
    pub fn get(&self, path: &str) -> Option<&Arc<Source>> {
        self.files.get(path)
    }

    /// The part of the folder below `prefix`, with paths that start there.
    pub fn below(&self, prefix: &str) -> Self {
        let inside = |path: &str| path.strip_prefix(prefix)?.strip_prefix('/').map(str::to_owned);
        let root = if self.root.is_empty() { prefix.to_owned() } else { format!("{}/{prefix}", self.root) };
        let files = self.files.iter().filter_map(|(path, file)| Some((inside(path)?, Arc::clone(file)))).collect();
        let refused = self.refused.iter().filter_map(|(path, why)| Some((inside(path)?, *why))).collect();
        Self { root, files, refused }
    }

    /// The file a scenario names, relative to its folder. The error says why there is none, and what else to write.
    pub fn named(&self, path: &str) -> Result<&Arc<Source>, (&'static str, String, Option<String>)> {
        if let Some(why) = climbs_out(path) {
            return Err((
                "path-outside",
                format!("`{path}` {why}, and a pack must not reach outside of its folder"),
                None,
            ));
        }
        let path = path.strip_prefix("./").unwrap_or(path);
        if let Some(file) = self.files.get(path) {
            return Ok(file);
        }
        let refused = |(named, why): (&String, &&'static str)| {
            (path == named || path.starts_with(&format!("{named}/"))).then(|| (*why).to_owned())
        };
        if let Some(why) = self.refused.iter().find_map(refused) {
            return Err(("path-outside", format!("`{path}` cannot be used: {why}"), None));
        }
        let near = nearest(path, self.files.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        Err(("missing-file", format!("there is no file `{path}` in this scenario's folder"), near))
    }
}

/// Why a path leads out of the folder it is relative to, or `None` when it does not.
pub fn climbs_out(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("is empty");
    }
    if path.starts_with('/') || path.starts_with('~') || path.contains('\\') || path.contains('\0') {
        return Some("is not a plain relative path");
    }
    path.split('/').any(|part| part == "..").then_some("climbs out with `..`")
}

fn unreadable(path: &Path, error: &std::io::Error) -> PackError {
    let message = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        std::io::ErrorKind::NotADirectory => "this is a file; a pack is a folder with a pack.yaml".to_owned(),
        _ => format!("this cannot be read: {error}"),
    };
    Problem::in_file(path.display().to_string(), "unreadable", message).into()
}
