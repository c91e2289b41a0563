//! `etcdutl` 3.6.5: what is done with etcd's files, while no etcd uses them. Its words were taken from the real one.
//! What the files are stands in `machine/etcd`. Source: `etcdutl/etcdutl/snapshot_command.go`, `etcdutl/snapshot/v3_snapshot.go`.

use std::io;

use serde_json::json;

use super::etcdctl::{Failure, Outcome, VERSION, real, words};
use crate::sim::machine::etcd::data::{self, Refused, is_live};
use crate::sim::machine::etcd::{Member, Saved};
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};
use crate::sim::shell::table::{bytes, framed};

pub(super) static KNOWN: Known = &[
    ("write-out", 'w', true),
    ("data-dir", '\0', true),
    ("wal-dir", '\0', true),
    ("name", '\0', true),
    ("initial-cluster", '\0', true),
    ("initial-cluster-token", '\0', true),
    ("initial-advertise-peer-urls", '\0', true),
    ("initial-memory-map-size", '\0', true),
    ("skip-hash-check", '\0', false),
    ("bump-revision", '\0', true),
    ("mark-compacted", '\0', false),
    ("rev", '\0', true),
    ("help", 'h', false),
];

/// Flags of etcdctl's that mean nothing to a file; `snapshot restore` of older ones takes them all the same.
static OF_ETCDCTL: Known = &[
    ("endpoints", '\0', true),
    ("cacert", '\0', true),
    ("cert", '\0', true),
    ("key", '\0', true),
    ("command-timeout", '\0', true),
    ("dial-timeout", '\0', true),
    ("debug", '\0', false),
];

const USAGE: &str = include_str!("../../../../assets/machine/usage/etcdutl.txt");
/// The version of databases.
const STORAGE_VERSION: &str = "3.6.0";

/// Runs it.
pub async fn run(call: Call) -> u8 {
    if let Some(real) = call.inside.real.clone() {
        return real::run(call, real).await;
    }
    finish(&call, whole(&call, &[KNOWN], call.args()))
}

fn finish(call: &Call, outcome: Outcome) -> u8 {
    outcome.unwrap_or_else(|Failure(code, lines)| {
        lines.iter().for_each(|line| call.complain(line));
        code
    })
}

/// What etcdctl up to 3.5 did itself, with the notice of 3.5.
pub(super) fn as_etcdctl(call: &Call) -> Outcome {
    let word = if call.args().iter().any(|arg| arg == "restore") { "restore" } else { "status" };
    call.complain(format_args!("Deprecated: Use `etcdutl snapshot {word}` instead.\n"));
    whole(call, &[KNOWN, OF_ETCDCTL], call.args())
}

fn whole(call: &Call, known: &[Known], args: &[String]) -> Outcome {
    let flags = Flags::read(args, known).map_err(Failure::error)?;
    let words: Vec<&str> = flags.rest.iter().map(String::as_str).collect();
    let format = flags.get("write-out").unwrap_or("simple");
    if flags.on("help") {
        call.print(USAGE);
        return Ok(0);
    }
    match words[..] {
        ["version", ..] => call.say(format_args!("etcdutl version: {VERSION}\nAPI version: 3.6")),
        ["snapshot", "status", path] => status(call, path, format)?,
        ["snapshot", "restore", path] => restore(call, path, &flags)?,
        ["snapshot", word @ ("status" | "restore"), ..] => {
            return Err(Failure::arguments(format!("snapshot {word} requires exactly one argument")));
        }
        ["hashkv", path] => {
            let saved = open(call, path)?;
            let cells = vec![saved.hash().to_string(), saved.revision.to_string(), "-1".to_owned()];
            match format {
                "table" => call.print(framed(&["HASH", "HASH REVISION", "COMPACT REVISION"], &[cells])),
                _ => call.say(cells.join(", ")),
            }
        }
        ["defrag"] => defrag(call, &flags)?,
        [] | ["snapshot"] | ["help", ..] => call.print(USAGE),
        ["snapshot", word, ..] => return Err(unknown(word, "etcdutl snapshot")),
        [word, ..] => return Err(unknown(word, "etcdutl")),
    }
    Ok(0)
}

fn unknown(word: &str, of: &str) -> Failure {
    Failure(1, vec![format!("Error: unknown command \"{word}\" for \"{of}\""), format!("Run '{of} --help' for usage.")])
}

fn system(action: &str, path: &str) -> impl Fn(io::Error) -> Failure + use<> {
    let (action, path) = (action.to_owned(), path.to_owned());
    move |error| Failure::error(format!("{action} {path}: {}", words(&error)))
}

/// A database or snapshot, whatever its checksum says. That of a member that runs is what it holds now.
fn open(call: &Call, path: &str) -> Result<Saved, Failure> {
    let bytes = call.files().and_then(|files| files.read(&call.path(path))).map_err(system("stat", path))?;
    if is_live(&bytes) {
        return Ok(call.inside.etcd.save());
    }
    Saved::read(&bytes).map_err(Failure::error)
}

