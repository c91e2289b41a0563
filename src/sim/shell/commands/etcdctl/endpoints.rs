//! `etcdctl endpoint health`, `endpoint status`, `endpoint hashkv`, `member list` and `defrag`.
//! Source: `etcdctl/ctlv3/command/ep_command.go`, `member_command.go`, `defrag_command.go`.

use serde_json::{Value, json};

use super::access::Access;
use super::kv::{CLUSTER_ID, MEMBER_ID, header};
use super::{Failure, Outcome, VERSION};
use crate::sim::machine::etcd::Member;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;
use crate::sim::shell::table::{bytes, framed};

/// What databases of this version are.
const STORAGE_VERSION: &str = "3.6.0";

/// How long an answer takes here, as etcdctl shows it.
const TOOK: &str = "9.412871ms";

/// Runs one of them.
pub(super) async fn run(call: &Call, (flags, command, rest): (&Flags, &str, &[&str]), access: Access) -> Outcome {
    match (command, rest.first().copied()) {
        ("endpoint", Some("health")) => health(call, flags, access.open(call)?).await,
        ("endpoint", Some("status")) => status(call, flags, access.open(call)?).await,
        ("endpoint", Some("hashkv")) => hashkv(call, flags, access.open(call)?).await,
        ("member", Some("list")) => members(call, flags, access.open(call)?).await,
        ("defrag", None) => defrag(call, flags, access.open(call)?).await,
        ("member", Some(word @ ("add" | "remove" | "update" | "promote"))) => {
            Err(Failure::error(format!("member {word} is not simulated by this practice cluster")))
        }
        (command, Some(word)) => {
            let lines = [
                format!("Error: unknown command \"{word}\" for \"etcdctl {command}\""),
                format!("Run 'etcdctl {command} --help' for usage."),
            ];
            Err(Failure(1, lines.to_vec()))
        }
        _ => {
            call.print(super::USAGE);
            Ok(0)
        }
    }
}

/// The endpoints asked for: those given, or with `--cluster` those the members advertise.
async fn wanted(call: &Call, flags: &Flags, access: &Access) -> Result<Vec<String>, Failure> {
    if !flags.on("cluster") {
        return Ok(access.endpoints.clone());
    }
    let (_, member) = access.connect(call, "Cluster/MemberList").await?;
    Ok(all(call, member).into_iter().flat_map(|member| member.advertises).collect())
}

fn print(call: &Call, format: &str, (headings, rows, whole): (&[&str], Vec<Vec<String>>, Value)) {
    match format {
        "json" => call.say(whole),
        "table" => call.print(framed(headings, &rows)),
        _ => rows.iter().for_each(|row| call.say(row.join(", "))),
    }
}

async fn health(call: &Call, flags: &Flags, access: Access) -> Outcome {
    let format = flags.get("write-out").unwrap_or("simple");
    let (mut rows, mut whole, mut ill) = (Vec::new(), Vec::new(), false);
    for endpoint in wanted(call, flags, &access).await? {
        let (healthy, took, error) = match access.reach(call, &endpoint) {
            Ok(_) => (true, TOOK, String::new()),
            Err(why) => {
                access.wait(call).await;
                let line = access.retrying(call, (&endpoint, "KV/Range"), &why);
                call.complain(line.replace("etcd-client", "client"));
                (false, "5.001473288s", "context deadline exceeded".to_owned())
            }
        };
        ill |= !healthy;
        if format == "simple" {
            match healthy {
                true => call.say(format_args!("{endpoint} is healthy: successfully committed proposal: took = {took}")),
                false => call.complain(format_args!("{endpoint} is unhealthy: failed to commit proposal: {error}")),
            }
        }
        let mut told = json!({ "endpoint": endpoint, "health": healthy, "took": took });
        if !error.is_empty() {
            told["error"] = json!(error);
        }
        whole.push(told);
        rows.push(vec![endpoint, healthy.to_string(), took.to_owned(), error]);
    }
    if format != "simple" {
        print(call, format, (&["ENDPOINT", "HEALTH", "TOOK", "ERROR"], rows, json!(whole)));
    }
    if ill { Err(Failure::error("unhealthy cluster")) } else { Ok(0) }
}

const STATUS: [&str; 16] = [
    "ENDPOINT",
    "ID",
    "VERSION",
    "STORAGE VERSION",
    "DB SIZE",
    "IN USE",
    "PERCENTAGE NOT IN USE",
    "QUOTA",
    "IS LEADER",
    "IS LEARNER",
    "RAFT TERM",
    "RAFT INDEX",
    "RAFT APPLIED INDEX",
    "ERRORS",
    "DOWNGRADE TARGET VERSION",
    "DOWNGRADE ENABLED",
];

