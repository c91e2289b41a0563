//! What package repositories offer, as data (`assets/machine/packages.yaml`), and which of them a node asks: its files below `/etc/apt`.
//! What a node has installed is `mod.rs`'s.

use std::sync::OnceLock;

use serde::Deserialize;

use super::stanza::Stanza;
use crate::sim::machine::root::Root;

/// The key that Kubernetes' repositories are signed with, where kubeadm's documentation has it put.
pub const KEYRING: &str = "/etc/apt/keyrings/kubernetes-apt-keyring.gpg";

/// Where a node says which repository of Kubernetes it uses.
pub const LIST: &str = "/etc/apt/sources.list.d/kubernetes.list";

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Data {
    kubernetes: Vec<Minor>,
    packages: Vec<Kind>,
    distribution: Vec<Kind>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Minor {
    minor: String,
    patches: u32,
    etcd: String,
    coredns: String,
    cri_tools: Vec<String>,
    kubernetes_cni: Vec<String>,
}

#[derive(Deserialize)]
struct Kind {
    name: String,
    #[serde(default)]
    version: String,
    section: String,
    archive: u64,
    installed: u64,
    #[serde(default)]
    depends: String,
    #[serde(default)]
    there: bool,
    summary: String,
}

fn data() -> &'static Data {
    static DATA: OnceLock<Data> = OnceLock::new();
    DATA.get_or_init(|| {
        serde_yaml::from_str(include_str!("../../../../assets/machine/packages.yaml"))
            .expect("constant: assets/machine/packages.yaml")
    })
}

impl Kind {
    fn stanza(&self, version: &str, maintainer: &str) -> Stanza {
        let stanza = Stanza::default()
            .with("Package", &self.name)
            .with("Version", version)
            .with("Priority", "optional")
            .with("Section", &self.section)
            .with("Maintainer", maintainer)
            .with("Architecture", "amd64")
            .with("Installed-Size", self.installed);
        let stanza = if self.depends.is_empty() { stanza } else { stanza.with("Depends", &self.depends) };
        let file = format!("amd64/{}_{version}_amd64.deb", self.name);
        stanza.with("Filename", file).with("Size", self.archive * 1000).with("Description", &self.summary)
    }
}

impl Minor {
    fn versions(&self, package: &str) -> Vec<String> {
        match package {
            "cri-tools" => self.cri_tools.clone(),
            "kubernetes-cni" => self.kubernetes_cni.clone(),
            _ => (0..=self.patches).rev().map(|patch| format!("{}.{patch}-1.1", self.minor)).collect(),
        }
    }

    fn stanzas(&self) -> Vec<Stanza> {
        let of = |kind: &Kind| {
            let stanza = |version: &String| kind.stanza(version, "Kubernetes Authors <dev@kubernetes.io>");
            self.versions(&kind.name).iter().map(stanza).collect::<Vec<_>>()
        };
        data().packages.iter().flat_map(of).collect()
    }
}

/// The newest release of a minor version (`1.34`, `v1.34`), or the very release named (`1.34.2`), as `v1.34.2`, if there is one.
pub fn release(asked: &str) -> Option<String> {
    let asked = asked.strip_prefix('v').unwrap_or(asked);
    data().kubernetes.iter().find_map(|minor| {
        if asked == minor.minor {
            return Some(format!("v{}.{}", minor.minor, minor.patches));
        }
        let patch: u32 = asked.strip_prefix(&minor.minor)?.strip_prefix('.')?.parse().ok()?;
        (patch <= minor.patches).then(|| format!("v{asked}"))
    })
}

/// The tags of the images that do not follow the version of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    pub etcd: String,
    pub coredns: String,
}

/// What kubeadm of a version (`v1.35.4`) installs besides. Source: `cmd/kubeadm/app/constants/constants.go`.
pub fn parts(version: &str) -> Parts {
    let of = |minor: &&Minor| version.trim_start_matches('v').starts_with(&format!("{}.", minor.minor));
    let found = data().kubernetes.iter().find(of);
    found.map(|minor| Parts { etcd: minor.etcd.clone(), coredns: minor.coredns.clone() }).unwrap_or_default()
}

/// The newest release of all.
pub fn newest() -> String {
    data().kubernetes.last().map(|minor| format!("v{}.{}", minor.minor, minor.patches)).unwrap_or_default()
}

/// What is installed on a fresh node of a cluster of `version` (`v1.35.4`).
pub fn fresh(version: &str) -> Vec<Stanza> {
    let version = version.trim_start_matches('v');
    let minor = data().kubernetes.iter().find(|minor| version.starts_with(&format!("{}.", minor.minor)));
    let own = minor.into_iter().flat_map(|minor| {
        data().packages.iter().filter_map(|kind| {
            let newest = minor.versions(&kind.name).into_iter().next()?;
            let follows = matches!(kind.name.as_str(), "kubeadm" | "kubectl" | "kubelet");
            let version = if follows { format!("{version}-1.1") } else { newest };
            Some(kind.stanza(&version, "Kubernetes Authors <dev@kubernetes.io>"))
        })
    });
    let distribution = data().distribution.iter().filter(|kind| kind.there);
    own.chain(distribution.map(ubuntu)).map(|stanza| stanza.without("Filename").without("Size")).collect()
}

