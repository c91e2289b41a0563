//! A seat at the nodes of a cluster: types commands there and reads what they say.
//! The stories that are typed are beside it.

use std::time::Duration;

use kubedrill::base::clock::Clock;
use kubedrill::base::topology::Topology;
use kubedrill::sim::machine::root::Root;
use kubedrill::sim::shell::protocol::{Channel, Request, receive, send};
use kubedrill::sim::world::{Options, World};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

/// What a command said and how it ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub code: u8,
    pub out: String,
    pub errors: String,
}

impl Said {
    /// Takes a frame in; whether the command reads now, or has ended.
    fn takes(&mut self, (channel, bytes): (Channel, Vec<u8>)) -> bool {
        match channel {
            Channel::Stdout => self.out.push_str(&String::from_utf8_lossy(&bytes)),
            Channel::Stderr => self.errors.push_str(&String::from_utf8_lossy(&bytes)),
            Channel::Exit => self.code = bytes[0],
            _ => {}
        }
        matches!(channel, Channel::Stdin | Channel::Exit)
    }

    async fn reads_on(&mut self, stream: &mut UnixStream) {
        loop {
            let frame = receive(stream).await.unwrap();
            let ended = frame.0 == Channel::Exit;
            self.takes(frame);
            if ended {
                return;
            }
        }
    }
}

/// A cluster whose nodes are typed on.
pub struct Seat {
    pub world: World,
}

impl Seat {
    /// A cluster that is ready; its clock is fast.
    pub async fn take(topology: Topology) -> Self {
        let options = Options { topology, clock: Clock::fast(50.0), port: 0, dir: None };
        let world = World::start(options).await.unwrap();
        assert!(world.ready(Duration::from_secs(1000)).await, "the cluster becomes ready");
        world.begin_etcd().await.unwrap();
        Self { world }
    }

    async fn asked(&self, node: &str, line: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.world.nodes_socket()).await.unwrap();
        let words = line.split_whitespace().map(str::to_owned).collect();
        let run =
            Request::Run { node: node.to_owned(), words, cwd: "/root".to_owned(), env: Vec::new(), columns: Some(120) };
        stream.write_all(format!("{}\n", serde_json::to_string(&run).unwrap()).as_bytes()).await.unwrap();
        stream
    }

    /// Types a line of words and waits for its end; `input` is what stands in standard input.
    pub async fn types(&self, node: &str, line: &str, input: &str) -> Said {
        let mut stream = self.asked(node, line).await;
        if !input.is_empty() {
            let _ = send(&mut stream, Channel::Stdin, input.as_bytes()).await;
        }
        // A command that has ended already reads nothing more.
        let _ = send(&mut stream, Channel::Stdin, b"").await;
        let mut said = Said::default();
        said.reads_on(&mut stream).await;
        said
    }

    /// Whether a command leaves what was typed to this machine's own program.
    pub async fn leaves(&self, node: &str, line: &str) -> bool {
        let mut stream = self.asked(node, line).await;
        loop {
            match receive(&mut stream).await.unwrap().0 {
                Channel::Instead => return true,
                Channel::Exit => return false,
                _ => {}
            }
        }
    }

    /// Types a line of words, and an answer once the command reads: nothing is typed before.
    pub async fn answers(&self, node: &str, line: &str, answer: &str) -> Said {
        let mut stream = self.asked(node, line).await;
        let mut said = Said::default();
        let reads = async { while !said.takes(receive(&mut stream).await.unwrap()) {} };
        let reads = tokio::time::timeout(Duration::from_secs(30), reads).await;
        assert!(reads.is_ok() && said.code == 0, "{line} asks nobody: {said:?}");
        let _ = send(&mut stream, Channel::Stdin, answer.as_bytes()).await;
        said.reads_on(&mut stream).await;
        said
    }

    /// Waits until something holds, by the cluster's clock.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        for _ in 0..3000 {
            if holds().await {
                return;
            }
            self.world.clock().sleep(Duration::from_secs(1)).await;
        }
        panic!("never: {what}");
    }

    /// What a command that goes well prints.
    pub async fn prints(&self, node: &str, line: &str) -> String {
        let said = self.types(node, line, "").await;
        assert_eq!(said.code, 0, "{line}: {}{}", said.out, said.errors);
        said.out
    }

    /// What a command that fails complains about.
    pub async fn fails(&self, node: &str, line: &str) -> String {
        let said = self.types(node, line, "").await;
        assert_ne!(said.code, 0, "{line}: {}", said.out);
        said.errors
    }

    /// Looks at a node's files.
    pub fn files<T>(&self, node: &str, look: impl FnOnce(&Root) -> T) -> T {
        let machine = self.world.machines().get(node).unwrap();
        look(self.world.machines().files(&machine).unwrap())
    }
}