fn status(call: &Call, path: &str, format: &str) -> Result<(), Failure> {
    let saved = open(call, path)?;
    let (hash, revision, keys, size) = (saved.hash(), saved.revision, saved.keys, saved.size());
    let cells = [format!("{hash:x}"), revision.to_string(), keys.to_string(), bytes(size), STORAGE_VERSION.to_owned()];
    match format {
        "table" => {
            call.print(framed(&["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE", "VERSION"], &[cells.to_vec()]));
        }
        "json" => call.say(json!({
            "hash": hash, "revision": revision, "totalKey": keys, "totalSize": size, "version": STORAGE_VERSION,
        })),
        "fields" => call.say(format_args!(
            "\"Hash\" : {hash}\n\"Revision\" : {revision}\n\"Keys\" : {keys}\n\"Size\" : {size}\n\"Version\" : {STORAGE_VERSION}"
        )),
        _ => call.say(cells.join(", ")),
    }
    Ok(())
}

/// Whether the member's name and its peers' addresses fit the cluster's, as etcd wants them.
fn check_cluster(flags: &Flags) -> Result<(), Failure> {
    let name = flags.get("name").unwrap_or("default");
    let cluster = flags.get("initial-cluster").map_or_else(|| format!("{name}=http://localhost:2380"), str::to_owned);
    let peers = flags.get("initial-advertise-peer-urls").unwrap_or("http://localhost:2380");
    let own: Vec<&str> = cluster
        .split(',')
        .filter_map(|one| one.split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, url)| url)
        .collect();
    if own.is_empty() {
        let why = format!("couldn't find local name \"{name}\" in the initial cluster configuration");
        return Err(Failure::error(why));
    }
    if flags.has("initial-cluster") && own != peers.split(',').collect::<Vec<_>>() {
        let own = own.join(",");
        return Err(Failure::error(format!(
            "--initial-cluster has {name}={own} but missing from --initial-advertise-peer-urls={peers} (resolved urls: \"{peers}\" != \"{own}\")"
        )));
    }
    Ok(())
}

/// A file that is to be restored, in etcdutl's words where it cannot be.
fn checked(call: &Call, path: &str, skip: bool) -> Result<Saved, Failure> {
    let bytes = call.files().and_then(|files| files.read(&call.path(path))).map_err(system("open", path))?;
    if bytes.len() < 32 {
        return Err(Failure::error(format!("seek {path}: invalid argument")));
    }
    if !skip {
        return Saved::check(&bytes).map_err(|why| match why {
            Refused::Hash { expected, got } => {
                let numbers = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
                Failure::error(format!("expected sha256 [{}], got [{}]", numbers(&expected), numbers(&got)))
            }
            other => Failure::error(other),
        });
    }
    if is_live(&bytes) { Ok(call.inside.etcd.save()) } else { Saved::read(&bytes).map_err(Failure::error) }
}

fn restore(call: &Call, path: &str, flags: &Flags) -> Result<(), Failure> {
    let name = flags.get("name").unwrap_or("default");
    let directory = flags.get("data-dir").map_or_else(|| format!("{name}.etcd"), str::to_owned);
    check_cluster(flags)?;
    let files = call.files().map_err(Failure::error)?;
    let whole = call.path(&directory);
    if files.exists(&whole) && files.list(&whole).map_or(true, |inside| !inside.is_empty()) {
        return Err(Failure::error(format!("data-dir \"{directory}\" not empty or could not be read")));
    }
    let wal = flags.get("wal-dir").map_or_else(|| format!("{directory}/member/wal"), str::to_owned);
    let about = format!(
        r#"{{"path": "{path}", "wal-dir": "{wal}", "data-dir": "{directory}", "snap-dir": "{directory}/member/snap", "initial-memory-map-size": 10737418240}}"#
    );
    let log = |caller: &str, text: String| {
        let time = call.inside.client.clock().now().strftime("%Y-%m-%dT%H:%M:%SZ");
        call.complain(format_args!("{time}\tinfo\t{caller}\t{text}"));
    };
    if files.exists(&call.path(path)) {
        log("snapshot/v3_snapshot.go:305", format!("restoring snapshot\t{about}"));
    }
    let saved = checked(call, path, flags.on("skip-hash-check"))?;
    data::leave(files, &whole, &saved).map_err(system("mkdir", &directory))?;
    log("schema/membership.go:138", "Trimming membership information from the backend...".to_owned());
    let peers = flags.get("initial-advertise-peer-urls").unwrap_or("http://localhost:2380");
    log(
        "membership/cluster.go:424",
        format!(
            r#"added member	{{"cluster-id": "cdf818194e3a8c32", "local-member-id": "0", "added-peer-id": "8e9e05c52164694d", "added-peer-peer-urls": ["{peers}"], "added-peer-is-learner": false}}"#
        ),
    );
    log("snapshot/v3_snapshot.go:333", format!("restored snapshot\t{about}"));
    Ok(())
}

fn defrag(call: &Call, flags: &Flags) -> Result<(), Failure> {
    let Some(directory) = flags.get("data-dir") else {
        return Err(Failure::error("required flag(s) \"data-dir\" not set"));
    };
    let files = call.files().map_err(Failure::error)?;
    let database = format!("{}/member/snap/db", call.path(directory));
    files.stat(&database).map_err(system("stat", &database))?;
    let used = Member::of(files).is_some_and(|member| member.data == call.path(directory));
    if used && matches!(data::find(files, &call.path(directory)), data::Holds::Live(_)) {
        return Err(Failure::error("cannot defragment a data directory that etcd uses: timeout"));
    }
    let time = call.inside.client.clock().now().strftime("%Y-%m-%dT%H:%M:%SZ");
    call.complain(format_args!(
        "{time}\tinfo\tbackend/backend.go:592\tfinished defragmenting directory\t{{\"path\": \"{database}\"}}"
    ));
    Ok(())
}
