//! What etcd leaves on a disk: a data directory with a database, and snapshots of it.
//! The database is of our own form: a header, then the store's journal in lines, in whole pages as bbolt's. Like etcd's, a snapshot ends
//! with a SHA-256 of all before it, and a database in a directory does not (`server/etcdserver/api/v3rpc/maintenance.go`).

use std::io;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::sim::machine::root::Root;

/// How a database of ours begins.
const MAGIC: &[u8] = b"kubedrill etcd database 1\n";
/// The header of a database whose cluster is running: what it holds, the cluster knows. A number follows, of the cluster's state it is:
/// a directory that was moved away goes on saying so when another state runs.
const LIVE: &[u8] = b"live\n";
/// The number of a member that joined: its state is whatever the others hold.
pub const WHATEVER: u64 = u64::MAX;
/// A page of bbolt.
const PAGE: usize = 4096;
/// The bytes of a checksum at the end of a snapshot.
const SUM: usize = 32;

/// Everything an etcd held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    pub revision: u64,
    /// How many keys there are.
    pub keys: u64,
    /// The store's lines.
    pub lines: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    revision: u64,
    keys: u64,
    bytes: usize,
}

/// Why a file is no snapshot, in etcdutl's words (`etcdutl/snapshot/v3_snapshot.go`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("invalid database")]
    Invalid,
    #[error("snapshot missing hash but --skip-hash-check=false")]
    NoHash,
    #[error("expected sha256 {expected:?}, got {got:?}")]
    Hash { expected: Vec<u8>, got: Vec<u8> },
}

/// What is in a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// No member: an etcd begins with nothing there.
    Nothing,
    /// The member that runs, or ran when the directory was copied or moved: with the cluster's state of this number.
    Live(u64),
    /// What a member held when it stopped, or what was restored.
    State(Saved),
    /// A database that etcd cannot read.
    Damaged,
}

impl Saved {
    /// The checksum `snapshot status` shows.
    pub fn hash(&self) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(&self.lines);
        crc.sum()
    }

    /// The size of the database in bytes, without a snapshot's checksum.
    pub fn size(&self) -> u64 {
        self.database().len() as u64
    }

    fn database(&self) -> Vec<u8> {
        let header = Header { revision: self.revision, keys: self.keys, bytes: self.lines.len() };
        // A header of three numbers can always be written.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        whole_pages([MAGIC, &header, b"\n", &self.lines].concat())
    }

    /// The file `snapshot save` writes.
    pub fn to_snapshot(&self) -> Vec<u8> {
        let mut bytes = self.database();
        let sum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }

    /// Reads a database or a snapshot, whatever its checksum says.
    pub fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Refused::Invalid)?;
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(Refused::Invalid)?;
        let header: Header = serde_json::from_slice(&rest[..end]).map_err(|_| Refused::Invalid)?;
        let lines = rest.get(end + 1..end + 1 + header.bytes).ok_or(Refused::Invalid)?;
        Ok(Self { revision: header.revision, keys: header.keys, lines: lines.to_vec() })
    }

    /// Reads a snapshot that is to be restored.
    pub fn check(bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.len() % 512 != SUM {
            return Err(Refused::NoHash);
        }
        let (database, sum) = bytes.split_at(bytes.len() - SUM);
        let got = Sha256::digest(database);
        if sum != got.as_slice() {
            return Err(Refused::Hash { expected: sum.to_vec(), got: got.to_vec() });
        }
        Self::read(database)
    }
}

fn whole_pages(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(PAGE), 0);
    bytes
}

fn member(directory: &str) -> String {
    format!("{}/member", directory.trim_end_matches('/'))
}

fn make(root: &Root, directory: &str, database: &[u8]) -> io::Result<()> {
    let member = member(directory);
    for folder in [directory, &member, &format!("{member}/snap"), &format!("{member}/wal")] {
        root.make_dir(folder, 0o700)?;
    }
    let wal = format!("{member}/wal/0000000000000000-0000000000000000.wal");
    if !root.exists(&wal) {
        root.write(&wal, &vec![0; 2 * PAGE], 0o600)?;
    }
    root.write(&format!("{member}/snap/db"), database, 0o600)
}

/// Says in a data directory that its member runs, with the cluster's state of this number.
pub fn run(root: &Root, directory: &str, number: u64) -> io::Result<()> {
    make(root, directory, &whole_pages([MAGIC, LIVE, format!("{number}\n").as_bytes()].concat()))
}

/// Leaves in a data directory what its member held, as when etcd stops or a snapshot is restored.
pub fn leave(root: &Root, directory: &str, saved: &Saved) -> io::Result<()> {
    make(root, directory, &saved.database())
}

/// What an etcd that starts finds in a data directory.
pub fn find(root: &Root, directory: &str) -> Holds {
    let database = match root.read(&format!("{}/snap/db", member(directory))) {
        Ok(database) => database,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Holds::Nothing,
        Err(_) => return Holds::Damaged,
    };
    if !is_live(&database) {
        return Saved::read(&database).map_or(Holds::Damaged, Holds::State);
    }
    let number = database[MAGIC.len() + LIVE.len()..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    Holds::Live(std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()).unwrap_or_default())
}

/// Whether a database only says that its member runs.
pub fn is_live(database: &[u8]) -> bool {
    database.strip_prefix(MAGIC).is_some_and(|rest| rest.starts_with(LIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Saved {
        Saved { revision: 7, keys: 2, lines: b"{\"one\":1}\n{\"two\":2}\n".to_vec() }
    }

    #[test]
    fn a_snapshot_comes_back_and_a_damaged_one_does_not() {
        let mut bytes = saved().to_snapshot();
        assert_eq!(Saved::check(&bytes), Ok(saved()));
        assert_eq!(Saved::check(&bytes[..bytes.len() - SUM]), Err(Refused::NoHash));
        bytes[MAGIC.len() + 40] ^= 1;
        assert!(matches!(Saved::check(&bytes), Err(Refused::Hash { .. })));
        assert_eq!(Saved::read(b"hi\n"), Err(Refused::Invalid));
    }

    #[test]
    fn a_directory_holds_what_was_left_there() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::open(&folder.path().join("root"))?;
        assert_eq!(find(&root, "/var/lib/etcd"), Holds::Nothing);
        run(&root, "/var/lib/etcd", 3)?;
        assert_eq!(find(&root, "/var/lib/etcd"), Holds::Live(3));
        leave(&root, "/var/lib/etcd", &saved())?;
        assert_eq!(find(&root, "/var/lib/etcd"), Holds::State(saved()));
        root.write("/var/lib/etcd/member/snap/db", b"rubbish", 0o600)?;
        assert_eq!(find(&root, "/var/lib/etcd"), Holds::Damaged);
        Ok(())
    }
}
