//! Where Kubedrill keeps things on this machine.
//! `KUBEDRILL_HOME` puts all of it under one folder, as tests and careful people want.

use std::path::PathBuf;

/// The folders of one user. None is made until somebody writes there.
#[derive(Clone, Debug)]
pub struct Dirs {
    /// Installed packs.
    pub data: PathBuf,
    /// History, sessions and labs: what must not be lost.
    pub state: PathBuf,
    /// What can be made again.
    pub cache: PathBuf,
    /// What the user set.
    pub config: PathBuf,
}

impl Dirs {
    /// The folders of this user, or `None` when there is neither `KUBEDRILL_HOME` nor a home directory.
    pub fn of_user() -> Option<Self> {
        if let Some(home) = std::env::var_os("KUBEDRILL_HOME").filter(|home| !home.is_empty()) {
            return Some(Self::under(PathBuf::from(home)));
        }
        let project = directories::ProjectDirs::from("", "", "kubedrill")?;
        Some(Self {
            data: project.data_dir().to_owned(),
            state: project.state_dir().unwrap_or(project.data_local_dir()).to_owned(),
            cache: project.cache_dir().to_owned(),
            config: project.config_dir().to_owned(),
        })
    }

    /// All folders under one.
    pub fn under(home: PathBuf) -> Self {
        Self {
            data: home.join("data"),
            state: home.join("state"),
            cache: home.join("cache"),
            config: home.join("config"),
        }
    }
}