async fn status(call: &Call, flags: &Flags, access: Access) -> Outcome {
    let saved = call.inside.etcd.save();
    let (size, revision) = (saved.size(), saved.revision);
    let used = size * 9 / 10;
    // Every change is an entry of the log, and the members' own come before.
    let index = revision + 8;
    let (mut rows, mut whole, mut failed) = (Vec::new(), Vec::new(), false);
    for endpoint in wanted(call, flags, &access).await? {
        if let Err(why) = access.reach(call, &endpoint) {
            access.wait(call).await;
            call.complain(access.retrying(call, (&endpoint, "Maintenance/Status"), &why));
            call.complain(format_args!("Failed to get the status of endpoint {endpoint} (context deadline exceeded)"));
            failed = true;
            continue;
        }
        whole.push(json!({ "Endpoint": endpoint, "Status": {
            "header": header(revision), "version": VERSION, "dbSize": size, "leader": MEMBER_ID, "raftIndex": index,
            "raftTerm": 2, "raftAppliedIndex": index, "dbSizeInUse": used, "storageVersion": STORAGE_VERSION,
            "downgradeInfo": {},
        } }));
        let id = format!("{MEMBER_ID:x}");
        let (size, used, index) = (bytes(size), bytes(used), index.to_string());
        let row = [&endpoint, &id, VERSION, STORAGE_VERSION, &size, &used, "10%", "0 B", "true", "false", "2"];
        let row = row.into_iter().chain([index.as_str(), &index, "", "", "false"]);
        rows.push(row.map(str::to_owned).collect());
    }
    print(call, flags.get("write-out").unwrap_or("simple"), (&STATUS, rows, json!(whole)));
    Ok(u8::from(failed))
}

async fn hashkv(call: &Call, flags: &Flags, access: Access) -> Outcome {
    let saved = call.inside.etcd.save();
    let (endpoint, _) = access.connect(call, "Maintenance/HashKV").await?;
    let row = vec![endpoint.clone(), saved.hash().to_string(), saved.revision.to_string()];
    let whole = json!([{ "Endpoint": endpoint, "HashKV": { "header": header(saved.revision), "hash": saved.hash() } }]);
    print(call, flags.get("write-out").unwrap_or("simple"), (&["ENDPOINT", "HASH", "HASH REVISION"], vec![row], whole));
    Ok(0)
}

const MEMBERS: [&str; 6] = ["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"];

/// All members: the one that was asked, and those of other machines.
fn all(call: &Call, asked: Member) -> Vec<Member> {
    let machines = call.inside.machines.all();
    let others = machines.iter().filter_map(|machine| Member::of(machine.files()?));
    let others: Vec<Member> = others.filter(|other| other.name != asked.name).collect();
    [vec![asked], others].concat()
}

/// The id of a member: etcd derives it from where its peers reach it. That of the first is the real one's.
fn id(member: &Member) -> u64 {
    if member.name == "controlplane" {
        return MEMBER_ID;
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, member.peers.join(",").as_bytes());
    digest.as_ref().iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte))
}

async fn members(call: &Call, flags: &Flags, access: Access) -> Outcome {
    let (_, asked) = access.connect(call, "Cluster/MemberList").await?;
    let mut all = all(call, asked);
    all.sort_by_key(id);
    let row = |member: &Member| {
        let id = format!("{:x}", id(member));
        [&id, "started", &member.name, &member.peers.join(","), &member.advertises.join(","), "false"]
            .map(str::to_owned)
            .to_vec()
    };
    let one = |member: &Member| json!({ "ID": id(member), "name": member.name, "peerURLs": member.peers, "clientURLs": member.advertises });
    let whole = json!({
        "header": { "cluster_id": CLUSTER_ID, "member_id": MEMBER_ID, "raft_term": 2 },
        "members": all.iter().map(one).collect::<Vec<_>>(),
    });
    print(call, flags.get("write-out").unwrap_or("simple"), (&MEMBERS, all.iter().map(row).collect(), whole));
    Ok(0)
}

async fn defrag(call: &Call, flags: &Flags, access: Access) -> Outcome {
    let mut failed = false;
    for endpoint in wanted(call, flags, &access).await? {
        match access.reach(call, &endpoint) {
            Ok(_) => call.say(format_args!("Finished defragmenting etcd member[{endpoint}]. took 88.846647ms")),
            Err(_) => {
                access.wait(call).await;
                let why = "context deadline exceeded";
                call.complain(format_args!("Failed to defragment etcd member[{endpoint}]. took 5.001s. ({why})"));
                failed = true;
            }
        }
    }
    Ok(u8::from(failed))
}
