//! The packages of a machine, kept where Debian keeps them: `/var/lib/dpkg/status`, `/var/lib/apt/lists`, `/etc/apt`.
//! The commands that change them are the shell's.

pub mod offers;
mod stanza;
pub mod version;

use std::io;

pub use self::stanza::Stanza;
use super::root::Root;
use offers::{Answer, Source};

/// Where dpkg keeps what is installed.
pub const STATUS: &str = "/var/lib/dpkg/status";

const UBUNTU: &str = "Types: deb\nURIs: http://archive.ubuntu.com/ubuntu/\nSuites: noble noble-updates\nComponents: main universe\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n\nTypes: deb\nURIs: http://security.ubuntu.com/ubuntu/\nSuites: noble-security\nComponents: main universe\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n";

/// The line that names Kubernetes' repository of a minor version.
pub fn line(minor: &str) -> String {
    format!("deb [signed-by={}] https://pkgs.k8s.io/core:/stable:/v{minor}/deb/ /\n", offers::KEYRING)
}

/// The installed packages.
#[derive(Clone, Debug)]
pub struct Installed(Vec<Stanza>);

impl Installed {
    /// Those of a machine, by name.
    pub fn of(root: &Root) -> Self {
        let mut all = Stanza::all(&root.text(STATUS).unwrap_or_default());
        all.sort_by(|one, other| one.name().cmp(other.name()));
        Self(all)
    }

    /// All of them.
    pub fn all(&self) -> &[Stanza] {
        &self.0
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&Stanza> {
        self.0.iter().find(|stanza| stanza.name() == name)
    }

    /// Its version.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.get(name).map(Stanza::version)
    }

    /// Whether it is to stay as it is.
    pub fn is_held(&self, name: &str) -> bool {
        self.get(name).is_some_and(|stanza| stanza.get("Status").starts_with("hold "))
    }

    /// Holds a package, or lets it go.
    pub fn hold(&mut self, name: &str, held: bool) {
        let word = if held { "hold" } else { "install" };
        for stanza in self.0.iter_mut().filter(|stanza| stanza.name() == name) {
            *stanza = stanza.clone().with("Status", format_args!("{word} ok installed"));
        }
    }

    /// Puts a package in the place of the one of its name. A hold stays.
    pub fn put(&mut self, stanza: Stanza) {
        let held = self.is_held(stanza.name());
        let name = stanza.name().to_owned();
        self.remove(&name);
        self.0.push(stanza.without("Filename").without("Size"));
        self.hold(&name, held);
        self.0.sort_by(|one, other| one.name().cmp(other.name()));
    }

    /// Takes a package away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|stanza| stanza.name() != name);
    }

    /// Writes them down.
    pub fn save(&self, root: &Root) -> io::Result<()> {
        let text: Vec<String> = self.0.iter().map(Stanza::text).collect();
        root.write(STATUS, text.join("\n").as_bytes(), 0o644)
    }
}

/// The version of Kubernetes that an installed program of a machine says it has (`v1.35.4`).
pub fn program_version(root: &Root, package: &str) -> Option<String> {
    let installed = Installed::of(root);
    let version = installed.version(package)?;
    Some(format!("v{}", version.rsplit_once('-').map_or(version, |(upstream, _)| upstream)))
}

/// What a node knows can be had, as its last `apt-get update` left it: each package with where it comes from.
pub fn known(root: &Root) -> Vec<(Stanza, Source)> {
    let of = |source: Source| {
        let text = root.text(&source.file()).unwrap_or_default();
        Stanza::all(&text).into_iter().map(move |stanza| (stanza, source.clone())).collect::<Vec<_>>()
    };
    Source::all(root).into_iter().flat_map(of).collect()
}

/// Writes down what a repository offers.
pub fn keep(root: &Root, source: &Source, offered: &[Stanza]) -> io::Result<()> {
    let text: Vec<String> = offered.iter().map(Stanza::text).collect();
    root.write(&source.file(), text.join("\n").as_bytes(), 0o644)
}

/// Lays the packages of a fresh machine of a cluster of `version`: those of Kubernetes are held, as its documentation has it done.
pub(super) fn lay(root: &Root, version: &str) -> io::Result<()> {
    let minor: Vec<&str> = version.trim_start_matches('v').split('.').take(2).collect();
    root.write("/etc/apt/sources.list.d/ubuntu.sources", UBUNTU.as_bytes(), 0o644)?;
    root.write(offers::LIST, line(&minor.join(".")).as_bytes(), 0o644)?;
    root.write(offers::KEYRING, b"kubernetes\n", 0o644)?;
    let all = offers::fresh(version).into_iter().map(|stanza| {
        let held = matches!(stanza.name(), "kubeadm" | "kubectl" | "kubelet");
        let word = if held { "hold" } else { "install" };
        stanza.with("Status", format_args!("{word} ok installed"))
    });
    Installed(all.collect()).save(root)?;
    for source in Source::all(root) {
        if let Answer::Packages(offered) = source.ask(root) {
            keep(root, &source, &offered)?;
        }
    }
    Ok(())
}
