//! One run of the real etcd: begun over a data directory of a machine, ended with this process at the latest.
//! What it holds is asked through the gateway.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::process::{Child, Command};

use super::programs::Programs;
use crate::sim::machine::etcd::Member;
use crate::sim::machine::root::Root;

/// Runs what follows and ends it when standard input does, which is when the process that holds the other end is gone, however it went.
const KEEPER: &str = r#"exec 3<&0
"$@" </dev/null & etcd=$!
(read -r _ <&3; kill "$etcd") >/dev/null 2>&1 & reader=$!
wait "$etcd"; kill "$reader""#;
/// What it would show to other members; there are none, and nobody else gets in.
const PEER: &str = "/etc/kubernetes/pki/etcd/peer";
/// How long it may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// An etcd that runs.
pub struct Process {
    keeper: Child,
    /// Where clients reach it, on loopback.
    pub address: SocketAddr,
}

/// Ports of etcds: four digits as its usual one has, so that tables which show the address stay in shape.
const PORTS: Range<u16> = 2400..9999;

/// A port of loopback that nobody has now. Several clusters that look at once begin at different ones.
fn free() -> io::Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = std::process::id() as u16 % PORTS.end;
    for _ in PORTS {
        let port = PORTS.start + begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener.local_addr();
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// A data directory on this machine's disk. What etcd would follow out of the machine makes it unusable.
fn directory(root: &Root, path: &str) -> io::Result<std::path::PathBuf> {
    root.make_dir(path, 0o700)?;
    let place = root.place(path)?;
    let mut folders = vec![place.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if !kind.is_file() {
                return Err(io::Error::other(format!("{} is not a plain file", entry.path().display())));
            }
        }
    }
    Ok(place)
}

impl Process {
    /// Starts it as the member of a machine; whether it answers is still to be seen. What it says goes to `log`.
    pub fn start(programs: &Programs, (root, member): (&Root, &Member), log: &Path) -> io::Result<Self> {
        let data = directory(root, &member.data)?;
        let (clients, peers) = (free()?, free()?);
        let advertised = |urls: &[String], port: u16| match urls.first() {
            Some(url) => url.clone(),
            None => format!("https://127.0.0.1:{port}"),
        };
        let peer = advertised(&member.peers, 2380);
        let file = |path: &str| root.place(path);
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh"]).arg(&programs.etcd);
        command.args(["--name", &member.name]).arg("--data-dir").arg(data);
        command.arg(format!("--listen-client-urls=https://{clients}"));
        command.arg(format!("--advertise-client-urls={}", advertised(&member.advertises, 2379)));
        command.arg(format!("--listen-peer-urls=https://{peers}"));
        command.arg(format!("--initial-advertise-peer-urls={peer}"));
        command.arg(format!("--initial-cluster={}={peer}", member.name));
        command.arg("--cert-file").arg(file(&member.certificate)?).arg("--key-file").arg(file(&member.key)?);
        command.arg("--trusted-ca-file").arg(file(&member.trusted)?);
        command.arg(format!("--client-cert-auth={}", member.client_auth));
        command.arg("--peer-cert-file").arg(file(&format!("{PEER}.crt"))?);
        command.arg("--peer-key-file").arg(file(&format!("{PEER}.key"))?);
        command.arg("--peer-trusted-ca-file").arg(file(&member.trusted)?).arg("--peer-client-cert-auth=true");
        command.args(["--logger=zap", "--log-outputs=stderr"]);
        // Its settings are its flags; what this machine says about other etcds is not for this one.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let log = std::fs::File::create(log)?;
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        Ok(Self { keeper: command.spawn()?, address: clients })
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.keeper.try_wait(), Ok(None))
    }

    /// Ends it, and waits until it has.
    pub async fn stop(mut self) {
        drop(self.keeper.stdin.take());
        if tokio::time::timeout(PATIENCE, self.keeper.wait()).await.is_err() {
            tracing::warn!("etcd does not end");
            // Nothing more can be done about it.
            let _ = self.keeper.kill().await;
        }
    }
}
