//! `etcdctl get`, `put` and `del`, with the output formats of the real ones.
//! Source: `etcdctl/ctlv3/command/get_command.go`, `printer_simple.go`, `printer_fields.go`, `printer_json.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::access::Access;
use super::{Failure, Outcome};
use crate::sim::machine::etcd::Pair;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

/// The ids of a cluster with one member that kubeadm made, as etcd derives them.
pub(super) const CLUSTER_ID: u64 = 0xcdf8_1819_4e3a_8c32;
/// The member's.
pub(super) const MEMBER_ID: u64 = 0x8e9e_05c5_2164_694d;

pub(super) fn header(revision: u64) -> Value {
    json!({ "cluster_id": CLUSTER_ID, "member_id": MEMBER_ID, "revision": revision, "raft_term": 2 })
}

/// Which keys are meant.
fn chosen<'a>(flags: &Flags, words: &[&str], (what, pairs): (&str, &'a [Pair])) -> Result<Vec<&'a Pair>, Failure> {
    let from_key = flags.on("from-key");
    let (key, end) = match words {
        [key] => (*key, None),
        [key, end] => (*key, Some(*end)),
        _ => {
            let why = format!("{what} command needs one argument as key and an optional argument as range_end");
            return Err(Failure::arguments(why));
        }
    };
    if flags.on("prefix") && from_key {
        return Err(Failure::arguments("`--prefix` and `--from-key` cannot be set at the same time, choose one"));
    }
    if end.is_some() && (flags.on("prefix") || from_key) {
        let which = if from_key { "from-key" } else { "prefix" };
        let why = format!("too many arguments, only accept one argument when `--{which}` is set");
        return Err(Failure::arguments(why));
    }
    let fits = |pair: &&Pair| match end {
        _ if flags.on("prefix") => pair.key.starts_with(key),
        _ if from_key => pair.key.as_str() >= key,
        Some(end) => pair.key.as_str() >= key && pair.key.as_str() < end,
        None => pair.key == key,
    };
    Ok(pairs.iter().filter(fits).collect())
}

fn sort(flags: &Flags, pairs: &mut [&Pair]) -> Result<(), Failure> {
    let order = flags.get("order").unwrap_or_default().to_uppercase();
    if !["", "ASCEND", "DESCEND"].contains(&order.as_str()) {
        return Err(Failure::arguments(format!("bad sort order {order}")));
    }
    let by = flags.get("sort-by").unwrap_or_default().to_uppercase();
    match by.as_str() {
        "" | "KEY" => pairs.sort_by(|one, other| one.key.cmp(&other.key)),
        "CREATE" | "MODIFY" => pairs.sort_by_key(|pair| pair.revision),
        "VALUE" => pairs.sort_by(|one, other| one.value.cmp(&other.value)),
        "VERSION" => {}
        other => return Err(Failure::arguments(format!("bad sort target {other}"))),
    }
    if order == "DESCEND" {
        pairs.reverse();
    }
    Ok(())
}

/// A key and its value, as JSON has them.
fn as_json(pair: &Pair, keys_only: bool) -> Value {
    let mut told = json!({
        "key": BASE64.encode(&pair.key),
        "create_revision": pair.revision,
        "mod_revision": pair.revision,
        "version": 1,
    });
    if !keys_only {
        told["value"] = json!(BASE64.encode(&pair.value));
    }
    told
}

fn hex(text: &[u8]) -> String {
    text.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// What is to be printed.
struct Found<'a> {
    pairs: Vec<&'a Pair>,
    count: usize,
    revision: u64,
}

