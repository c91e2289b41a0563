//! `etcdctl` and `etcdutl` of the host, for a node of a cluster that a real etcd holds. They see copies of the node's files, laid below a
//! folder of their own, and what they write is copied back: nothing of the host's is within their reach, whatever paths they are given.
//! The simulated programs of the same names stand beside this file and in `etcdutl`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::super::etcdutl;
use super::{GLOBAL, OWN};
use crate::sim::machine::etcd::Real;
use crate::sim::machine::root::Root;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

/// Flags that name files the programs read.
const READ: [&str; 3] = ["cacert", "cert", "key"];
/// Flags that name directories.
const DIRECTORIES: [&str; 2] = ["data-dir", "wal-dir"];
/// Commands of both programs that reach nothing but etcd and what is named by the flags above, or stands last after `snapshot` and `hashkv`.
/// Others would run commands of this machine (`watch`, `lock`) or write where they are told to (`backup`).
const ALLOWED: [&str; 21] = [
    "alarm",
    "auth",
    "check",
    "compaction",
    "completion",
    "defrag",
    "del",
    "downgrade",
    "endpoint",
    "get",
    "hashkv",
    "help",
    "lease",
    "member",
    "move-leader",
    "put",
    "role",
    "snapshot",
    "txn",
    "user",
    "version",
];
/// Nobody listens here: where an etcd is asked for that does not run.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);
/// The port kubeadm's etcd listens at.
const PORT: u16 = 2379;

/// Runs one of them.
pub async fn run(mut call: Call, real: Arc<dyn Real>) -> u8 {
    if let Err(why) = words(&call) {
        call.complain(format_args!("Error: {why}"));
        return 1;
    }
    real.level().await;
    let address = real.address().await.unwrap_or(NOBODY);
    let name = call.words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word)).to_owned();
    let code = match staged(&mut call, real.program(&name), address).await {
        Ok(code) => code,
        Err(error) => {
            call.complain(format_args!("Error: {error}"));
            1
        }
    };
    real.level().await;
    code
}

/// The node's files as the programs see them: copies below a folder.
struct Stage<'a> {
    root: &'a Root,
    folder: tempfile::TempDir,
    /// Paths of files and directories that are copied back.
    written: Vec<String>,
}

