//! `swapon` and `swapoff`: whether this node swaps. What is in use is the machine's.
//! Source: util-linux 2.39, `sys-utils/swapon.c`, `swapoff.c`.

use crate::sim::machine::root::Root;
use crate::sim::machine::swap::{keep, used};
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known = &[
    ("all", 'a', false),
    ("show", '\0', false),
    ("summary", 's', false),
    ("noheadings", '\0', false),
    ("verbose", 'v', false),
    ("bytes", '\0', false),
];

/// The size of a swap area here.
const SIZE: &str = "2G";

/// The areas a node's `/etc/fstab` names.
fn declared(root: &Root) -> Vec<String> {
    let text = root.text("/etc/fstab").unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .filter(|words| words.get(2) == Some(&"swap"))
        .filter_map(|words| words.first().map(|one| (*one).to_owned()))
        .collect()
}

fn show(call: &Call, flags: &Flags, used: &[String]) {
    if flags.on("summary") && !used.is_empty() {
        call.say("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority");
        used.iter().for_each(|area| call.say(format_args!("{area:<39} file\t\t2097148\t\t0\t\t-2")));
    } else if !flags.on("summary") && !used.is_empty() {
        if !flags.on("noheadings") {
            call.say("NAME      TYPE SIZE USED PRIO");
        }
        used.iter().for_each(|area| call.say(format_args!("{area:<9} file   {SIZE}   0B   -2")));
    }
}

/// Runs either, by the name it was called by.
pub async fn run(call: Call) -> u8 {
    let off = call.words.first().is_some_and(|word| word.ends_with("swapoff"));
    let name = if off { "swapoff" } else { "swapon" };
    let (flags, root) = match (Flags::read(call.args(), &[KNOWN]), call.files()) {
        (Ok(flags), Ok(root)) => (flags, root),
        (Err(why), _) => {
            call.complain(why.replace("unknown flag:", &format!("{name}: unrecognized option")));
            return 1;
        }
        (_, Err(error)) => {
            call.complain(format_args!("{name}: {error}"));
            return 1;
        }
    };
    let mut used = used(&call.machine);
    let named = flags.rest.iter().map(|path| call.path(path));
    if off {
        if !flags.on("all") && flags.rest.is_empty() {
            call.complain("swapoff: bad usage\nTry 'swapoff --help' for more information.");
            return 16;
        }
        let mut code = 0;
        for path in named {
            if !used.contains(&path) {
                call.complain(format_args!("swapoff: {path}: swapoff failed: Invalid argument"));
                code = 4;
            }
            used.retain(|area| *area != path);
        }
        if flags.on("all") {
            used.clear();
        }
        keep(&call.machine, &used);
        return code;
    }
    let wanted: Vec<String> = if flags.on("all") { declared(root) } else { named.collect() };
    if wanted.is_empty() {
        if !flags.on("all") {
            show(&call, &flags, &used);
        }
        return 0;
    }
    let mut code = 0;
    for path in wanted {
        if !root.exists(&path) && !declared(root).contains(&path) {
            call.complain(format_args!("swapon: cannot open {path}: No such file or directory"));
            code = 255;
        } else if used.contains(&path) && !flags.on("all") {
            call.complain(format_args!("swapon: {path}: swapon failed: Device or resource busy"));
            code = 255;
        } else if !used.contains(&path) {
            used.push(path);
        }
    }
    keep(&call.machine, &used);
    code
}
