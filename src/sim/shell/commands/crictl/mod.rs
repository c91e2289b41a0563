//! `crictl`: what containerd runs on this node, by the words of cri-tools 1.35.
//! What it is stands in `held`; containers are the kubelet's, so what is stopped here it starts again.

mod about;
mod changing;
mod held;
mod inspect;
mod listing;
mod talking;

use self::held::Held;
pub(super) use self::held::{Kept, containers, references};
use crate::sim::machine::services::CONTAINERD;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

/// The version of cri-tools.
const VERSION: &str = "v1.35.0";

/// Where containerd listens on a node.
const SOCKETS: [&str; 2] = ["/run/containerd/containerd.sock", "/var/run/containerd/containerd.sock"];

static GLOBAL: Known = &[
    ("runtime-endpoint", 'r', true),
    ("image-endpoint", 'i', true),
    ("config", 'c', true),
    ("timeout", 't', true),
    ("debug", 'D', false),
    ("help", 'h', false),
    ("version", 'v', false),
];

static LISTING: Known = &[
    ("all", 'a', false),
    ("quiet", 'q', false),
    ("name", '\0', true),
    ("state", 's', true),
    ("pod", 'p', true),
    ("image", '\0', true),
    ("namespace", '\0', true),
    ("label", '\0', true),
    ("latest", 'l', false),
    ("last", 'n', true),
    ("id", '\0', true),
    ("no-trunc", '\0', false),
    ("output", 'o', true),
    ("verbose", 'v', false),
    ("digests", '\0', false),
];

static LOGS: Known = &[
    ("follow", 'f', false),
    ("tail", '\0', true),
    ("previous", 'p', false),
    ("since", '\0', true),
    ("timestamps", 't', false),
    ("limit-bytes", '\0', true),
];

static EXEC: Known = &[
    ("interactive", 'i', false),
    ("tty", 't', false),
    ("sync", 's', false),
    ("timeout", '\0', true),
    ("quiet", 'q', false),
];

static CHANGING: Known = &[
    ("timeout", 't', true),
    ("force", 'f', false),
    ("all", 'a', false),
    ("prune", 'q', false),
    ("set", '\0', true),
    ("get", '\0', true),
    ("list", '\0', false),
    ("quiet", '\0', false),
    ("output", 'o', true),
];

/// A fatal line's text: where it went wrong, in the client's words.
type Outcome = Result<u8, String>;

const COMMANDS: &[(&str, Known)] = &[
    ("ps", LISTING),
    ("pods", LISTING),
    ("images", LISTING),
    ("image", LISTING),
    ("img", LISTING),
    ("logs", LOGS),
    ("exec", EXEC),
    ("inspect", LISTING),
    ("inspectp", LISTING),
    ("inspecti", LISTING),
    ("stats", LISTING),
    ("stop", CHANGING),
    ("rm", CHANGING),
    ("stopp", CHANGING),
    ("rmp", CHANGING),
    ("pull", CHANGING),
    ("rmi", CHANGING),
    ("version", CHANGING),
    ("info", CHANGING),
    ("config", CHANGING),
];

const USAGE: &str = include_str!("../../../../../assets/machine/usage/crictl.txt");

/// The words before the command, the command, and what follows it.
fn parts(args: &[String]) -> (&[String], Option<&String>, &[String]) {
    let mut at = 0;
    while let Some(arg) = args.get(at).filter(|arg| arg.starts_with('-')) {
        let takes = !arg.contains('=')
            && GLOBAL.iter().any(|(name, letter, takes)| {
                *takes && (arg.trim_start_matches('-') == *name || *arg == format!("-{letter}"))
            });
        at += 1 + usize::from(takes);
    }
    let at = at.min(args.len());
    (&args[..at], args.get(at), args.get(at + 1..).unwrap_or_default())
}

/// Runs it.
pub async fn run(mut call: Call) -> u8 {
    match whole(&mut call).await {
        Ok(code) => code,
        Err(why) => {
            call.complain(format_args!("FATA[0000] {why}"));
            1
        }
    }
}

