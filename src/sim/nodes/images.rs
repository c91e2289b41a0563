//! The images of the simulated registry, as data (`assets/nodes/images.yaml`), and how references to them are read.
//! Pulling them takes time and fails in `pull.rs`; what runs in a container is the process's.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;

use super::container::hash;
use super::missing_image::Missing;
use super::process::programs::Package;
use super::reference;

/// What a container does when no command is given.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// Serves until it is stopped.
    Server,
    /// A shell with nothing to read: ends at once.
    Shell,
    /// Prints and ends.
    Hello,
}

/// A path the image's program has to write, and what it says when it may not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    pub path: String,
    /// `{why}` is the error, `{now}` the time.
    pub complaint: Vec<String>,
}

/// What a program says when asked for its version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// `{version}` is the release.
    pub says: String,
    /// Whether it says so where errors go.
    #[serde(default)]
    pub errors: bool,
}

/// One image.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    pub name: String,
    /// Other repositories that have it too.
    #[serde(default)]
    also: Vec<String>,
    size: u64,
    pub run: Run,
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Those of its ports on which it does not speak HTTP.
    #[serde(default)]
    silent: Vec<u16>,
    #[serde(default)]
    pub user: u32,
    tags: Vec<String>,
    /// The last release of each minor version, newest first; without it a tag may have any version.
    #[serde(default)]
    releases: Vec<String>,
    /// The releases of tags that are words, but for the newest.
    #[serde(default)]
    named: BTreeMap<String, String>,
    pub version: Option<Version>,
    /// HTTP paths that answer 200; `*` for any.
    #[serde(default)]
    pub paths: Vec<String>,
    /// What these say: `{hostname}`, `{address}`, `{path}` and `{tag}` are filled in.
    #[serde(default = "fine")]
    pub answer: String,
    /// One of these variables must be set.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What it says when none is.
    #[serde(default)]
    pub complaint: Vec<String>,
    #[serde(default)]
    pub log: Vec<String>,
    /// Where its programs come from; Debian's by default.
    #[serde(default = "debian")]
    tools: Vec<Package>,
    /// Other names of its own program.
    #[serde(default)]
    programs: Vec<String>,
    /// What stands before the arguments when no command is given.
    #[serde(default)]
    entrypoint: Vec<String>,
    /// What runs when neither command nor arguments are given, if not the program of the image's name.
    #[serde(default)]
    start: Vec<String>,
    /// The folder whose files it serves.
    #[serde(default)]
    pub root: Option<String>,
    /// The working directory.
    #[serde(default = "slash")]
    pub folder: String,
    /// Files it brings.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    #[serde(default)]
    pub writes: Vec<Write>,
    /// Thousandths of a CPU and MiB of memory it takes when nobody asks anything of it.
    #[serde(default)]
    idle: Option<(u64, u64)>,
    /// Microseconds of CPU that answering one HTTP request takes.
    #[serde(default = "one_request")]
    request: u64,
    /// There on every node before anything asks.
    #[serde(default)]
    system: bool,
}

fn debian() -> Vec<Package> {
    vec![Package::Gnu, Package::Bash]
}

fn one_request() -> u64 {
    300
}

fn fine() -> String {
    "ok\n".to_owned()
}

fn slash() -> String {
    "/".to_owned()
}

impl Image {
    /// Whether it has the programs of a package.
    pub fn has_package(&self, package: Package) -> bool {
        self.tools.contains(&package)
    }

    /// Whether its small programs are BusyBox'.
    pub fn is_busybox(&self) -> bool {
        self.has_package(Package::Busybox)
    }

    /// The name of its own program.
    pub fn own_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    /// Whether a name is its own program's.
    pub fn is_own(&self, name: &str) -> bool {
        name.starts_with(self.own_name())
            || matches!(name, "docker-entrypoint.sh" | "entrypoint.sh")
            || self.programs.iter().any(|program| program == name)
    }

    /// The words process 1 is started with.
    pub fn words(&self, command: &[String], args: &[String]) -> Vec<String> {
        if !command.is_empty() {
            return [command, args].concat();
        }
        if !self.entrypoint.is_empty() {
            return [&self.entrypoint, args].concat();
        }
        let own = || if self.start.is_empty() { vec![self.own_name().to_owned()] } else { self.start.clone() };
        match args.first() {
            None => own(),
            // An entrypoint script puts its program before options.
            Some(first) if first.starts_with('-') && self.run == Run::Server => [own(), args.to_vec()].concat(),
            Some(_) => args.to_vec(),
        }
    }

