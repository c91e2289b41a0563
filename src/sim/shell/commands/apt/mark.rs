//! `apt-mark`: packages that are to stay as they are.
//! Source: apt's `cmdline/apt-mark.cc`.

use super::{FAILED, failed};
use crate::sim::machine::packages::Installed;
use crate::sim::shell::call::Call;

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let words: Vec<&String> = call.args().iter().filter(|arg| !arg.starts_with('-')).collect();
    let Some((verb, names)) = words.split_first() else {
        call.say("apt 2.7.14 (amd64)\nUsage: apt-mark [options] {auto|manual} pkg1 [pkg2 ...]");
        return 0;
    };
    let root = match call.files() {
        Ok(root) => root,
        Err(why) => return failed(&call, format_args!("E: {why}")),
    };
    let mut installed = Installed::of(root);
    match verb.as_str() {
        "hold" | "unhold" => {
            let held = verb.as_str() == "hold";
            if let Some(missing) = names.iter().find(|name| installed.get(name).is_none()) {
                call.complain(format_args!("E: Unable to locate package {missing}"));
                call.complain("E: No packages found");
                return FAILED;
            }
            for name in names {
                if installed.is_held(name) == held {
                    let word = if held { "already" } else { "already not" };
                    call.say(format_args!("{name} was {word} on hold."));
                } else {
                    installed.hold(name, held);
                    let line = if held { format!("{name} set on hold.") } else { format!("Canceled hold on {name}.") };
                    call.say(line);
                }
            }
            installed.save(root).map_or_else(|why| failed(&call, format_args!("E: {why}")), |()| 0)
        }
        "showhold" | "showholds" | "showheld" => {
            let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| *wanted == name);
            let held = installed.all().iter().map(|stanza| stanza.name()).filter(|name| installed.is_held(name));
            held.filter(|name| wanted(name)).for_each(|name| call.say(name));
            0
        }
        "showmanual" | "showinstall" => {
            installed.all().iter().for_each(|stanza| call.say(stanza.name()));
            0
        }
        "auto" | "manual" | "showauto" => 0,
        other => failed(&call, format_args!("E: Invalid operation {other}")),
    }
}