async fn whole(call: &mut Call) -> Outcome {
    let args = call.args().to_vec();
    let (before, command, after) = parts(&args);
    // urfave/cli takes long flags with one dash too; nobody types them so.
    let global = Flags::read(before, &[GLOBAL])
        .map_err(|why| why.replace("unknown flag: -", "flag provided but not defined: "))?;
    if global.on("version") {
        call.say(format_args!("crictl version {VERSION}"));
        return Ok(0);
    }
    let Some(command) = command.filter(|word| *word != "help" && !global.on("help")) else {
        call.print(USAGE);
        return Ok(0);
    };
    let Some((_, known)) = COMMANDS.iter().find(|(name, _)| name == command) else {
        call.say(format_args!("No help topic for '{command}'"));
        return Ok(3);
    };
    // What a container is to run has flags of its own.
    let words = if command == "exec" { talking::words(after) } else { after.len() };
    let flags = Flags::read(&after[..words], &[known])
        .map_err(|why| why.replace("unknown flag: -", "flag provided but not defined: "))?;
    if command == "config" {
        return about::config(call, &flags);
    }
    connect(call, &global)?;
    asked(call, (command, &flags), &after[words..]).await
}

/// Answers a command; `rest` is what a container is to run.
async fn asked(call: &mut Call, (command, flags): (&str, &Flags), rest: &[String]) -> Outcome {
    let (all, mut kept) = (held::containers(call), Kept::of(&call.machine));
    let all: Vec<Held> = all.into_iter().filter(|one| !kept.removed.contains(&one.id)).collect();
    match command {
        "ps" => listing::ps(call, flags, all),
        "pods" => listing::pods(call, flags),
        "images" | "image" | "img" => listing::images(call, flags, &kept),
        "logs" => talking::logs(call, flags, all).await,
        "exec" => talking::exec(call, (flags, rest), all).await,
        "inspect" => inspect::containers(call, flags, &all),
        "inspectp" => inspect::pods(call, flags),
        "inspecti" => inspect::images(call, flags, &kept),
        "stats" => about::stats(call, flags, all),
        "stop" | "rm" => changing::containers(call, (command, flags), all, &mut kept),
        "stopp" | "rmp" => changing::pods(call, (command, flags), all),
        "pull" => changing::pull(call, flags, &mut kept).await,
        "rmi" => changing::remove_images(call, flags, &mut kept),
        "version" => about::version(call),
        _ => about::info(call),
    }
}

/// Whether containerd answers where it is looked for.
fn connect(call: &Call, global: &Flags) -> Result<(), String> {
    let path = global.get("config").unwrap_or("/etc/crictl.yaml");
    let text = call.files().ok().and_then(|files| files.text(path).ok());
    let configured = text.as_deref().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("runtime-endpoint:"))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned()).filter(|endpoint| !endpoint.is_empty())
    });
    let asked = global.get("runtime-endpoint").map(str::to_owned);
    let asked = asked.or_else(|| call.env("CONTAINER_RUNTIME_ENDPOINT").map(str::to_owned)).or(configured);
    if text.is_none() {
        call.complain(format_args!("WARN[0000] Config {path:?} does not exist, trying next: \"/usr/bin/crictl.yaml\""));
    }
    let endpoint = asked.unwrap_or_else(|| {
        call.complain(
            "WARN[0000] runtime connect using default endpoints: [unix:///run/containerd/containerd.sock unix:///run/crio/crio.sock unix:///var/run/cri-dockerd.sock]. As the default settings are now deprecated, you should set the endpoint instead.",
        );
        format!("unix://{}", SOCKETS[0])
    });
    let socket = endpoint.strip_prefix("unix://").unwrap_or(&endpoint);
    let failed = |why: &str| {
        Err(format!(
            "validate service connection: validate CRI v1 runtime API for endpoint {endpoint:?}: rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix {socket}: connect: {why}\""
        ))
    };
    // containerd takes its socket away when it stops.
    if !SOCKETS.contains(&socket) || !call.machine.services().is_running(CONTAINERD) {
        return failed("no such file or directory");
    }
    Ok(())
}
