//! `sysctl`: the kernel's parameters of this node, read and set. The host's are never touched.
//! Source: procps-ng 4.0.4, `src/sysctl.c`; the order of folders from sysctl.d(5).

use std::collections::BTreeMap;

use crate::sim::machine::parameters::{Parameters, settings};
use crate::sim::machine::root::Root;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known = &[
    ("all", 'a', false),
    ("values", 'n', false),
    ("names", 'N', false),
    ("write", 'w', false),
    ("load", 'p', false),
    ("system", '\0', false),
    ("quiet", 'q', false),
    ("ignore", 'e', false),
    ("pattern", 'r', true),
];

/// Folders whose files are read, those of one name only from the first; and the file that is read last.
const FOLDERS: [&str; 4] = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];
const LAST: &str = "/etc/sysctl.conf";

/// The files the system reads, in order.
fn files(root: &Root) -> Vec<String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for folder in FOLDERS {
        for name in root.list(folder).unwrap_or_default().into_iter().filter(|name| name.ends_with(".conf")) {
            let path = format!("{folder}/{name}");
            found.entry(name).or_insert(path);
        }
    }
    found.into_values().chain(root.exists(LAST).then(|| LAST.to_owned())).collect()
}

fn missing(call: &Call, key: &str) {
    let path = key.replace('.', "/");
    call.complain(format_args!("sysctl: cannot stat /proc/sys/{path}: No such file or directory"));
}

fn show(call: &Call, flags: &Flags, (key, value): (&str, &str)) {
    match () {
        () if flags.on("quiet") => {}
        () if flags.on("values") => call.say(value),
        () if flags.on("names") => call.say(key),
        () => call.say(format_args!("{key} = {value}")),
    }
}

/// Sets what a file says; whether all of it could be.
fn apply(call: &Call, flags: &Flags, (parameters, text): (&mut Parameters, &str)) -> bool {
    let mut whole = true;
    for (key, value) in settings(text) {
        match parameters.set(&key, &value) {
            true => show(call, flags, (&key, &value)),
            false if flags.on("ignore") => {}
            false => {
                missing(call, &key);
                whole = false;
            }
        }
    }
    whole
}

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let args: Vec<String> =
        call.args().iter().map(|arg| if arg == "-A" { "-a".to_owned() } else { arg.clone() }).collect();
    let (flags, root) = match (Flags::read(&args, &[KNOWN]), call.files()) {
        (Ok(flags), Ok(root)) => (flags, root),
        (Err(why), _) => {
            call.complain(why.replace("unknown flag:", "sysctl: unrecognized option"));
            return 1;
        }
        (_, Err(error)) => {
            call.complain(format_args!("sysctl: {error}"));
            return 1;
        }
    };
    let mut parameters = Parameters::of(&call.machine);
    let before = parameters.values.clone();
    let whole = if flags.on("system") {
        let all = files(root).into_iter().map(|path| {
            call.say(format_args!("* Applying {path} ..."));
            apply(&call, &flags, (&mut parameters, &root.text(&path).unwrap_or_default()))
        });
        all.fold(true, |all, one| all & one)
    } else if flags.on("load") {
        let named = if flags.rest.is_empty() { vec![LAST.to_owned()] } else { flags.rest.clone() };
        named.iter().fold(true, |all, path| match root.text(&call.path(path)) {
            Ok(text) => all & apply(&call, &flags, (&mut parameters, &text)),
            Err(_) => {
                call.complain(format_args!("sysctl: cannot open \"{path}\": No such file or directory"));
                false
            }
        })
    } else {
        one_by_one(&call, &flags, &mut parameters)
    };
    if before != parameters.values {
        parameters.keep(&call.machine);
    }
    u8::from(!whole)
}

fn one_by_one(call: &Call, flags: &Flags, parameters: &mut Parameters) -> bool {
    let pattern = flags.get("pattern").and_then(|pattern| regex::Regex::new(pattern).ok());
    if flags.on("all") || pattern.is_some() {
        let all = parameters.values.iter().filter(|(key, _)| pattern.as_ref().is_none_or(|one| one.is_match(key)));
        all.for_each(|(key, value)| show(call, flags, (key, value)));
        return true;
    }
    if flags.rest.is_empty() {
        call.complain("sysctl: no variables specified\nTry `sysctl --help' for more information.");
        return false;
    }
    let mut whole = true;
    for word in &flags.rest {
        let (key, value) = word.split_once('=').map_or((word.as_str(), None), |(key, value)| (key, Some(value)));
        let key = key.trim().replace('/', ".");
        let known = match value {
            Some(value) if parameters.set(&key, value.trim()) => Some(value.trim().to_owned()),
            Some(_) => None,
            None if flags.on("write") => {
                call.complain(format_args!("sysctl: {word:?} must be of the form name=value"));
                whole = false;
                continue;
            }
            None => parameters.values.get(&key).cloned(),
        };
        match known {
            Some(value) => show(call, flags, (&key, &value)),
            None if flags.on("ignore") => {}
            None => {
                missing(call, &key);
                whole = false;
            }
        }
    }
    whole
}
