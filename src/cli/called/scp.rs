//! `scp` between the learner's files and nodes'.
//! On the nodes it is files of their folders that are read and written; links there lead where they would on the node.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use super::{failed, ssh, unknown, waited};
use crate::cluster::Way;
use crate::cluster::entry::{self, Containers, Place, Root};

/// Options with a value of their own (scp(1)).
const VALUED: &str = "cDFiJlOoPSX";

/// One end of a copy.
#[derive(Clone)]
enum End {
    Here(PathBuf),
    /// The path is the node's own, absolute.
    There(Rc<Root>, String),
}

/// Runs it.
pub fn run(words: &[String], place: Option<Place>) -> ExitCode {
    let (paths, recursive) = parse(words);
    let Some((target, sources)) = paths.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return failed("usage: scp [-pqrv] source ... target");
    };
    let done = waited(async {
        if let Some(containers) = containers(&paths).await {
            return sources.iter().try_for_each(|source| {
                containers.copy(&plain(source), &plain(target)).map_err(|error| format!("scp: {error}"))
            });
        }
        let target = End::of(target, place.as_ref()).await?;
        if sources.len() > 1 && !target.is_dir() {
            return Err(format!("scp: {}: Not a directory", target.name()));
        }
        for source in sources {
            let source = End::of(source, place.as_ref()).await?;
            if source.is_dir() && !recursive {
                return Err(format!("scp: {}: not a regular file", source.name()));
            }
            let onto = if target.is_dir() { target.within(&source.last()) } else { target.clone() };
            copy(&source, &onto)?;
        }
        Ok(())
    });
    match done {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(why)) => failed(&why),
        Err(error) => failed(&format!("scp: {error}")),
    }
}

/// The nodes of a cluster of kind, where that is whose node is named.
async fn containers(paths: &[&String]) -> Option<Containers> {
    let hosts = paths.iter().filter_map(|path| path.split_once(':').filter(|(host, _)| !host.contains('/')));
    for (host, _) in hosts {
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        if let Some(Way::Kind(cluster)) = ssh::known(host, None).await {
            return Containers::of(&cluster).await.ok();
        }
    }
    None
}

/// A path without a user: `NODE:PATH`.
fn plain(path: &str) -> String {
    let rest = path.split_once('@').filter(|(user, rest)| !user.contains(['/', ':']) && rest.contains(':'));
    rest.map_or(path, |(_, rest)| rest).to_owned()
}

fn parse(words: &[String]) -> (Vec<&String>, bool) {
    let (mut paths, mut recursive, mut words) = (Vec::new(), false, words.iter());
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some("-") => paths.extend(words.by_ref()),
            Some(letters) if !letters.is_empty() => {
                recursive |= letters.contains('r');
                if letters.len() == 1 && VALUED.contains(letters) {
                    words.next();
                }
            }
            _ => paths.push(word),
        }
    }
    (paths, recursive)
}

fn copy(from: &End, to: &End) -> Result<(), String> {
    if from.is_dir() {
        to.make_dir().map_err(|error| format!("scp: {}: {}", to.name(), words_of(&error)))?;
        let names = from.list().map_err(|error| format!("scp: {}: {}", from.name(), words_of(&error)))?;
        return names.iter().try_for_each(|name| copy(&from.within(name), &to.within(name)));
    }
    let (bytes, mode) = from.read().map_err(|error| format!("scp: {}: {}", from.name(), words_of(&error)))?;
    to.write(&bytes, mode).map_err(|error| format!("scp: {}: {}", to.name(), words_of(&error)))
}

/// The system's words for an error, without its number.
fn words_of(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl End {
    /// `[USER@]NODE:PATH` or a path of this machine. A relative one begins at root's home.
    async fn of(text: &str, place: Option<&Place>) -> Result<Self, String> {
        let Some((host, path)) = text.split_once(':').filter(|(host, _)| !host.contains('/')) else {
            return Ok(Self::Here(text.into()));
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let Some(Way::Socket(socket)) = ssh::known(host, place).await else { return Err(unknown(host)) };
        if place.is_some() {
            return Err(format!("ssh: connect to host {host} port 22: Connection refused"));
        }
        let entrance = entry::entrance(&socket, host).await.map_err(|error| format!("scp: {host}: {error}"))?;
        let root = Root::open(&entrance.root).map_err(|error| format!("scp: {host}: {error}"))?;
        let path = path.strip_prefix("~/").unwrap_or(if path == "~" { "" } else { path });
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/root/{path}") };
        Ok(Self::There(Rc::new(root), path))
    }

    fn name(&self) -> String {
        match self {
            Self::Here(path) => path.display().to_string(),
            Self::There(_, path) => path.clone(),
        }
    }

    fn last(&self) -> String {
        let path = self.name();
        Path::new(&path).file_name().map_or(path.clone(), |name| name.to_string_lossy().into_owned())
    }

    fn within(&self, name: &str) -> Self {
        match self {
            Self::Here(path) => Self::Here(path.join(name)),
            Self::There(root, path) => Self::There(root.clone(), format!("{}/{name}", path.trim_end_matches('/'))),
        }
    }

    fn is_dir(&self) -> bool {
        match self {
            Self::Here(path) => path.is_dir(),
            Self::There(root, path) => root.is_dir(path),
        }
    }

    fn make_dir(&self) -> io::Result<()> {
        match self {
            Self::Here(path) => fs::create_dir_all(path),
            Self::There(root, path) => root.make_dir(path, 0o755),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        match self {
            Self::There(root, path) => root.list(path),
            Self::Here(path) => {
                fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
            }
        }
    }

    fn read(&self) -> io::Result<(Vec<u8>, u32)> {
        match self {
            Self::Here(path) => Ok((fs::read(path)?, fs::metadata(path)?.permissions().mode() & 0o7777)),
            Self::There(root, path) => Ok((root.read(path)?, root.stat(path)?.st_mode & 0o7777)),
        }
    }

    /// What leads to it has to be there, as for scp.
    fn write(&self, bytes: &[u8], mode: u32) -> io::Result<()> {
        match self {
            Self::Here(path) => {
                fs::write(path, bytes)?;
                fs::set_permissions(path, fs::Permissions::from_mode(mode))
            }
            Self::There(root, path) => {
                let above = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(above, _)| above);
                if !root.is_dir(if above.is_empty() { "/" } else { above }) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                root.write(path, bytes, mode)
            }
        }
    }
}
