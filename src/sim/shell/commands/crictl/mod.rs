//! `crictl`: what containerd runs on this node, by the words of cri-tools 1.35.
//! What it is stands in `held`; containers are the kubelet's, so what is stopped here it starts again.

mod about;
mod changing;
mod connecting;
mod held;
mod inspect;
mod listing;
mod talking;

use self::held::{Held, Kept};
pub(super) use self::held::{containers, references};
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

/// The version of cri-tools.
const VERSION: &str = "v1.35.0";

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
    ("pinned", '\0', false),
    ("seconds", '\0', true),
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
    ("imagefsinfo", LISTING),
    ("stats", LISTING),
    ("statsp", LISTING),
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
    connecting::connect(call, &global, (command, flags.on("prune")))?;
    asked(call, (command, &flags), &after[words..]).await
}

/// Answers a command; `rest` is what a container is to run.
async fn asked(call: &mut Call, (command, flags): (&str, &Flags), rest: &[String]) -> Outcome {
    let (all, mut kept) = (held::containers(call), Kept::of(&call.machine));
    let all: Vec<Held> = all.into_iter().filter(|one| !kept.removed.contains(&one.id)).collect();
    match command {
        "ps" => listing::ps(call, flags, all),
        "pods" => listing::pods(call, flags),
        "images" | "image" | "img" => listing::images(call, flags),
        "logs" => talking::logs(call, flags, all).await,
        "exec" => talking::exec(call, (flags, rest), all).await,
        "inspect" => inspect::containers(call, flags, &all),
        "inspectp" => inspect::pods(call, flags),
        "inspecti" => inspect::images(call, flags),
        "imagefsinfo" => inspect::file_systems(call, flags),
        "stats" => about::stats(call, flags, all),
        "statsp" => about::pod_stats(call, flags).await,
        "stop" | "rm" => changing::containers(call, (command, flags), all, &mut kept),
        "stopp" | "rmp" => changing::pods(call, (command, flags), all),
        "pull" => changing::pull(call, flags).await,
        "rmi" => changing::remove_images(call, flags),
        "version" => about::version(call),
        _ => about::info(call),
    }
}
