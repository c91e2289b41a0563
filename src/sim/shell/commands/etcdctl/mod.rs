//! `etcdctl` 3.6.5: what is asked of a running etcd. Its words were taken from the real one.
//! Files are `etcdutl`'s; `snapshot status` and `snapshot restore`, which 3.6 took out of etcdctl, are led there.

mod access;
mod endpoints;
mod kv;
pub(super) mod real;
mod snapshot;

use self::access::Access;
pub(super) use self::access::words;
use super::etcdutl;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

/// The version of etcd's client here, and of its API.
pub(super) const VERSION: &str = "3.6.5";

pub(super) static GLOBAL: Known = &[
    ("endpoints", '\0', true),
    ("cacert", '\0', true),
    ("cert", '\0', true),
    ("key", '\0', true),
    ("write-out", 'w', true),
    ("command-timeout", '\0', true),
    ("dial-timeout", '\0', true),
    ("keepalive-time", '\0', true),
    ("keepalive-timeout", '\0', true),
    ("insecure-skip-tls-verify", '\0', false),
    ("insecure-transport", '\0', false),
    ("insecure-discovery", '\0', false),
    ("discovery-srv", 'd', true),
    ("user", '\0', true),
    ("password", '\0', true),
    ("debug", '\0', false),
    ("hex", '\0', false),
    ("help", 'h', false),
];

pub(super) static OWN: Known = &[
    ("prefix", '\0', false),
    ("from-key", '\0', false),
    ("keys-only", '\0', false),
    ("count-only", '\0', false),
    ("print-value-only", '\0', false),
    ("limit", '\0', true),
    ("order", '\0', true),
    ("sort-by", '\0', true),
    ("consistency", '\0', true),
    ("rev", '\0', true),
    ("prev-kv", '\0', false),
    ("cluster", '\0', false),
    ("lease", '\0', true),
];

/// Why a command ended early: its exit code, and what it says. Codes: `pkg/cobrautl/error.go`.
pub(super) struct Failure(pub u8, pub Vec<String>);

impl Failure {
    /// Arguments that do not fit.
    pub(super) fn arguments(why: impl std::fmt::Display) -> Self {
        Self(128, vec![format!("Error: {why}")])
    }

    /// Anything else.
    pub(super) fn error(why: impl std::fmt::Display) -> Self {
        Self(1, vec![format!("Error: {why}")])
    }
}

/// What a command ends with when nothing fails early: its exit code.
pub(super) type Outcome = Result<u8, Failure>;

/// Variables named `ETCDCTL_…` are flags that were not given; what is no flag's name is said.
fn with_variables(call: &Call, args: &[String]) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for (name, value) in &call.env {
        let Some(rest) = name.strip_prefix("ETCDCTL_") else { continue };
        let flag = rest.to_ascii_lowercase().replace('_', "-");
        let time = access::time(call);
        if !GLOBAL.iter().any(|(known, ..)| *known == flag) {
            call.complain(format_args!(
                r#"{{"level":"warn","ts":"{time}","caller":"flags/flag.go:94","msg":"unrecognized environment variable","environment-variable":"{name}={value}"}}"#
            ));
            continue;
        }
        let given = |arg: &String| arg == &format!("--{flag}") || arg.starts_with(&format!("--{flag}="));
        if args.iter().any(given) {
            return Err(Failure(
                1,
                vec![format!(
                    r#"{{"level":"fatal","ts":"{time}","caller":"flags/flag.go:86","msg":"conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag))","environment-variable":"{name}"}}"#
                )],
            ));
        }
        all.push(format!("--{flag}={value}"));
    }
    all.extend_from_slice(args);
    Ok(all)
}

const COMMANDS: [&str; 8] = ["defrag", "del", "endpoint", "get", "member", "put", "snapshot", "version"];

/// Commands of the real one that ask for what is not simulated.
const OTHERS: [&str; 15] = [
    "alarm",
    "auth",
    "check",
    "compaction",
    "completion",
    "downgrade",
    "elect",
    "lease",
    "lock",
    "make-mirror",
    "move-leader",
    "role",
    "txn",
    "user",
    "watch",
];

const USAGE: &str = include_str!("../../../../../assets/machine/usage/etcdctl.txt");

fn unknown(word: &str) -> Failure {
    Failure(
        1,
        vec![
            format!("Error: unknown command \"{word}\" for \"etcdctl\""),
            "Run 'etcdctl --help' for usage.".to_owned(),
        ],
    )
}

/// Runs it.
pub async fn run(mut call: Call) -> u8 {
    if let Some(real) = call.inside.real.clone() {
        return real::run(call, real).await;
    }
    let outcome = whole(&mut call).await;
    outcome.unwrap_or_else(|Failure(code, lines)| {
        lines.iter().for_each(|line| call.complain(line));
        code
    })
}

/// Answers what needs no etcd; false where the command does, an error where there is none of that name.
fn told(call: &Call, command: &str) -> Result<bool, Failure> {
    match command {
        "version" => call.say(format_args!("etcdctl version: {VERSION}\nAPI version: 3.6")),
        "help" => call.print(USAGE),
        command if COMMANDS.contains(&command) => return Ok(false),
        command if OTHERS.contains(&command) => {
            return Err(Failure::error(format!("{command} is not simulated by this practice cluster")));
        }
        other => return Err(unknown(other)),
    }
    Ok(true)
}

async fn whole(call: &mut Call) -> Outcome {
    // The words before the first flag's are looked at alone: which flags there are depends on them.
    if call.args().iter().any(|arg| arg == "snapshot")
        && call.args().iter().any(|arg| ["restore", "status"].contains(&arg.as_str()))
    {
        return etcdutl::as_etcdctl(call);
    }
    let args = with_variables(call, call.args())?;
    let flags = Flags::read(&args, &[GLOBAL, OWN]).map_err(Failure::error)?;
    let words: Vec<&str> = flags.rest.iter().map(String::as_str).collect();
    let Some((command, rest)) = words.split_first() else {
        call.print(USAGE);
        return Ok(0);
    };
    if flags.on("help") && COMMANDS.contains(command) {
        call.print(USAGE);
        return Ok(0);
    }
    if told(call, command)? {
        return Ok(0);
    }
    let access = Access::of(call, &flags);
    match *command {
        "get" => kv::get(call, (&flags, rest), access).await,
        "put" => kv::put(call, rest, access).await,
        "del" => kv::del(call, (&flags, rest), access).await,
        "snapshot" => snapshot::run(call, rest, access).await,
        command => endpoints::run(call, (&flags, command, rest), access).await,
    }
}
