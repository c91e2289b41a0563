//! `hostnamectl`: the node's name and system, read from its files.
//! Source: systemd 255, `src/hostname/hostnamectl.c`.

use crate::sim::shell::call::Call;

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let Ok(files) = call.files() else { return 1 };
    let read = |path: &str| files.text(path).unwrap_or_default().trim().to_owned();
    let name = read("/etc/hostname");
    match call.args() {
        [] => {}
        [word] if word == "status" => {}
        [word] if word == "hostname" || word == "--static" => {
            call.say(name);
            return 0;
        }
        [word, ..] => {
            call.complain(format_args!("hostnamectl: {word} is not simulated by this practice cluster"));
            return 1;
        }
    }
    let release = read("/etc/os-release");
    let system = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or_default()
        .trim_matches('"')
        .to_owned();
    let rows = [
        ("Static hostname", name),
        ("Icon name", "computer-vm".to_owned()),
        ("Chassis", "vm".to_owned()),
        ("Machine ID", read("/etc/machine-id")),
        ("Virtualization", "kvm".to_owned()),
        ("Operating System", system),
        ("Kernel", "Linux 6.8.0-71-generic".to_owned()),
        ("Architecture", "x86-64".to_owned()),
    ];
    rows.iter().for_each(|(key, value)| call.say(format_args!("{key:>16}: {value}")));
    0
}