impl Stage<'_> {
    fn place(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path.trim_start_matches('/'))
    }

    fn make_parent(&self, path: &str) -> io::Result<()> {
        let place = self.place(path);
        place.parent().map_or(Ok(()), std::fs::create_dir_all)
    }

    /// Copies a file in, where it is there.
    fn read(&self, path: &str) -> io::Result<()> {
        let Ok(bytes) = self.root.read(path) else { return Ok(()) };
        self.make_parent(path)?;
        std::fs::write(self.place(path), bytes)
    }

    /// Has a file copied back that is to be written.
    fn write(&mut self, path: &str) -> io::Result<()> {
        let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        if self.root.is_dir(folder) || folder.is_empty() {
            self.make_parent(path)?;
        }
        self.written.push(path.to_owned());
        Ok(())
    }

    /// Copies a directory in and has it copied back.
    fn directory(&mut self, path: &str) -> io::Result<()> {
        self.make_parent(path)?;
        self.copy_in(path)?;
        self.written.push(path.to_owned());
        Ok(())
    }

    fn copy_in(&self, path: &str) -> io::Result<()> {
        if !self.root.is_dir(path) {
            return self.read(path);
        }
        std::fs::create_dir_all(self.place(path))?;
        self.root
            .list(path)?
            .iter()
            .try_for_each(|name| self.copy_in(&format!("{}/{name}", path.trim_end_matches('/'))))
    }

    fn copy_back(&self) -> io::Result<()> {
        self.written.iter().try_for_each(|path| self.copy_out(path))
    }

    fn copy_out(&self, path: &str) -> io::Result<()> {
        let place = self.place(path);
        if place.is_dir() {
            self.root.make_dir(path, 0o700)?;
            for entry in std::fs::read_dir(place)? {
                self.copy_out(&format!("{path}/{}", entry?.file_name().to_string_lossy()))?;
            }
            return Ok(());
        }
        match std::fs::read(place) {
            Ok(bytes) => self.root.write(path, &bytes, 0o600),
            // What was to be written was not.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// An argument that is a flag with a value in it: its name and the value.
fn flag(arg: &str) -> Option<(&str, &str)> {
    arg.strip_prefix("--")?.split_once('=')
}

/// The words of a call that belong to no flag; an error where it is none of those that stay on the machine.
fn words(call: &Call) -> Result<Vec<String>, String> {
    let words = Flags::read(call.args(), &[GLOBAL, OWN, etcdutl::KNOWN])?.rest;
    match words.first() {
        Some(command) if !ALLOWED.contains(&command.as_str()) => {
            Err(format!("{command} is not to be had on a node of this practice cluster"))
        }
        _ => Ok(words),
    }
}

/// A path from the node's root, with nothing in it that leads up.
fn whole(call: &Call, path: &str) -> String {
    let mut parts = Vec::new();
    for part in call.path(path).split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part.to_owned()),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The paths that are named, laid out; and the arguments with the paths as they are there.
fn lay(call: &Call, stage: &mut Stage) -> io::Result<Vec<String>> {
    // A flag and its value are looked at as one.
    let (mut args, mut pending) = (Vec::<String>::new(), false);
    for arg in call.args() {
        match args.last_mut().filter(|_| pending) {
            Some(last) => {
                last.push('=');
                last.push_str(arg);
                pending = false;
            }
            None => {
                let name = arg.strip_prefix("--").unwrap_or_default();
                pending = READ.contains(&name) || DIRECTORIES.contains(&name) || name == "endpoints";
                args.push(arg.clone());
            }
        }
    }
    let words = words(call).map_err(io::Error::other)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let file = match words[..] {
        ["snapshot", verb, path] => Some((verb, path)),
        ["hashkv", path] => Some(("hashkv", path)),
        _ => None,
    };
    for arg in &mut args {
        let found = flag(arg).map(|(name, value)| (name.to_owned(), value.to_owned()));
        if let Some((name, value)) = found {
            let path = whole(call, &value);
            if READ.contains(&name.as_str()) {
                stage.read(&path)?;
            } else if DIRECTORIES.contains(&name.as_str()) {
                stage.directory(&path)?;
            } else {
                continue;
            }
            *arg = format!("--{name}={}", stage.place(&path).display());
        } else if let Some((verb, path)) = file.filter(|(_, path)| path == arg) {
            let whole = whole(call, path);
            if verb == "save" {
                stage.write(&whole)?
            } else {
                stage.read(&whole)?
            };
            *arg = stage.place(&whole).display().to_string();
        }
    }
    if matches!(words[..], ["snapshot", "restore", _]) && !args.iter().any(|arg| arg.starts_with("--data-dir=")) {
        let name = args.iter().filter_map(|arg| flag(arg)).find(|(name, _)| *name == "name");
        let directory = whole(call, &format!("{}.etcd", name.map_or("default", |(_, name)| name)));
        stage.directory(&directory)?;
        args.push(format!("--data-dir={}", stage.place(&directory).display()));
    }
    Ok(args)
}

/// Texts of the node and what stands for them on the host: addresses of etcd, paths.
struct Names {
    /// How an etcd is called on the node, and where it is; of several for one place the first is how it is shown.
    called: Vec<(String, String)>,
    folder: String,
}

impl Names {
    fn of(call: &Call, address: SocketAddr, folder: &Path) -> Self {
        let planes = call.inside.machines.all();
        let plane = planes.iter().find(|machine| machine.control_plane);
        let names = plane.map(|machine| [machine.address.clone(), machine.name.clone()]).into_iter().flatten();
        // What is here is the cluster's etcd only on the machine where that runs, and never this machine's own.
        let here = if call.machine.control_plane { address } else { NOBODY };
        let here = ["127.0.0.1", "localhost", "[::1]"].map(|name| (name.to_owned(), here.to_string()));
        let there = names.map(|name| (name, address.to_string()));
        let called = here.into_iter().chain(there).map(|(name, host)| (format!("{name}:{PORT}"), host)).collect();
        Self { called, folder: folder.display().to_string() }
    }

    fn to_host(&self, text: &str) -> String {
        self.called.iter().fold(text.to_owned(), |text, (name, host)| text.replace(name.as_str(), host))
    }

    fn to_node(&self, text: &str) -> String {
        self.called.iter().fold(text.replace(&self.folder, ""), |text, (name, host)| text.replace(host.as_str(), name))
    }
}

async fn staged(call: &mut Call, program: &Path, address: SocketAddr) -> io::Result<u8> {
    let (machines, machine) = (call.inside.machines.clone(), call.machine.clone());
    let mut stage = Stage { root: machines.files(&machine)?, folder: tempfile::tempdir()?, written: Vec::new() };
    let mut args = lay(call, &mut stage)?;
    let names = Names::of(call, address, stage.folder.path());
    for arg in args.iter_mut().filter(|arg| arg.starts_with("--endpoints=")) {
        *arg = names.to_host(arg);
    }
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("ETCDCTL_API", "3");
    for (name, value) in call.env.iter().filter(|(name, _)| name.starts_with("ETCDCTL_")) {
        let file = READ.iter().any(|flag| *name == format!("ETCDCTL_{}", flag.to_uppercase()));
        if file {
            stage.read(&whole(call, value))?;
            command.env(name, stage.place(&whole(call, value)));
        } else {
            command.env(name, names.to_host(value));
        }
    }
    let asks = |arg: &String| arg.starts_with("--endpoints");
    if call.env("ETCDCTL_ENDPOINTS").is_none() && !args.iter().any(asks) {
        command.env("ETCDCTL_ENDPOINTS", names.to_host(&format!("127.0.0.1:{PORT}")));
    }
    command.args(&args).current_dir(stage.folder.path()).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let words = words(call).map_err(io::Error::other)?;
    let reads = words.first().is_some_and(|verb| verb == "txn" || verb == "put" && words.len() == 2);
    if let Some(mut stdin) = stdin.filter(|_| reads) {
        stdin.write_all(&call.stdin().await).await?;
    }
    let (said, complained) = tokio::join!(
        lines(stdout, |line| call.bytes(names.to_node(&line).into_bytes())),
        lines(stderr, |line| call.errors(names.to_node(&line).into_bytes()))
    );
    said.and(complained)?;
    let status = child.wait().await?;
    stage.copy_back()?;
    Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}

/// Hands on what a program says, line by line.
async fn lines(from: Option<impl AsyncRead + Unpin>, hand_on: impl Fn(String)) -> io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).await? > 0 {
        hand_on(String::from_utf8_lossy(&line).into_owned());
        line.clear();
    }
    Ok(())
}