    /// The same image on Alpine.
    fn on_alpine(&self) -> Self {
        let mut tools = vec![Package::Busybox];
        tools.extend(self.tools.iter().copied().filter(|tool| !matches!(tool, Package::Gnu | Package::Bash)));
        let start = if self.start == ["bash"] { vec!["sh".to_owned()] } else { self.start.clone() };
        Self { tools, start, ..self.clone() }
    }

    /// Thousandths of a CPU and bytes of memory it takes when nobody asks anything of it.
    pub fn idle(&self) -> (u64, u64) {
        let usual = if self.run == Run::Server { (1, 12) } else { (0, 1) };
        let (millicores, mebibytes) = self.idle.unwrap_or(usual);
        (millicores, mebibytes << 20)
    }

    /// The CPU that answering one HTTP request takes.
    pub fn request(&self) -> Duration {
        Duration::from_micros(self.request)
    }

    /// Bytes, as the pull tells them.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How long pulling takes over a good line.
    pub fn pull_time(&self) -> Duration {
        Duration::from_millis(250 + self.size / 150_000)
    }

    /// Whether it speaks something else than HTTP on a port.
    pub fn is_silent(&self, port: u16) -> bool {
        self.silent.contains(&port)
    }

    /// Whether the image's user is root.
    pub fn runs_as_root(&self) -> bool {
        self.user == 0
    }

    /// `docker.io/library/nginx@sha256:…`, the same for the same reference.
    pub fn id(&self, reference: &str) -> String {
        let full = canonical(reference);
        format!("{}@sha256:{}", full.rsplit_once(':').map_or(&*full, |(name, _)| name), hash(&[&full]))
    }

    fn has(&self, tag: &str) -> bool {
        tag == "latest" || self.tags.iter().any(|pattern| self.fits(pattern, tag))
    }

    /// `*` stands for digits and dots: for a release, where they are listed.
    fn fits(&self, pattern: &str, tag: &str) -> bool {
        let Some((before, after)) = pattern.split_once('*') else { return pattern == tag };
        // A version that is named by its beginning: `9` of `9.*`.
        if !before.is_empty() && tag.strip_suffix(after) == Some(before.trim_end_matches('.')) {
            return true;
        }
        let Some(rest) = tag.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) else { return false };
        let is_version = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '.');
        is_version && (self.releases.is_empty() || self.named_by(rest).is_some())
    }

    /// The release that a version names: the newest that begins with it, or an older patch of one.
    fn named_by(&self, version: &str) -> Option<String> {
        let asked = numbers(version)?;
        self.releases.iter().find_map(|last| {
            let newest = numbers(last)?;
            let older = newest.len() == asked.len()
                && newest
                    .split_last()
                    .zip(asked.split_last())
                    .is_some_and(|(newest, asked)| newest.1 == asked.1 && newest.0 >= asked.0);
            if newest.starts_with(&asked) { Some(last.clone()) } else { older.then(|| version.to_owned()) }
        })
    }

    /// The tag of a reference.
    pub fn tag(reference: &str) -> &str {
        parts(reference).1
    }

    /// The release that a reference means; `None` where nobody knows.
    pub fn release(&self, reference: &str) -> Option<String> {
        let tag = parts(reference).1;
        let named = || self.named.get(tag).or_else(|| self.releases.first()).cloned();
        tag.split('-').next().and_then(|version| self.named_by(version)).or_else(named)
    }
}

fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|number| number.parse().ok()).collect()
}

fn table() -> &'static HashMap<String, Image> {
    static TABLE: OnceLock<HashMap<String, Image>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let images: Vec<Image> =
            serde_yaml::from_str(include_str!("../../../assets/nodes/images.yaml")).unwrap_or_default();
        let named = |image: Image| {
            let is_alpine = image.tags.iter().any(|tag| tag.contains("alpine"));
            let names: Vec<String> =
                std::iter::once(&image.name).chain(&image.also).map(|name| repository(name)).collect();
            names.into_iter().flat_map(move |name| {
                let alpine = is_alpine.then(|| (alpine(&name), image.on_alpine()));
                std::iter::once((name, image.clone())).chain(alpine)
            })
        };
        images.into_iter().flat_map(named).collect()
    })
}

/// The key of an image on Alpine.
fn alpine(repository: &str) -> String {
    format!("{repository} on alpine")
}

/// A repository with its host: `docker.io/library/nginx`.
fn repository(name: &str) -> String {
    let (host, rest) = reference::split(name);
    format!("{host}/{rest}")
}