impl Found<'_> {
    fn simple(&self, call: &Call, flags: &Flags) {
        for pair in &self.pairs {
            let shown = |text: &[u8]| if flags.on("hex") { hex(text).into_bytes() } else { text.to_vec() };
            let mut lines = Vec::new();
            if !flags.on("print-value-only") {
                lines.extend(shown(pair.key.as_bytes()));
                lines.push(b'\n');
            }
            if !flags.on("keys-only") {
                lines.extend(shown(&pair.value));
            }
            lines.push(b'\n');
            call.bytes(lines);
        }
    }

    fn fields(&self, call: &Call, flags: &Flags) {
        let revision = self.revision;
        call.say(format_args!(
            "\"ClusterID\" : {CLUSTER_ID}\n\"MemberID\" : {MEMBER_ID}\n\"Revision\" : {revision}\n\"RaftTerm\" : 2"
        ));
        for pair in &self.pairs {
            let value =
                if flags.on("keys-only") { String::new() } else { String::from_utf8_lossy(&pair.value).into_owned() };
            let at = pair.revision;
            call.say(format_args!(
                "\"Key\" : {:?}\n\"CreateRevision\" : {at}\n\"ModRevision\" : {at}\n\"Version\" : 1\n\"Value\" : {value:?}\n\"Lease\" : 0",
                pair.key
            ));
        }
        let more = self.count > self.pairs.len() && !flags.on("count-only");
        call.say(format_args!("\"More\" : {more}\n\"Count\" : {}", self.count));
    }

    fn json(&self, call: &Call, flags: &Flags) {
        let mut told = json!({ "header": header(self.revision) });
        if !self.pairs.is_empty() {
            let pairs = self.pairs.iter().map(|pair| as_json(pair, flags.on("keys-only")));
            told["kvs"] = pairs.collect();
        }
        if self.count > self.pairs.len() && !flags.on("count-only") {
            told["more"] = json!(true);
        }
        if self.count > 0 {
            told["count"] = json!(self.count);
        }
        call.say(told);
    }
}

/// `etcdctl get`.
pub(super) async fn get(call: &Call, (flags, words): (&Flags, &[&str]), access: Access) -> Outcome {
    let format = flags.get("write-out").unwrap_or("simple");
    chosen(flags, words, ("get", &[]))?;
    if flags.on("print-value-only") && format != "simple" {
        return Err(Failure::arguments("print-value-only is only for `--write-out=simple`"));
    }
    if flags.on("keys-only") && flags.on("count-only") {
        return Err(Failure::arguments("`--keys-only` and `--count-only` cannot be set at the same time, choose one"));
    }
    if flags.on("count-only") && format == "simple" {
        return Err(Failure::arguments("--count-only is only for `--write-out=fields`"));
    }
    if !["simple", "fields", "json"].contains(&format) {
        return Err(Failure(4, vec![format!("Error: {format} not supported as output format")]));
    }
    access.open(call)?.connect(call, "KV/Range").await?;
    let (revision, all) = call.inside.etcd.pairs();
    let mut pairs = chosen(flags, words, ("get", &all))?;
    sort(flags, &mut pairs)?;
    let count = pairs.len();
    let limit = flags.get("limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
    pairs.truncate(if flags.on("count-only") { 0 } else { limit.unwrap_or(usize::MAX) });
    let found = Found { pairs, count, revision };
    match format {
        "json" => found.json(call, flags),
        "fields" => found.fields(call, flags),
        _ => found.simple(call, flags),
    }
    Ok(0)
}

/// `etcdctl put`.
pub(super) async fn put(call: &mut Call, words: &[&str], access: Access) -> Outcome {
    let (key, value) = match words {
        [key, value] => (key, value.as_bytes().to_vec()),
        [key] => (key, call.stdin().await),
        _ => return Err(Failure::arguments("put command needs 1 argument and input from stdin or 2 arguments")),
    };
    access.open(call)?.connect(call, "KV/Put").await?;
    call.inside.etcd.put(key, &value);
    call.say("OK");
    Ok(0)
}

/// `etcdctl del`.
pub(super) async fn del(call: &Call, (flags, words): (&Flags, &[&str]), access: Access) -> Outcome {
    chosen(flags, words, ("del", &[]))?;
    access.open(call)?.connect(call, "KV/DeleteRange").await?;
    let (_, all) = call.inside.etcd.pairs();
    let chosen = chosen(flags, words, ("del", &all))?;
    chosen.iter().for_each(|pair| call.inside.etcd.delete(&pair.key));
    call.say(chosen.len());
    if flags.on("prev-kv") {
        Found { count: chosen.len(), pairs: chosen, revision: 0 }.simple(call, flags);
    }
    Ok(0)
}