fn ubuntu(kind: &Kind) -> Stanza {
    kind.stanza(&kind.version, "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>")
}

/// A repository a node asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its address, `/` at its end.
    pub uri: String,
    /// What stands after the address: `/`, or a suite.
    pub suite: String,
    pub components: Vec<String>,
    /// The file with its key, if the line names one.
    pub signed_by: Option<String>,
}

/// What a repository answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Packages(Vec<Stanza>),
    /// It has no such folder.
    Forbidden,
    /// Its key is not known.
    Unsigned,
    /// There is no such host.
    Unknown,
}

impl Source {
    /// Reads a line of a `.list` file.
    fn of_line(line: &str) -> Option<Self> {
        let line = line.split('#').next().unwrap_or_default().trim();
        let mut rest = line.strip_prefix("deb ")?.trim();
        let mut signed_by = None;
        if let Some((options, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            signed_by = options.split_whitespace().find_map(|one| one.strip_prefix("signed-by=")).map(str::to_owned);
            rest = after.trim();
        }
        let mut words = rest.split_whitespace().map(str::to_owned);
        let (uri, suite) = (words.next()?, words.next()?);
        let uri = format!("{}/", uri.trim_end_matches('/'));
        Some(Self { uri, suite, components: words.collect(), signed_by })
    }

    /// Reads a paragraph of a `.sources` file.
    fn of_stanza(stanza: &Stanza) -> Vec<Self> {
        let words = |field: &str| stanza.get(field).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        if !words("Types").iter().any(|word| word == "deb") || stanza.get("Enabled") == "no" {
            return Vec::new();
        }
        let signed_by = words("Signed-By").into_iter().next();
        let source = |uri: &String, suite: String| Self {
            uri: format!("{}/", uri.trim_end_matches('/')),
            suite,
            components: words("Components"),
            signed_by: signed_by.clone(),
        };
        words("URIs").iter().flat_map(|uri| words("Suites").into_iter().map(move |suite| source(uri, suite))).collect()
    }

    /// All that a node's files name.
    pub fn all(root: &Root) -> Vec<Self> {
        let folder = "/etc/apt/sources.list.d";
        let files = root.list(folder).unwrap_or_default().into_iter().map(|name| format!("{folder}/{name}"));
        let mut all = Vec::new();
        for file in std::iter::once("/etc/apt/sources.list".to_owned()).chain(files) {
            let text = root.text(&file).unwrap_or_default();
            if file.ends_with(".list") {
                all.extend(text.lines().filter_map(Self::of_line));
            } else if file.ends_with(".sources") {
                all.extend(Stanza::all(&text).iter().flat_map(Self::of_stanza));
            }
        }
        all
    }

    /// The file in which apt keeps what the repository offered.
    pub fn file(&self) -> String {
        let path = match self.suite.as_str() {
            "/" => self.uri.clone(),
            suite => format!("{}dists/{suite}/main/binary-amd64/", self.uri),
        };
        let bare = path.split_once("://").map_or(&*path, |(_, bare)| bare);
        format!("/var/lib/apt/lists/{}_Packages", bare.trim_end_matches('/').replace('/', "_"))
    }

    /// How apt writes it where it tells of versions.
    pub fn shown(&self) -> String {
        match (self.suite.as_str(), self.uri.trim_end_matches('/')) {
            ("/", uri) => format!("{uri}  Packages"),
            (suite, uri) => format!("{uri} {suite}/main amd64 Packages"),
        }
    }

    /// The address that answers in the end: Kubernetes' leads to another.
    pub fn answering(&self) -> String {
        let to = "https://prod-cdn.packages.k8s.io/repositories/isv:/kubernetes:/core:";
        self.uri.replace("https://pkgs.k8s.io/core:", to).trim_end_matches('/').to_owned()
    }

    /// The minor version whose repository it is, if it is one of Kubernetes'.
    fn minor(&self) -> Option<&str> {
        let path = self.uri.strip_prefix("https://pkgs.k8s.io/")?;
        Some(path.strip_prefix("core:/stable:/v").and_then(|path| path.strip_suffix("/deb/")).unwrap_or_default())
    }

    /// Asks it.
    pub fn ask(&self, root: &Root) -> Answer {
        if let Some(minor) = self.minor() {
            return match data().kubernetes.iter().find(|known| known.minor == minor) {
                None => Answer::Forbidden,
                Some(_) if !root.exists(self.signed_by.as_deref().unwrap_or("/nowhere")) => Answer::Unsigned,
                Some(minor) => Answer::Packages(minor.stanzas()),
            };
        }
        let host = self.uri.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
        match (host, self.suite.as_str()) {
            ("archive.ubuntu.com", "noble") => Answer::Packages(data().distribution.iter().map(ubuntu).collect()),
            ("archive.ubuntu.com" | "security.ubuntu.com", suite) if suite.starts_with("noble-") => {
                Answer::Packages(Vec::new())
            }
            ("archive.ubuntu.com" | "security.ubuntu.com" | "pkgs.k8s.io", _) => Answer::Forbidden,
            _ => Answer::Unknown,
        }
    }
}