/// A reference taken apart: repository with its host, and tag (`latest` when none is given).
fn parts(reference: &str) -> (String, &str) {
    let bare = reference.split_once('@').map_or(reference, |(bare, _)| bare);
    match bare.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (repository(name), tag),
        _ => (repository(bare), "latest"),
    }
}

/// The whole reference: `docker.io/library/nginx:latest`.
pub fn canonical(reference: &str) -> String {
    let (repository, tag) = parts(reference);
    format!("{repository}:{tag}")
}

/// Whether the image is on every node from the start.
pub fn is_system(reference: &str) -> bool {
    table().get(&parts(reference).0).is_some_and(|image| image.system)
}

/// The image a reference names.
pub fn resolve(reference: &str) -> Result<&'static Image, Missing> {
    if let Some(why) = reference::fault(reference) {
        return Err(Missing::InvalidName(why));
    }
    let (repository, tag) = parts(reference);
    // The old registry leads to the new one.
    let repository = repository.replacen("k8s.gcr.io/", "registry.k8s.io/", 1);
    let on_alpine = || table().get(&alpine(&repository)).filter(|_| tag.contains("alpine"));
    match on_alpine().or_else(|| table().get(&repository)) {
        Some(image) if reference.contains('@') || image.has(tag) => Ok(image),
        Some(_) => Err(Missing::Tag),
        None if KNOWN_HOSTS.contains(&repository.split('/').next().unwrap_or_default()) => Err(Missing::Repository),
        None => Err(Missing::Host),
    }
}

/// Registries that answer, if only to say that they do not have it.
const KNOWN_HOSTS: &[&str] = &[
    "docker.io",
    "registry.k8s.io",
    "gcr.io",
    "ghcr.io",
    "quay.io",
    "k8s.gcr.io",
    "mcr.microsoft.com",
    "us-docker.pkg.dev",
    "registry.access.redhat.com",
    "docker.elastic.co",
    "public.ecr.aws",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_means_a_release() {
        let of = |reference: &str| resolve(reference).unwrap().release(reference);
        for (reference, release) in [
            ("nginx:1.27", "1.27.5"),
            ("nginx:1.27.3-alpine", "1.27.3"),
            ("nginx", "1.29.4"),
            ("nginx:stable", "1.28.1"),
            ("nginx:mainline-alpine", "1.29.4"),
            ("redis:7", "7.4.7"),
        ] {
            assert_eq!(of(reference).as_deref(), Some(release), "{reference}");
        }
        assert_eq!(of("alpine:3.20"), None);
    }

    #[test]
    fn a_repository_has_one_row() {
        let rows: Vec<Image> = serde_yaml::from_str(include_str!("../../../assets/nodes/images.yaml")).unwrap();
        let mut names: Vec<String> = rows
            .iter()
            .flat_map(|image| std::iter::once(&image.name).chain(&image.also))
            .map(|name| repository(name))
            .collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn references_find_their_image_or_say_why_not() {
        assert!(!table().is_empty(), "the data reads");
        for known in [
            "nginx",
            "nginx:1.27",
            "nginx:1.25.3-alpine",
            "docker.io/nginx",
            "registry.k8s.io/pause:3.10",
            "k8s.gcr.io/echoserver:1.4",
            "ghcr.io/stefanprodan/podinfo",
        ] {
            assert!(resolve(known).is_ok(), "{known}");
        }
        // The mistyped tag of the documentation's page about Deployments.
        for unknown in ["nginx:1.161", "nginx:1.27.9", "nginx:1.", "nginx:1.99", "busybox:1.99", "httpd:3", "redis:7.9"]
        {
            assert_eq!(resolve(unknown).err(), Some(Missing::Tag), "{unknown}");
        }
        for known in [
            "nginx:1",
            "nginx:1.16.1",
            "nginx:1.7.9",
            "busybox:1.28",
            "httpd:2.4-alpine",
            "redis:7-alpine",
            "debian:12",
            "alpine:3",
        ] {
            assert!(resolve(known).is_ok(), "{known}");
        }
        assert_eq!(resolve("nginx:1.99-nope").err(), Some(Missing::Tag));
        assert_eq!(resolve("nginxx").err(), Some(Missing::Repository));
        assert_eq!(resolve("registry.example.com/app:1").err(), Some(Missing::Host));
        for wrong in ["Nginx", "nginx:1.25:latest", "nginx:", "nginx@sha256:abc"] {
            assert!(matches!(resolve(wrong), Err(Missing::InvalidName(_))), "{wrong}");
        }
        assert_eq!(canonical("nginx"), "docker.io/library/nginx:latest");
    }
}
