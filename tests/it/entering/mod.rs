//! Going into a node, with a small cluster that only answers the socket: what is found there, and what cannot be done from there.
//! What the commands of a node do is tested with the cluster. A machine whose kernel gives no namespaces has nothing to test here, and says so.

mod fallback;
mod inside;
mod safety;
mod session;

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use kubedrill::sim::shell::protocol::{Channel, Entrance, Request, receive, send};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// The user called nobody, who owns nothing.
const NOBODY: u32 = 65534;

/// A node's folder, a socket that answers for it, and who goes in.
pub struct Ground {
    folder: tempfile::TempDir,
    user: Option<u32>,
}

/// A ground for each user there is: when tests run as root, somebody without rights, too. None where nobody gets in.
pub fn grounds() -> Vec<Ground> {
    let root = rustix::process::geteuid().is_root();
    let users: &[Option<u32>] = if root { &[None, Some(NOBODY)] } else { &[None] };
    let grounds: Vec<Ground> = users.iter().map(|user| Ground::new(*user)).collect();
    static TRIED: OnceLock<bool> = OnceLock::new();
    let has_namespaces = *TRIED.get_or_init(|| {
        let tried = Command::new("unshare").args(["-Urmpf", "--mount-proc", "true"]).status();
        tried.is_ok_and(|status| status.success())
    });
    if has_namespaces {
        return grounds;
    }
    assert!(std::env::var_os("CI").is_none(), "the kernel gives no namespaces, and in CI it has to");
    eprintln!("the kernel gives no namespaces here: nothing is tested");
    Vec::new()
}

impl Ground {
    fn new(user: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("machines/controlplane");
        for path in ["etc/kubernetes", "var/lib", "opt", "root", "tmp", "home", "run", "usr/local/bin"] {
            std::fs::create_dir_all(root.join(path)).unwrap();
        }
        std::fs::write(root.join("root/.bashrc"), "alias k=kubectl\n").unwrap();
        std::fs::write(root.join("etc/hostname"), "controlplane\n").unwrap();
        std::fs::write(root.join("etc/kubernetes/admin.conf"), "kind: Config\n").unwrap();
        std::fs::write(folder.path().join("secret"), "of another cluster").unwrap();
        let listener = std::os::unix::net::UnixListener::bind(folder.path().join("machines/nodes.sock")).unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { listen(UnixListener::from_std(listener).unwrap(), root).await });
        });
        if let Some(user) = user {
            own(folder.path(), user);
        }
        Self { folder, user }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn is_root(&self) -> bool {
        self.user.is_none() && rustix::process::geteuid().is_root()
    }

    /// A path of the node on this machine.
    pub fn on_disk(&self, path: &str) -> PathBuf {
        self.path().join("machines/controlplane").join(path.trim_start_matches('/'))
    }

    /// The program with arguments, as the ground's user.
    pub fn program(&self, args: &[&str]) -> Command {
        self.called(Path::new(env!("CARGO_BIN_EXE_kubedrill")), args)
    }

    pub fn called(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = match self.user {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                let user = user.to_string();
                command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]).arg(program);
                command
            }
        };
        command
            .args(args)
            .env("KUBEDRILL_HOME", self.path().join("home"))
            .env("KUBEDRILL_NODES", self.path().join("machines/nodes.sock"))
            .env_remove("KUBEDRILL_SESSION")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command on the node.
    pub fn ended(&self, line: &str) -> Output {
        self.program(&["ssh", "controlplane", "--", line]).output().unwrap()
    }

    /// What a command prints that ends well.
    pub fn prints(&self, line: &str) -> String {
        let ended = self.ended(line);
        let err = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{line} as {:?}: {:?}\n{err}", self.user, ended.status);
        String::from_utf8(ended.stdout).unwrap()
    }

    /// What a command says that fails.
    pub fn refuses(&self, line: &str) -> String {
        let ended = self.ended(line);
        assert!(!ended.status.success(), "{line} as {:?} ended well", self.user);
        assert_ne!(ended.status.code(), Some(255), "nobody got in: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stderr).unwrap()
    }
}

fn own(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).unwrap() {
            own(&entry.unwrap().path(), user);
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

async fn listen(listener: UnixListener, root: PathBuf) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, root.clone()));
    }
}

async fn answer(stream: UnixStream, root: PathBuf) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let mut line = String::new();
    reading.read_line(&mut line).await?;
    let told = match serde_json::from_str(&line)? {
        Request::Nodes => serde_json::json!(["controlplane"]),
        Request::Enter { node } if node != "controlplane" => serde_json::json!({ "refused": "there is no such node" }),
        Request::Enter { node } => {
            let commands = ["systemctl", "journalctl", "crictl", "kubelet", "kill"].map(str::to_owned).to_vec();
            serde_json::json!(Entrance { node, root, commands })
        }
        Request::Run { node, words, cwd, .. } => match words[0].as_str() {
            // Says what it is asked, and ends as systemctl does for a unit that does not run.
            "systemctl" => {
                send(&mut writing, Channel::Stdout, format!("{node} {cwd} {}\n", words.join(" ")).as_bytes()).await?;
                send(&mut writing, Channel::Stderr, b"on the other channel\n").await?;
                return send(&mut writing, Channel::Exit, &[3]).await;
            }
            // Never ends by itself, only when it is interrupted.
            "journalctl" => loop {
                send(&mut writing, Channel::Stdout, b"a line\n").await?;
                tokio::select! {
                    frame = receive(&mut reading) => if frame?.0 == Channel::Interrupt {
                        return send(&mut writing, Channel::Exit, &[130]).await;
                    },
                    () = tokio::task::yield_now() => {}
                }
            },
            // Gives back what is typed, once it says that it reads.
            "crictl" => {
                send(&mut writing, Channel::Stdin, &[]).await?;
                loop {
                    match receive(&mut reading).await? {
                        (Channel::Stdin, bytes) if bytes.is_empty() => {
                            return send(&mut writing, Channel::Exit, &[0]).await;
                        }
                        (Channel::Stdin, bytes) => send(&mut writing, Channel::Stdout, &bytes).await?,
                        _ => {}
                    }
                }
            }
            // Knows one process, and leaves the others to the machine's own.
            "kill" if words.last().is_some_and(|pid| pid != "4711") => {
                return send(&mut writing, Channel::Instead, &[]).await;
            }
            "kill" => {
                send(&mut writing, Channel::Stdout, format!("{}\n", words.join(" ")).as_bytes()).await?;
                return send(&mut writing, Channel::Exit, &[0]).await;
            }
            // Reads nothing.
            _ => return send(&mut writing, Channel::Exit, &[0]).await,
        },
    };
    writing.write_all(format!("{told}\n").as_bytes()).await
}
