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

    /// Types a line of words and waits for its end; `input` is what stands in standard input.
    pub async fn types(&self, node: &str, line: &str, input: &str) -> Said {
        let mut stream = UnixStream::connect(self.world.nodes_socket()).await.unwrap();
        let words = line.split_whitespace().map(str::to_owned).collect();
        let run =
            Request::Run { node: node.to_owned(), words, cwd: "/root".to_owned(), env: Vec::new(), columns: Some(120) };
        stream.write_all(format!("{}\n", serde_json::to_string(&run).unwrap()).as_bytes()).await.unwrap();
        if !input.is_empty() {
            let _ = send(&mut stream, Channel::Stdin, input.as_bytes()).await;
        }
        // A command that has ended already reads nothing more.
        let _ = send(&mut stream, Channel::Stdin, b"").await;
        let mut said = Said::default();
        loop {
            let (channel, bytes) = receive(&mut stream).await.unwrap();
            match channel {
                Channel::Stdout => said.out.push_str(&String::from_utf8_lossy(&bytes)),
                Channel::Stderr => said.errors.push_str(&String::from_utf8_lossy(&bytes)),
                Channel::Exit => said.code = bytes[0],
                _ => {}
            }
            if channel == Channel::Exit {
                return said;
            }
        }
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
