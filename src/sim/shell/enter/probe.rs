//! How nodes can be entered on this machine: tried, never guessed from its name.
//! The ways themselves stand beside.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::namespaces;
use crate::base::program;

/// The variable by which a worse way than the best is chosen: `proot` or `portable`.
const WANTED: &str = "KUBEDRILL_ENTER";

/// A way to enter nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The kernel's namespaces: a machine of its own, as far as files and processes go.
    Namespaces,
    /// `proot` at this path: files of its own, but the host's processes.
    Proot(PathBuf),
    /// A shell in the node's folder: absolute paths are the host's.
    Portable,
}

impl Mode {
    /// Whether the node's files are where a task says they are.
    pub fn has_shell(&self) -> bool {
        !matches!(self, Self::Portable)
    }
}

/// The way there is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub mode: Mode,
    /// Why it is no better one; empty for the best.
    pub why: String,
}

/// Tries, once for this process.
pub fn found() -> &'static Found {
    static FOUND: OnceLock<Found> = OnceLock::new();
    FOUND.get_or_init(look)
}

fn look() -> Found {
    let Some(program) = program::file() else {
        return Found { mode: Mode::Portable, why: "it is not known where the program is".to_owned() };
    };
    let wanted = std::env::var(WANTED).unwrap_or_default();
    let tried = match wanted.as_str() {
        "proot" | "portable" => Err(format!("{WANTED} is {wanted}")),
        _ => namespaces::probe(program),
    };
    match tried {
        Ok(()) => Found { mode: Mode::Namespaces, why: String::new() },
        // Nothing would keep root from the host's own files in proot.
        Err(why) if wanted == "portable" || rustix::process::geteuid().is_root() => Found { mode: Mode::Portable, why },
        Err(why) => Found { mode: program::on_path("proot").map_or(Mode::Portable, Mode::Proot), why },
    }
}

/// What gives namespaces to this user, as far as the kernel's settings tell what keeps them.
pub fn remedy() -> String {
    let setting = |name: &str| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        std::fs::read_to_string(path).map(|value| value.trim().to_owned()).unwrap_or_default()
    };
    // Ubuntu since 23.10; a profile with `userns` is the way its own documentation names (Ubuntu security, AppArmor, unprivileged user namespaces).
    if setting("kernel.apparmor_restrict_unprivileged_userns") == "1" {
        let file = program::file().unwrap_or("/usr/bin/kubedrill".as_ref()).display();
        return format!(
            "as root, once: write `abi <abi/4.0>, profile kubedrill {file} flags=(unconfined) {{ userns, }}` to /etc/apparmor.d/kubedrill and run apparmor_parser -r on it; or install proot"
        );
    }
    for (name, good) in [("user.max_user_namespaces", "10000"), ("kernel.unprivileged_userns_clone", "1")] {
        if setting(name) == "0" {
            return format!("as root: sysctl -w {name}={good}; or install proot");
        }
    }
    "in a container: start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined; or, not as root, install proot".to_owned()
}
