//! The etcd of a control plane's machine: which one its manifest describes, its data directory, its keys by name.
//! What is stored is the API server's; what `etcdctl` and `etcdutl` do with it stands in `shell`.

use std::net::SocketAddr;
use std::path::Path;

use futures::future::BoxFuture;

pub mod data;
pub mod keys;
mod member;

pub use data::Saved;
pub use member::Member;

/// A key as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub key: String,
    pub value: Vec<u8>,
    /// The revision of its newest change.
    pub revision: u64,
}

/// What the running etcd holds, to whoever may ask it.
pub trait Store: Send + Sync {
    /// The revision, and every key, in order.
    fn pairs(&self) -> (u64, Vec<Pair>);

    /// Stores a value; the revision after it.
    fn put(&self, key: &str, value: &[u8]) -> u64;

    /// Takes a key away, whatever Kubernetes would say to it.
    fn delete(&self, key: &str);

    /// Takes away everything: its data directory was emptied.
    fn clear(&self);

    /// Everything, to be kept in a file.
    fn save(&self) -> Saved;
}

/// A real etcd that holds what the cluster holds, and the programs that come with it.
pub trait Real: Send + Sync {
    /// The host's program that stands for `etcdctl` or `etcdutl`.
    fn program(&self, name: &str) -> &Path;

    /// Where it listens for clients, while it runs: what `127.0.0.1:2379` is on its machine.
    fn address(&self) -> BoxFuture<'_, Option<SocketAddr>>;

    /// Comes back when etcd holds what the cluster holds, and the cluster what others have written to etcd.
    fn level(&self) -> BoxFuture<'_, ()>;
}
