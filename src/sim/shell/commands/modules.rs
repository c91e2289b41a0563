//! `modprobe` and `lsmod`: the kernel's modules of this node. Which are loaded is kept beside the node's files.
//! Source: kmod 31, `tools/modprobe.c`, `lsmod.c`; what is loaded at boot, `/etc/modules-load.d`.

use crate::sim::machine::Machine;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known = &[
    ("remove", 'r', false),
    ("verbose", 'v', false),
    ("quiet", 'q', false),
    ("dry-run", 'n', false),
    ("first-time", '\0', false),
    ("all", 'a', false),
];

/// What `/etc/modules-load.d` said when the node booted.
const BOOT: &str = include_str!("../../../../assets/machine/etc/modules-k8s.conf");

/// Modules there are, with their sizes.
const MODULES: &[(&str, u32)] = &[
    ("br_netfilter", 32768),
    ("bridge", 421_888),
    ("ip_tables", 32768),
    ("ip_vs", 221_184),
    ("ip_vs_rr", 12288),
    ("ip_vs_sh", 12288),
    ("ip_vs_wrr", 12288),
    ("nf_conntrack", 196_608),
    ("nf_tables", 372_736),
    ("overlay", 212_992),
    ("vxlan", 155_648),
    ("wireguard", 114_688),
    ("xt_comment", 12288),
];

fn file(machine: &Machine) -> std::path::PathBuf {
    machine.folder().join("modules.json")
}

/// The modules that are loaded: those of the boot, or what was loaded and removed since.
fn loaded(machine: &Machine) -> Vec<String> {
    let kept = std::fs::read_to_string(file(machine)).ok();
    kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_else(|| {
        let of_file = BOOT.lines().map(str::trim).filter(|line| !line.is_empty());
        of_file.chain(["nf_conntrack", "nf_tables", "vxlan"]).map(str::to_owned).collect()
    })
}

/// `lsmod`.
pub async fn list(call: Call) -> u8 {
    call.say("Module                  Size  Used by");
    let loaded = loaded(&call.machine);
    for (name, size) in MODULES.iter().filter(|(name, _)| loaded.iter().any(|one| one == name)) {
        call.say(format_args!("{name:<19} {size:>8}  0"));
    }
    0
}

/// `modprobe`.
pub async fn run(call: Call) -> u8 {
    let flags = match Flags::read(call.args(), &[KNOWN]) {
        Ok(flags) => flags,
        Err(why) => {
            call.complain(format_args!("modprobe: ERROR: {why}"));
            return 1;
        }
    };
    if flags.rest.is_empty() {
        call.complain("modprobe: ERROR: missing parameters. See -h.");
        return 1;
    }
    let mut all = loaded(&call.machine);
    for name in &flags.rest {
        let plain = name.replace('-', "_");
        if !MODULES.iter().any(|(known, _)| *known == plain) {
            let kernel = "/lib/modules/6.8.0-71-generic";
            let what = format!("modprobe: FATAL: Module {name} not found in directory {kernel}");
            if !flags.on("quiet") {
                call.complain(what);
            }
            return 1;
        }
        all.retain(|one| *one != plain);
        if !flags.on("remove") {
            all.push(plain);
        }
    }
    let text = serde_json::to_vec(&all).unwrap_or_default();
    // Without it the node is as at its boot.
    let _ = crate::base::files::write_whole(&file(&call.machine), &text, 0o600);
    0
}
