//! The learner's shell: which program, where, and with which environment.
//! Running it in a terminal is the faces'.

use std::path::{Path, PathBuf};

use super::{Lab, LabError};
use crate::base::{files, program};
use crate::cluster::entry::NODES;

/// A shell as it is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    pub program: String,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub cwd: PathBuf,
}

/// The variables by which `kubectl` and its kin find the lab's cluster, and nothing of the user's own; and `ssh` its nodes.
pub fn environment(lab: &Lab) -> Vec<(String, String)> {
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut env = vec![
        ("KUBECONFIG".to_owned(), path(lab.cluster.kubeconfig().to_owned())),
        // Discovery is cached by address; clusters of different shape may follow each other on one port.
        ("KUBECACHEDIR".to_owned(), path(lab.dir.join("cache"))),
    ];
    if let Some(way) = lab.cluster.way_in() {
        env.push((NODES.to_owned(), way.into()));
        env.extend(path_to_nodes(&lab.dir.join("bin")).map(|path| ("PATH".to_owned(), path)));
    }
    env
}

/// The `PATH` with `ssh` and `scp` that know the nodes first; `None` where this process is not the program that they are.
fn path_to_nodes(folder: &Path) -> Option<String> {
    let program = program::file()?;
    files::private_dir(folder).ok()?;
    for name in ["ssh", "scp"] {
        let link = folder.join(name);
        if std::fs::read_link(&link).is_ok_and(|leads| leads == program) {
            continue;
        }
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(program, &link).ok()?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).ok()?.into_string().ok()
}

/// What the exam's shells have ready.
const RC: &str = r#"[ -f ~/.bashrc ] && . ~/.bashrc
alias k=kubectl
if command -v kubectl >/dev/null 2>&1; then
  . <(kubectl completion bash 2>/dev/null)
  complete -o default -F __start_kubectl k 2>/dev/null
fi
PS1='\[\e[1;36m\]kubedrill\[\e[0m\] \[\e[2m\]\W\[\e[0m\] \$ '
"#;

/// The learner's own bash with the exam's comforts; `sh` where there is none.
pub fn of(lab: &Lab) -> Result<Shell, LabError> {
    let rc = lab.dir.join("bashrc");
    files::write_atomic(&rc, RC.as_bytes(), 0o600).map_err(|source| LabError::File { path: rc.clone(), source })?;
    let has = |name: &str| {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
    };
    let (program, args) = if has("bash") {
        ("bash", vec!["--rcfile".to_owned(), rc.to_string_lossy().into_owned(), "-i".to_owned()])
    } else {
        ("sh", Vec::new())
    };
    Ok(Shell { program: program.to_owned(), args, env: environment(lab), cwd: lab.work() })
}
