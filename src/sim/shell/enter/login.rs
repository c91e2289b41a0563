//! What a shell on a node finds: its variables, its profile, its name.
//! The files around it are the node's own.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::{COMMANDS, NODE, NODES, SOCKET, Visit};
use crate::base::program;

/// Variables of the learner's own terminal that are good on a node, too.
const KEPT: [&str; 8] = ["TERM", "COLORTERM", "LANG", "LANGUAGE", "EDITOR", "VISUAL", "KUBE_EDITOR", "NO_COLOR"];
/// Where root looks for programs on Debian and its kin (`/etc/login.defs`, ENV_SUPATH).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The shell's own `kill` knows the processes of the login alone; those of the node get their signals from the command of that name.
const KILL: (&str, &str) = (
    "BASH_FUNC_kill%%",
    "() { case \"$*\" in *%*|-l*|-L*) builtin kill \"$@\";; *) env kill \"$@\" || { set -- $? \"$@\"; [ \"$1\" = 127 ] && builtin kill \"${@:2}\" || return \"$1\"; };; esac; }",
);

/// What a login shell reads first; the rest, such as completion, is in the node's own ~/.bashrc.
const PROFILE: &str = r#"umask 022
PS1='\u@\h:\w\$ '
export PS1
if [ -n "$BASH_VERSION" ]; then
  if [ -r ~/.bashrc ] && ! [ -r ~/.bash_profile ] && ! [ -r ~/.bash_login ] && ! [ -r ~/.profile ]; then . ~/.bashrc; fi
fi
"#;

/// The profile of a node; `host` where the system does not know the node's name.
pub fn profile(host: Option<&str>) -> String {
    host.map_or_else(|| PROFILE.to_owned(), |host| PROFILE.replace("\\h", host))
}

/// The variables of whoever is on a node: root's, and what the terminal needs.
pub fn environment(visit: &Visit) -> Vec<(String, String)> {
    let mut env: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| KEPT.contains(&name.as_str()) || name.starts_with("LC_"))
        .collect();
    let path = [COMMANDS, PATH].into_iter().map(str::to_owned).chain(elsewhere()).collect::<Vec<_>>().join(":");
    let ours = [
        ("HOME", "/root"),
        ("USER", "root"),
        ("LOGNAME", "root"),
        ("SHELL", "/bin/bash"),
        ("PATH", &path),
        (NODE, &visit.entrance.node),
        (NODES, SOCKET),
        KILL,
    ];
    env.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
    env
}

/// Folders of the host's `PATH` in trees that are on the node as a whole, such as the Nix store.
fn elsewhere() -> Vec<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter_map(|folder| folder.canonicalize().ok());
    folders
        .filter(|folder| ["/nix", "/gnu", "/snap"].iter().any(|tree| folder.starts_with(tree)))
        .map(|folder| folder.to_string_lossy().into_owned())
        .collect()
}

/// What runs there: a login shell, or the command. The open files of these numbers are not for it.
pub fn command(visit: &Visit, closing: &[i32]) -> Command {
    let shell = shell();
    let mut command = Command::new(&shell);
    match (&visit.command, closing) {
        (Some(words), []) => command.args(["-c", words]),
        (None, []) => command.arg0("-bash"),
        (words, closing) => {
            let closing: String = closing.iter().map(|number| format!(" {number}>&-")).collect();
            let (login, args) = words.as_ref().map_or(("-l ", ""), |_| ("", " -c \"$1\""));
            command.arg("-c").arg(format!("exec{closing}; exec {login}\"$0\"{args}")).arg(&shell).args(words)
        }
    };
    command.env_clear().envs(environment(visit));
    command
}

/// The host's bash, by the path it is found at on the node.
fn shell() -> PathBuf {
    let usual = Path::new("/bin/bash");
    let found = || program::on_path("bash")?.canonicalize().ok();
    if usual.exists() { usual.to_owned() } else { found().unwrap_or_else(|| "/bin/sh".into()) }
}
